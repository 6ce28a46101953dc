import { create } from "@bufbuild/protobuf";
import { beforeEach, expect, test, vi } from "vitest";
import { queries } from "../../src/api/client";
import { Stream } from "../../src/gen/gator/v1/common_pb";
import { LineSchema } from "../../src/gen/gator/v1/query_pb";
import { ListLinesResponseSchema } from "../../src/gen/gator/v1/query_service_pb";
import { lastLineOf, listLines, readLines } from "../../src/log/line-source";

vi.mock("../../src/api/client", () => ({ queries: { listLines: vi.fn() } }));

const SUBJECT = { run: "0123", path: "top", attempt: 1 };
const asked = vi.mocked(queries.listLines);

beforeEach(() => {
  asked.mockReset();
});

/** Lets the server answer with pages of these lines; all but the last one have a token. */
function answer(...pages: number[][]): void {
  pages.forEach((numbers, index) => {
    const lines = numbers.map((number) => create(LineSchema, { stream: Stream.STDOUT, number: BigInt(number) }));
    const nextPageToken = index + 1 < pages.length ? `page ${index + 1}` : "";
    asked.mockResolvedValueOnce(create(ListLinesResponseSchema, { lines, nextPageToken }));
  });
}

test("an empty page for which the server had too little time is not the end of the output", async () => {
  answer([], [], [17]);
  expect(await lastLineOf(SUBJECT, Stream.STDOUT, new AbortController().signal)).toBe(17);
  expect(asked.mock.calls.map(([request]) => request.pageToken)).toEqual(["", "page 1", "page 2"]);
});

test("a stream without lines has none", async () => {
  answer([], []);
  expect(await lastLineOf(SUBJECT, Stream.STDOUT, new AbortController().signal)).toBe(0);
});

test("hits are read until there are enough, and go on from there", async () => {
  answer([1], [], [5, 9], [12]);
  const { lines, next } = await listLines({ ...SUBJECT, regex: "x" }, 2);
  expect(lines.map((line) => Number(line.number))).toEqual([1, 5, 9]);
  expect(next).toBe("page 3");
});

test("all lines of a range are read", async () => {
  answer([3, 4], [5]);
  expect((await readLines(SUBJECT, Stream.STDOUT, 3, 5)).length).toBe(3);
});

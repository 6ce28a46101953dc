import { create } from "@bufbuild/protobuf";
import { expect, test, vi } from "vitest";
import { Outcome, Stream } from "../../src/gen/gator/v1/common_pb";
import { LineSchema, NodeSchema, RunSchema } from "../../src/gen/gator/v1/query_pb";
import { markdown } from "../../src/log/markdown";
import { extend, placeOf, placeText } from "../../src/log/place";
import { folded, pieces, plain, visible } from "../../src/log/text";

test("the hash of a URL names a line or a range", () => {
  expect(placeOf("#err:17")).toEqual({ stream: Stream.STDERR, first: 17, last: 17 });
  expect(placeOf("#out:17-23")).toEqual({ stream: Stream.STDOUT, first: 17, last: 23 });
  expect(placeOf("#out%3A3")).toEqual({ stream: Stream.STDOUT, first: 3, last: 3 });
  for (const wrong of ["", "#", "#in:1", "#out:x", "#out:1-"]) expect(placeOf(wrong)).toBeUndefined();
  expect(placeText({ stream: Stream.STDERR, first: 17, last: 23 })).toBe("err:17-23");
});

test("a range is extended in both directions, within its stream", () => {
  const place = extend(undefined, Stream.STDOUT, 10);
  expect(placeText(extend(place, Stream.STDOUT, 4))).toBe("out:4-10");
  expect(placeText(extend(place, Stream.STDERR, 4))).toBe("err:4");
});

test("a bar of progress is folded to its last state", () => {
  expect(folded("10 %\r50 %\r100 %")).toBe("100 %");
  expect(folded("windows\r")).toBe("windows");
});

test("colours become classes, and other sequences of terminals are removed", () => {
  expect(pieces("\u001b[31mred\u001b[0m plain")).toEqual([
    { text: "red", classes: "ansi-red" },
    { text: " plain", classes: "" },
  ]);
  expect(visible("\u001b]8;;http://evil\u0007link\u001b]8;;\u0007 \u001b[2Kx\u0000y")).toBe("link xy");
  expect(plain("\u001b[1mbold\u001b[0m")).toBe("bold");
});

test("controls that reorder text are shown by their numbers", () => {
  expect(visible("a\u202eb\u2066c")).toBe("a\\u202eb\\u2066c");
});

test("classes come from a fixed set, whatever a line has", () => {
  for (const piece of pieces("\u001b[38;2;1;2;3mx\u001b[38;5;200my\u001b[48;5;2mz <b onclick=x>"))
    expect(piece.classes).toMatch(/^[a-z -]*$/);
});

vi.stubGlobal("location", { hostname: "hub.example" });

test("a copy for a ticket has what is needed to repeat the job", () => {
  const run = create(RunSchema, { id: "0123456789abcdef", ident: "nightly", git: { commit: "c0ffee", dirty: true } });
  const node = create(NodeSchema, { path: "nightly/sims/run[2]", outcome: Outcome.FAILED, seed: 7, signature: "s1-00" });
  const lines = [create(LineSchema, { stream: Stream.STDERR, number: 9n, text: "``` \u001b[31mFATAL\u001b[0m" })];
  const text = markdown(run, node, "sim --seed 7", lines);
  expect(text).toContain("### nightly/sims/run[2]");
  expect(text).toContain("* commit: c0ffee with uncommitted changes");
  expect(text).toContain("* seed: 7");
  expect(text).toContain("`gator logs 'nightly/sims/run[2]' -r hub:0123456789ab --hub hub.example:8080`");
  expect(text).toContain("````text\nerr:9  ``` FATAL\n````");
});

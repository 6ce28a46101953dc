import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { Outcome } from "../../src/gen/gator/v1/common_pb";
import { HistoryEntrySchema } from "../../src/gen/gator/v1/hub_pb";
import { FailureGroupSchema, LineRangeSchema, RunSchema } from "../../src/gen/gator/v1/query_pb";
import { MergedRows } from "../../src/log/ranges";
import { csv } from "../../src/ui/export";
import { arrange, utilisation } from "../../src/views/run/timeline-data";
import { gridOf } from "../../src/views/run/transitions";
import { causesOf } from "../../src/views/trend/causes";

const bar = (path: string, start: number, end: number, host = "a") => ({
  path,
  start,
  end,
  host,
  status: "passed" as const,
  lane: -1,
  cores: 2,
  memory: 0,
  licenses: {},
});

test("CSV quotes what needs it, and no value is a formula", () => {
  const rows = [
    { name: 'a "b", c', value: 1.5 },
    { name: "=HYPERLINK(1)", value: -2, more: "x\ny" },
  ];
  expect(csv(rows)).toBe('name,value,more\r\n"a ""b"", c",1.5,\r\n\'=HYPERLINK(1),-2,"x\ny"\r\n');
});

test("bars that overlap get lanes of their own, host by host", () => {
  const bars = [bar("one", 0, 2), bar("two", 1, 3), bar("three", 2, 4), bar("four", 0, 1, "b")];
  expect(arrange(bars).map((lane) => lane.host)).toEqual(["a", "a", "b"]);
  expect(bars.map((one) => one.lane)).toEqual([0, 1, 0, 2]);
  expect(utilisation(bars.slice(0, 2), (one) => one.cores)).toEqual([
    [0, 2],
    [1, 4],
    [2, 2],
    [3, 0],
  ]);
});

test("merged rows lead to lines of their streams, and back", () => {
  const range = (stream: number, firstLine: bigint, lines: bigint) => create(LineRangeSchema, { stream, firstLine, lines });
  const rows = new MergedRows([range(1, 1n, 3n), range(2, 1n, 2n), range(1, 4n, 2n)]);
  expect(rows.total).toBe(7);
  expect([0, 2, 3, 4, 5, 6, 7].map((row) => rows.spot(row)?.line)).toEqual([1, 3, 1, 2, 4, 5, undefined]);
  expect(rows.row(2, 2)).toBe(4);
  expect(rows.row(1, 5)).toBe(6);
  expect(rows.row(1, 99)).toBe(6);
});

const entry = (run: string, started: bigint, outcome: Outcome, signature = "") =>
  create(HistoryEntrySchema, { run: { run, startedUnixNanos: started }, outcome, signature });

test("a grid has the runs in which a job changed, and the last one", () => {
  const { PASSED, FAILED } = Outcome;
  const job = [PASSED, PASSED, FAILED, FAILED, FAILED].map((outcome, index) => entry(`r${index}`, BigInt(index), outcome, "s"));
  const { columns } = gridOf([job.reverse()], { cause: "", signature: "s" });
  expect(columns.map(({ run, skipped, cells }) => [run, skipped, ...cells])).toEqual([
    ["r0", 0, "passed"],
    ["r2", 1, "fails"],
    ["r4", 1, "fails"],
  ]);
});

test("causes over runs have their first and last sighting; those of the last run come first", () => {
  const runs = ["new", "middle", "old"].map((id) => create(RunSchema, { id }));
  const group = (signature: string) => create(FailureGroupSchema, { signature });
  const seen = causesOf(runs, [[group("a")], [group("b")], [group("b"), group("a")]]);
  expect(seen.map((one) => [one.key, one.first.id, one.last.id, one.runs, one.isPresent])).toEqual([
    ["a", "old", "new", 2, true],
    ["b", "old", "middle", 2, false],
  ]);
});

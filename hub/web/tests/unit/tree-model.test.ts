import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { NodeKind } from "../../src/gen/gator/v1/common_pb";
import { NodeSchema } from "../../src/gen/gator/v1/query_pb";
import { type Level, rowsOf } from "../../src/views/run/tree-model";

function level(paths: string[], next = ""): Level {
  return { nodes: paths.map((path) => create(NodeSchema, { path })), next };
}

function texts(levels: Record<string, Level>, open: string[]): string[] {
  const rows = rowsOf("", new Map(Object.entries(levels)), new Set(open));
  return rows.map((row) => `${row.depth} ${row.kind === "node" ? row.node.path : `more of ${row.path}`}`);
}

test("a level that was not read yet is one row", () => {
  expect(texts({}, [])).toEqual(["0 more of "]);
  expect(texts({ "": level(["a"]) }, ["a"])).toEqual(["0 a", "1 more of a"]);
});

test("closed levels have no rows, and open ones have theirs below them", () => {
  const levels = { "": level(["a"]), a: level(["a/x", "a/y"]), "a/x": level(["a/x/1"]) };
  expect(texts(levels, ["a", "a/x"])).toEqual(["0 a", "1 a/x", "2 a/x/1", "1 a/y"]);
  expect(texts(levels, ["a"])).toEqual(["0 a", "1 a/x", "1 a/y"]);
});

test("a job has no level, also if it is the root", () => {
  const root = create(NodeSchema, { path: "a", kind: NodeKind.JOB });
  expect(texts({ "": { nodes: [root], next: "" } }, ["a"])).toEqual(["0 a"]);
});

test("the next page of a level follows the pages that were read", () => {
  expect(texts({ "": level(["a"]), a: level(["a/1"], "token") }, ["a"])).toEqual(["0 a", "1 a/1", "1 more of a"]);
});

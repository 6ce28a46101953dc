import { NodeKind } from "../../gen/gator/v1/common_pb";
import type { Node } from "../../gen/gator/v1/query_pb";

/** The children of a node that were read so far. */
export interface Level {
  nodes: Node[];
  /** Token of the page after them; empty after the last page. */
  next: string;
}

/** A row of the tree: a node, or the place of the next page of a level. */
export type Row =
  | { kind: "node"; node: Node; depth: number; isOpen: boolean }
  | { kind: "more"; path: string; depth: number };

/** Returns the rows of the open levels below a node, in the order of the tree. */
export function rowsOf(
  path: string,
  levels: ReadonlyMap<string, Level>,
  open: ReadonlySet<string>,
  depth = 0,
): Row[] {
  const level = levels.get(path);
  if (!level) return open.has(path) || depth === 0 ? [{ kind: "more", path, depth }] : [];
  const rows: Row[] = [];
  for (const node of level.nodes) {
    // The root of a run can be a job, which has no level below it.
    const isOpen = open.has(node.path) && node.kind !== NodeKind.JOB;
    rows.push({ kind: "node", node, depth, isOpen });
    if (isOpen) for (const row of rowsOf(node.path, levels, open, depth + 1)) rows.push(row);
  }
  if (level.next) rows.push({ kind: "more", path, depth });
  return rows;
}

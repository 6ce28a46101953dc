import type { Node } from "../../gen/gator/v1/query_pb";
import type { Level, Row } from "./tree-model";

/** Decides when the levels in view are read again, because the run has changed since. */
export class Refresher {
  /** The state of the run. */
  version = "";
  private readonly readAt = new Map<string, string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly delayMs: number;

  constructor(delayMs: number) {
    this.delayMs = delayMs;
  }

  /** Notes that a level was read now. */
  note(path: string): void {
    this.readAt.set(path, this.version);
  }

  /** Calls `refresh` after a while, once for all calls until then. */
  plan(refresh: (isStale: (path: string) => boolean) => Promise<void>): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      const isStale = (path: string) => this.readAt.get(path) !== this.version;
      // What fails now is stale at the next change or scroll.
      refresh(isStale).catch(() => undefined);
    }, this.delayMs);
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}

type List = (path: string, pageToken: string) => Promise<{ nodes: Node[]; nextPageToken: string }>;

/** Returns a level as it is now, with at least a number of nodes if there are as many. */
export async function readAgain(list: List, path: string, wanted: number): Promise<Level> {
  const nodes: Node[] = [];
  let next = "";
  do {
    const answer = await list(path, next);
    nodes.push(...answer.nodes);
    next = answer.nextPageToken;
  } while (next && nodes.length < wanted);
  return { nodes, next };
}

/** Returns the path of the level of a row. */
export function parentOf(row: Row): string {
  if (row.kind === "more") return row.path;
  if (row.depth === 0) return "";
  return row.node.path.slice(0, row.node.path.lastIndexOf("/"));
}

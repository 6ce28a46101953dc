import { Outcome, Reason } from "./gen/gator/v1/common_pb";
import type { HistoryEntry } from "./gen/gator/v1/hub_pb";
import { NodeState, RunState, type Node, type Run } from "./gen/gator/v1/query_pb";

/** What a run or node is at, as a class of styles and a word. */
export type Status =
  | "passed"
  | "failed"
  | "lost"
  | "cancelled"
  | "pruned"
  | "running"
  | "waiting"
  | "away"
  | "died";

export const MARKS: Record<Status, string> = {
  passed: "✓",
  failed: "✗",
  lost: "⚡",
  cancelled: "⊘",
  pruned: "–",
  running: "▶",
  waiting: "·",
  away: "?",
  died: "†",
};

const OUTCOMES: Record<number, Status> = {
  [Outcome.PASSED]: "passed",
  [Outcome.FAILED]: "failed",
  [Outcome.PRUNED]: "pruned",
  [Outcome.CANCELLED]: "cancelled",
  [Outcome.LOST]: "lost",
};

export function outcomeStatus(outcome: Outcome): Status {
  return OUTCOMES[outcome] ?? "waiting";
}

export function runStatus(run: Run): Status {
  if (run.result) return outcomeStatus(run.result.outcome);
  if (run.state === RunState.RUNNING) return "running";
  return run.state === RunState.DIED ? "died" : "away";
}

export function nodeStatus(node: Node): Status {
  if (node.state === NodeState.ENDED) return outcomeStatus(node.outcome);
  return node.state === NodeState.RUNNING ? "running" : "waiting";
}

/** What a node was at in one of several runs. */
export function entryStatus(entry: HistoryEntry): Status {
  if (entry.outcome) return outcomeStatus(entry.outcome);
  return entry.tally?.running || entry.tally?.passed || entry.tally?.failed ? "running" : "waiting";
}

export function isFailure(status: Status): boolean {
  return status === "failed" || status === "lost" || status === "died";
}

const REASONS: Record<number, string> = Object.fromEntries(
  Object.entries(Reason)
    .filter((entry): entry is [string, Reason] => typeof entry[1] === "number")
    .map(([name, value]) => [value, name.toLowerCase().replaceAll("_", " ")]),
);

export function reasonText(reason: Reason): string {
  return reason ? (REASONS[reason] ?? "") : "";
}

/** The end of a run, or the time until which its durations count. */
export function runEnd(run: Run): bigint {
  if (run.endedUnixNanos) return run.endedUnixNanos;
  if (run.state !== RunState.RUNNING && run.lastSeenUnixNanos) return run.lastSeenUnixNanos;
  return BigInt(Date.now()) * 1_000_000n;
}

import { count, duration, plural } from "../../format";
import { NodeKind } from "../../gen/gator/v1/common_pb";
import type { Node } from "../../gen/gator/v1/query_pb";
import { nameOf } from "../../paths";
import { isFailure, nodeStatus, reasonText } from "../../states";
import { Mark, TallyBar } from "../../ui/parts";
import type { Row } from "./tree-model";

interface NodeRowProps {
  row: Extract<Row, { kind: "node" }>;
  isFlat: boolean;
  isCursor: boolean;
  onEnter: () => void;
}

/** A node of the tree. */
export function NodeRow({ row, isFlat, isCursor, onEnter }: NodeRowProps) {
  const { node } = row;
  const status = nodeStatus(node);
  const isJob = node.kind === NodeKind.JOB;
  return (
    <div
      class={`tree-row ${isCursor ? "cursor" : ""}`}
      role="treeitem"
      aria-level={row.depth + 1}
      aria-selected={isCursor}
      {...(isJob ? {} : { "aria-expanded": row.isOpen })}
      onClick={onEnter}
    >
      <span class="head">
        <span class="indent" style={{ width: `${row.depth * 18}px` }} />
        <span class="twist" aria-hidden="true">
          {isJob ? "" : row.isOpen ? "▾" : "▸"}
        </span>
        <Mark status={status} />
        <span class="name">{isFlat ? node.path : nameOf(node.path)}</span>
      </span>
      {!isJob && <TallyBar tally={node.tally} />}
      {isJob && node.attempts > 1 && <span class="chip">{plural(node.attempts, "attempt")}</span>}
      {isJob && (node.tally?.waiting ?? 0n) > 1n && <span class="chip">{plural(node.tally?.waiting ?? 0n, "job")}</span>}
      <span class="detail">{detailOf(node)}</span>
      <span class="took">{node.endedUnixNanos && node.startedUnixNanos ? duration(node.endedUnixNanos - node.startedUnixNanos) : ""}</span>
    </div>
  );
}

const WAITING = ["", "dependency", "cores", "memory", "license", "host", "drain", "hold", "retry"];

function detailOf(node: Node): string {
  const status = nodeStatus(node);
  if (isFailure(status)) return node.firstError?.text.split("\n")[0] || node.message || reasonText(node.reason);
  if (status === "waiting" && node.waitingFor.length)
    return `waits for ${node.waitingFor.map((reason) => WAITING[reason] ?? "").filter(Boolean).join(", ")}`;
  if (node.progress?.text || node.progress?.done !== undefined) {
    const { text, done, total } = node.progress;
    const part = done !== undefined && total ? `${Math.round((100 * done) / total)} %` : done !== undefined ? count(done) : "";
    return [part, text].filter(Boolean).join(" ");
  }
  return status === "passed" || status === "running" ? "" : node.message || reasonText(node.reason);
}

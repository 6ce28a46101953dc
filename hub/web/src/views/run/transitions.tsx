import { Link } from "wouter-preact";
import { hub } from "../../api/client";
import { usePolled } from "../../api/live";
import { turn } from "../../api/turn";
import { fullMoment, plural } from "../../format";
import type { HistoryEntry } from "../../gen/gator/v1/hub_pb";
import type { FailureGroup, Node, Run } from "../../gen/gator/v1/query_pb";
import { jobHref, runHref } from "../../paths";
import { MARKS, outcomeStatus } from "../../states";
import { Loading, Problem } from "../../ui/parts";
import { causeKey, jobsOfCause } from "./cause-jobs";

const RUNS = 50;
/** Maximum number of jobs in a grid. */
const MAX_JOBS = 25;

/** What a job did in a run, as one of a few states. */
type Cell = "fails" | "other" | "passed" | "none";

/** The jobs of a cause over the runs of the series; runs in which no job changed are left out. */
export function Transitions({ run, group }: { run: Run; group: FailureGroup }) {
  const { value, error } = usePolled(`${run.id} ${causeKey(group)}`, 0, async (signal) => {
    const jobs = (await jobsOfCause(run.id, group, MAX_JOBS, signal)).slice(0, MAX_JOBS);
    const histories = await Promise.all(jobs.map((job) => turn(() => historyOf(run, job, signal))));
    return { jobs, grid: gridOf(histories, group) };
  });
  if (error) return <Problem text={error} />;
  if (!value) return <Loading />;
  const { jobs, grid } = value;
  if (grid.columns.length < 2) return <p class="none">No other run of this series is known.</p>;
  return (
    <div class="grid" tabIndex={0} role="region" aria-label="Changes over the runs">
      <table>
        <thead>
          <tr>
            <th>Job</th>
            {grid.columns.map((column) => (
              <th key={column.run}>
                {column.skipped > 0 && <span class="same" title={`${plural(column.skipped, "run")} without a change`}>…{column.skipped} </span>}
                <Link href={runHref(column.run)} title={fullMoment(column.started)} aria-current={column.run === run.id ? "page" : undefined}>
                  {column.run.slice(0, 6)}
                </Link>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {jobs.map((job, row) => (
            <tr key={job.path}>
              <th scope="row">
                <Link href={jobHref(run.id, job.path)}>{job.path}</Link>
              </th>
              {grid.columns.map((column) => (
                <CellMark key={column.run} cell={column.cells[row] ?? "none"} before={column.before[row] ?? "none"} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {group.jobs > BigInt(jobs.length) && <p class="none">The first {jobs.length} of {plural(group.jobs, "job")}.</p>}
    </div>
  );
}

function CellMark({ cell, before }: { cell: Cell; before: Cell }) {
  const [mark, style, text] = {
    fails: [MARKS.failed, "is-failed", "failed with this cause"],
    other: [MARKS.failed, "is-cancelled", "failed otherwise"],
    passed: [MARKS.passed, "is-passed", "passed"],
    none: ["", "", "did not run"],
  }[cell] as [string, string, string];
  if (cell === before) return <td class="same" title={text}>{cell === "none" ? "" : "·"}</td>;
  return (
    <td class={style} title={text}>
      {mark}
      <span class="sr-only">{text}</span>
    </td>
  );
}

interface Column {
  run: string;
  started: bigint;
  cells: Cell[];
  /** The states of the jobs in the run before. */
  before: Cell[];
  /** Number of runs before it that are left out. */
  skipped: number;
}

async function historyOf(run: Run, job: Node, signal: AbortSignal): Promise<HistoryEntry[]> {
  const path = job.path.slice(run.ident.length + 1);
  const { selection } = run;
  const request = { ident: run.ident, path, pageSize: RUNS, ...(selection ? { selection } : {}) };
  return (await hub.listHistory(request, { signal })).entries;
}

/** Returns the runs, oldest first, in which a job changed, and the last one. */
export function gridOf(histories: HistoryEntry[][], group: Pick<FailureGroup, "cause" | "signature">): { columns: Column[] } {
  const runs = new Map<string, bigint>();
  const cells = histories.map((entries) => {
    const found = new Map<string, Cell>();
    for (const entry of entries) {
      if (!entry.run) continue;
      runs.set(entry.run.run, entry.run.startedUnixNanos);
      found.set(entry.run.run, cellOf(entry, group));
    }
    return found;
  });
  const sorted = [...runs].sort(([, one], [, other]) => (one < other ? -1 : one > other ? 1 : 0));
  const columns: Column[] = [];
  let before: Cell[] = cells.map(() => "none");
  let skipped = 0;
  sorted.forEach(([run, started], index) => {
    const now = cells.map((found) => found.get(run) ?? "none");
    const isLast = index === sorted.length - 1;
    if (isLast || now.some((cell, row) => cell !== before[row])) {
      columns.push({ run, started, cells: now, before, skipped });
      skipped = 0;
    } else skipped += 1;
    before = now;
  });
  return { columns };
}

function cellOf(entry: HistoryEntry, group: Pick<FailureGroup, "cause" | "signature">): Cell {
  const status = outcomeStatus(entry.outcome);
  if (status === "passed") return "passed";
  if (status !== "failed" && status !== "lost") return "none";
  const isSame = group.cause ? entry.cause === group.cause : entry.signature === group.signature;
  return isSame ? "fails" : "other";
}

import type { ComponentChildren } from "preact";
import { Link } from "wouter-preact";
import { duration } from "../../format";
import type { Run } from "../../gen/gator/v1/query_pb";
import { runHref } from "../../paths";
import { runEnd, runStatus } from "../../states";
import { Badge, TallyBar, Time } from "../../ui/parts";
import { Causes } from "./causes";
import { emptyFilter, searchOf } from "./filter";
import { Sparkline } from "./sparkline";

/** A column of the table of runs. What a hidden column needs is not fetched. */
export interface Column {
  name: string;
  title: string;
  class: string;
  cell: (run: Run) => ComponentChildren;
  /** Whether the hub sorts by it. */
  isSorted?: boolean;
  /** Whether it is shown until the reader chooses otherwise. */
  isExtra?: boolean;
}

export const COLUMNS: Column[] = [
  { name: "state", title: "State", class: "state", cell: (run) => <Badge status={runStatus(run)} /> },
  { name: "run", title: "Run", class: "ident", isSorted: true, cell: (run) => <Name run={run} /> },
  { name: "jobs", title: "Jobs", class: "tally-cell", cell: (run) => <TallyBar tally={run.tally} /> },
  { name: "causes", title: "Causes", class: "causes", cell: (run) => <Causes run={run} /> },
  { name: "last", title: "Last 50 runs", class: "last", cell: (run) => <Sparkline run={run} /> },
  {
    name: "duration",
    title: "Duration",
    class: "duration number",
    isSorted: true,
    cell: (run) => duration(runEnd(run) - run.startedUnixNanos),
  },
  {
    name: "started",
    title: "Started",
    class: "started",
    isSorted: true,
    cell: (run) => <Time nanos={run.startedUnixNanos} />,
  },
  { name: "labels", title: "Labels", class: "label-cell", cell: (run) => <Labels run={run} /> },
  {
    name: "user",
    title: "User",
    class: "user",
    isSorted: true,
    cell: (run) => (run.owner && run.owner !== run.user ? `${run.user} (${run.owner})` : run.user),
  },
  { name: "host", title: "Host", class: "user", isExtra: true, cell: (run) => run.host },
  { name: "commit", title: "Commit", class: "user", isExtra: true, cell: (run) => <Commit run={run} /> },
  { name: "seed", title: "Seed", class: "user number", isExtra: true, cell: (run) => run.seed },
];

export const DEFAULT_COLUMNS = COLUMNS.filter((column) => !column.isExtra).map((column) => column.name);

function Name({ run }: { run: Run }) {
  return (
    <div>
      <Link href={runHref(run.id)} class="row-link">
        {run.ident}
      </Link>
      <span class="id">{run.id.slice(0, 8)}</span>
      {run.pinned && <span class="chip">pinned</span>}
    </div>
  );
}

function Labels({ run }: { run: Run }) {
  const labels = Object.entries(run.labels);
  if (!labels.length) return null;
  return (
    <div class="labels">
      {labels.map(([name, text]) => (
        <Link key={name} class="chip" href={`/${searchOf({ ...emptyFilter, label: `${name}=${text}` })}`}>
          {name}={text}
        </Link>
      ))}
    </div>
  );
}

function Commit({ run }: { run: Run }) {
  return run.git ? <code title={run.git.commit}>{run.git.commit.slice(0, 10)}</code> : null;
}

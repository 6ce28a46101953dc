import { queries } from "../../api/client";
import { NodeKind } from "../../gen/gator/v1/common_pb";
import { NodeState, type Node } from "../../gen/gator/v1/query_pb";
import { NodeOrder, Scope } from "../../gen/gator/v1/query_service_pb";
import { nodeStatus, type Status } from "../../states";

const PAGE = 1000;
/** Maximum number of jobs in a timeline; the first ones by their start. */
export const MAX_JOBS = 20_000;

/** A job on a row of the timeline. Times are in seconds after the start of the run. */
export interface Bar {
  path: string;
  status: Status;
  host: string;
  lane: number;
  start: number;
  end: number;
  cores: number;
  memory: number;
  licenses: Record<string, number>;
}

interface Lane {
  host: string;
  first: boolean;
}

export interface TimelineData {
  bars: Bar[];
  lanes: Lane[];
  end: number;
  isWhole: boolean;
}

/** Reads the jobs of a run that have started, and arranges them by hosts. */
export async function readTimeline(run: string, runStart: bigint, now: bigint, signal: AbortSignal): Promise<TimelineData> {
  const nodes: Node[] = [];
  let pageToken = "";
  do {
    const answer = await queries.listNodes(
      {
        run,
        scope: Scope.SUBTREE,
        kinds: [NodeKind.JOB],
        states: [NodeState.RUNNING, NodeState.ENDED],
        order: NodeOrder.STARTED,
        pageSize: PAGE,
        pageToken,
      },
      { signal },
    );
    nodes.push(...answer.nodes);
    // Jobs that were never started, such as pruned ones, come last.
    pageToken = answer.nodes.at(-1)?.startedUnixNanos === 0n ? "" : answer.nextPageToken;
  } while (pageToken && nodes.length < MAX_JOBS);
  const bars = nodes.filter((node) => node.startedUnixNanos).map((node) => barOf(node, runStart, now));
  return { bars, lanes: arrange(bars), end: bars.reduce((end, bar) => Math.max(end, bar.end), 0.001), isWhole: !pageToken };
}

function barOf(node: Node, runStart: bigint, now: bigint): Bar {
  const seconds = (nanos: bigint) => Number(nanos - runStart) / 1e9;
  return {
    path: node.path,
    status: nodeStatus(node),
    host: node.host,
    lane: 0,
    start: seconds(node.startedUnixNanos),
    end: seconds(node.endedUnixNanos || now),
    cores: node.demand?.cores ?? 1,
    memory: Number(node.demand?.memoryBytes ?? 0n),
    licenses: node.demand?.licenses ?? {},
  };
}

/** Gives each bar the first free lane of its host, and returns the lanes. */
export function arrange(bars: Bar[]): Lane[] {
  const hosts = new Map<string, { free: number[]; bars: [Bar, number][] }>();
  for (const bar of [...bars].sort((one, other) => one.start - other.start)) {
    const host = hosts.get(bar.host) ?? { free: [], bars: [] };
    hosts.set(bar.host, host);
    let lane = host.free.findIndex((end) => end <= bar.start);
    if (lane < 0) lane = host.free.push(0) - 1;
    host.free[lane] = bar.end;
    host.bars.push([bar, lane]);
  }
  const lanes: Lane[] = [];
  for (const name of [...hosts.keys()].sort()) {
    const host = hosts.get(name);
    if (!host) continue;
    for (const [bar, lane] of host.bars) bar.lane = lanes.length + lane;
    for (let lane = 0; lane < host.free.length; lane += 1) lanes.push({ host: name, first: lane === 0 });
  }
  return lanes;
}

/** Returns the sum of an amount over the running jobs, as points of time where it changes. */
export function utilisation(bars: Bar[], of: (bar: Bar) => number): [number, number][] {
  const changes: [number, number][] = [];
  for (const bar of bars) {
    const amount = of(bar);
    if (amount) changes.push([bar.start, amount], [bar.end, -amount]);
  }
  changes.sort((one, other) => one[0] - other[0]);
  const steps: [number, number][] = [];
  let sum = 0;
  for (const [at, change] of changes) {
    sum += change;
    const last = steps.at(-1);
    if (last?.[0] === at) last[1] = sum;
    else steps.push([at, sum]);
  }
  return steps;
}

/** Returns the bars as a trace in the format of Chrome, which Perfetto opens. */
export function traceOf({ bars, lanes }: TimelineData, name: string): string {
  const hosts = [...new Set(lanes.map((lane) => lane.host))];
  const firstLane = new Map(hosts.map((host) => [host, lanes.findIndex((lane) => lane.host === host)]));
  const names = hosts.map((host, index) => ({ name: "process_name", ph: "M", pid: index + 1, args: { name: host || name } }));
  const events = bars.map((bar) => ({
    name: bar.path,
    cat: bar.status,
    ph: "X",
    ts: Math.round(bar.start * 1e6),
    dur: Math.round((bar.end - bar.start) * 1e6),
    pid: hosts.indexOf(bar.host) + 1,
    tid: bar.lane - (firstLane.get(bar.host) ?? 0) + 1,
    args: { outcome: bar.status, cores: bar.cores, memory_bytes: bar.memory, licenses: bar.licenses },
  }));
  const cores = utilisation(bars, (bar) => bar.cores).map(([at, value]) => ({
    name: "cores",
    ph: "C",
    ts: Math.round(at * 1e6),
    pid: 1,
    args: { cores: value },
  }));
  return JSON.stringify({ displayTimeUnit: "ms", traceEvents: [...names, ...events, ...cores] });
}

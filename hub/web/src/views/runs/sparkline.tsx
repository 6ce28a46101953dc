import { useEffect, useState } from "preact/hooks";
import { hub } from "../../api/client";
import { turn } from "../../api/turn";
import { plural } from "../../format";
import type { HistoryEntry } from "../../gen/gator/v1/hub_pb";
import type { Run } from "../../gen/gator/v1/query_pb";
import { entryStatus } from "../../states";

const RUNS = 50;
const WIDTH = 100;
const MAX_BAR = 6;
const HEIGHT = 20;
const KEPT_MS = 30_000;
const MAX_KEPT = 200;

const known = new Map<string, { at: number; entries: Promise<HistoryEntry[]> }>();

/** The outcomes of the last runs of the series of a run, the newest at the right; the height is the share of failures. */
export function Sparkline({ run }: { run: Run }) {
  const [entries, setEntries] = useState<HistoryEntry[]>();
  const series = JSON.stringify([run.ident, run.selection?.only, run.selection?.skip, run.selection?.tags]);
  useEffect(() => {
    let isShown = true;
    historyOf(run, series).then(
      (found) => isShown && setEntries(found),
      // The series may have been removed meanwhile.
      () => known.delete(series),
    );
    return () => {
      isShown = false;
    };
  }, [series, run.endedUnixNanos]);
  if (!entries || entries.length < 2) return null;
  const shown = entries.slice(0, RUNS).reverse();
  const failed = shown.filter((entry) => entryStatus(entry) === "failed").length;
  const label = `${plural(shown.length, "run")}, ${failed} failed`;
  const step = Math.min(MAX_BAR, WIDTH / shown.length);
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      <title>{label}</title>
      {shown.map((entry, index) => {
        const x = index * step;
        const height = heightOf(entry);
        const isThis = entry.run?.run === run.id;
        return (
          <g key={entry.run?.run}>
            <rect class={`fill-${entryStatus(entry)}`} x={x} y={HEIGHT - height - 3} width={step * 0.8} height={height} />
            {isThis && <rect class="spark-here" x={x} y={HEIGHT - 2} width={step * 0.8} height={2} />}
          </g>
        );
      })}
    </svg>
  );
}

/** Returns the height of a bar: a passed run is full, one with failures at least a third, by their share. */
function heightOf(entry: HistoryEntry): number {
  const { tally } = entry;
  const full = HEIGHT - 4;
  if (!tally) return full / 3;
  const bad = Number(tally.failed + tally.lost);
  const total = bad + Number(tally.passed + tally.pruned + tally.cancelled);
  return entryStatus(entry) === "passed" || !total ? full : full * Math.max(0.35, 1 - bad / total);
}

function historyOf(run: Run, series: string): Promise<HistoryEntry[]> {
  const kept = known.get(series);
  if (kept && Date.now() - kept.at < KEPT_MS) return kept.entries;
  const entries = turn(async () => {
    const request = { ident: run.ident, pageSize: RUNS, ...(run.selection ? { selection: run.selection } : {}) };
    return (await hub.listHistory(request)).entries;
  });
  if (known.size >= MAX_KEPT) known.clear();
  known.set(series, { at: Date.now(), entries });
  return entries;
}

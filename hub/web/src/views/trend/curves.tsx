import { useEffect, useMemo, useRef } from "preact/hooks";
import { duration, moment, number, size } from "../../format";
import type { HistoryEntry } from "../../gen/gator/v1/hub_pb";
import { useKept } from "../../ui/keys";
import { theme } from "../../ui/theme";
import { chart } from "../chart";

const HEIGHT_PX = 170;
const MIN_RUNS = 2;

interface Measure {
  name: string;
  of: (entry: HistoryEntry) => number | null;
  text: (value: number) => string;
  color: string;
}

/** The pass rate, the duration, the memory and a chosen metric over the runs, the newest at the right. */
export function Curves({ entries }: { entries: HistoryEntry[] }) {
  const [chosen, setChosen] = useKept("trend-metric", "");
  const runs = useMemo(() => [...entries].reverse().filter((entry) => entry.outcome !== 0), [entries]);
  const names = useMemo(() => [...new Set(entries.flatMap((entry) => entry.metrics.map((metric) => metric.name)))].sort(), [entries]);
  const metric = names.includes(chosen) ? chosen : names[0];
  const isGroup = entries.some((entry) => total(entry) > 1);
  if (runs.length < MIN_RUNS) return null;
  return (
    <section class="section" aria-label="Curves">
      <div class="curves">
        {isGroup && <Curve runs={runs} measure={PASSED} />}
        <Curve runs={runs} measure={DURATION} />
        {!isGroup && <Curve runs={runs} measure={MEMORY} />}
        {metric && (
          <Curve runs={runs} measure={metricOf(metric, entries)}>
            {names.length > 1 && (
              <select aria-label="Metric" value={metric} onChange={(event) => setChosen(event.currentTarget.value)}>
                {names.map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            )}
          </Curve>
        )}
      </div>
    </section>
  );
}

function total({ tally }: HistoryEntry): number {
  return tally ? Number(tally.passed + tally.failed + tally.lost + tally.cancelled + tally.pruned) : 0;
}

const PASSED: Measure = {
  name: "Jobs that passed",
  of: (entry) => (total(entry) ? (100 * Number(entry.tally?.passed ?? 0n)) / total(entry) : null),
  text: (value) => `${Math.round(value * 10) / 10} %`,
  color: "--passed",
};
const DURATION: Measure = {
  name: "Duration",
  of: (entry) => Number(entry.wallNanos),
  text: duration,
  color: "--running",
};
const MEMORY: Measure = {
  name: "Peak memory",
  of: (entry) => Number(entry.peakMemoryBytes) || null,
  text: size,
  color: "--lost",
};

function metricOf(name: string, entries: HistoryEntry[]): Measure {
  const find = (entry: HistoryEntry) => entry.metrics.find((metric) => metric.name === name);
  const unit = entries.map(find).find(Boolean)?.unit ?? "";
  return {
    name,
    of: (entry) => find(entry)?.value ?? null,
    text: (value) => `${number(value)} ${unit}`.trim(),
    color: "--cancelled",
  };
}

interface CurveProps {
  runs: HistoryEntry[];
  measure: Measure;
  children?: preact.ComponentChildren;
}

function Curve({ runs, measure, children }: CurveProps) {
  const place = useRef<HTMLDivElement>(null);
  const last = runs.map(measure.of).filter((value) => value !== null).at(-1);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    return chart(element, {
      heightPx: HEIGHT_PX,
      x: { values: runs.map((_, index) => index), name: "Run", text: (index) => nameOf(runs[Math.round(index)]) },
      series: [{ name: measure.name, values: runs.map(measure.of), text: measure.text, color: measure.color, hasPoints: runs.length < 60 }],
    });
  }, [runs, measure.name, theme.value]);
  return (
    <div class="curve panel">
      <h3>
        {measure.name}
        {last !== undefined && <span class="of">last {measure.text(last)}</span>}
        <span class="push">{children}</span>
      </h3>
      <div ref={place} role="img" aria-label={`${measure.name} over ${runs.length} runs`} />
    </div>
  );
}

function nameOf(entry: HistoryEntry | undefined): string {
  return entry?.run ? moment(entry.run.startedUnixNanos) : "";
}

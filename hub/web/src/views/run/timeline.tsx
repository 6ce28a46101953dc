import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { usePolled } from "../../api/live";
import { count, duration } from "../../format";
import type { Run } from "../../gen/gator/v1/query_pb";
import { jobHref, nameOf } from "../../paths";
import { runEnd } from "../../states";
import { download, ExportButtons } from "../../ui/export";
import { Icon } from "../../ui/icons";
import { Problem } from "../../ui/parts";
import { colorsOf, theme } from "../../ui/theme";
import { type Bar, MAX_JOBS, readTimeline, type TimelineData, traceOf } from "./timeline-data";
import { draw, Layout, type Span } from "./timeline-draw";

const POLL_MS = 3000;
const ZOOM = 1.3;

interface Props {
  run: Run;
  version: string;
  isLive: boolean;
}

/** When and where the jobs of a run ran, with the cores, memory and licenses that they held. Read when it is in view. */
export function Timeline(props: Props) {
  const place = useRef<HTMLDivElement>(null);
  const [isSeen, setSeen] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && setSeen(true));
    if (place.current) observer.observe(place.current);
    return () => observer.disconnect();
  }, []);
  return <div ref={place}>{isSeen && <Jobs {...props} />}</div>;
}

function Jobs({ run, version, isLive }: Props) {
  const { value, error } = usePolled(run.id, isLive ? POLL_MS : 0, (signal) =>
    readTimeline(run.id, run.startedUnixNanos, runEnd(run), signal),
  );
  // The last state of a run that has just ended is read once more.
  const end = usePolled(`${run.id} ${isLive ? "" : version}`, 0, (signal) =>
    isLive ? Promise.resolve(undefined) : readTimeline(run.id, run.startedUnixNanos, runEnd(run), signal),
  );
  const data = end.value ?? value;
  if (error) return <Problem text={error} />;
  if (!data?.bars.length) return null;
  return <Chart run={run} data={data} />;
}

function Chart({ run, data }: { run: Run; data: TimelineData }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [span, setSpan] = useState<Span>();
  const [hovered, setHovered] = useState<Bar>();
  const [width, setWidth] = useState(0);
  const dragged = useRef<number>();
  const [, navigate] = useLocation();
  const layout = useMemo(() => new Layout(data), [data]);
  const shown = span ?? { from: 0, to: data.end };

  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const element = canvas.current;
    if (!element || !width) return;
    draw(element, layout, shown, hovered, colorsOf(element));
  }, [layout, shown.from, shown.to, hovered, width, theme.value]);

  const zoom = (factor: number, at: number) => {
    const from = Math.max(0, at - (at - shown.from) * factor);
    const to = Math.min(data.end, at + (shown.to - at) * factor);
    if (from <= 0 && to >= data.end) setSpan(undefined);
    else if (to - from > 0.001) setSpan({ from, to });
  };
  const timeOf = (event: MouseEvent) => layout.time(event.offsetX, shown, width);
  const middle = (shown.from + shown.to) / 2;
  return (
    <section class="section" aria-label="Timeline">
      <div class="section-head">
        <h2>Timeline</h2>
        {!data.isWhole && <span class="chip warn">the first {count(MAX_JOBS)} jobs</span>}
        <span class="actions">
          <button type="button" onClick={() => zoom(1 / ZOOM, middle)} title="Zoom in">
            +
          </button>
          <button type="button" onClick={() => zoom(ZOOM, middle)} title="Zoom out" disabled={!span}>
            −
          </button>
          <button type="button" onClick={() => setSpan(undefined)} disabled={!span}>
            Whole run
          </button>
          <button
            type="button"
            title="Save a trace, which ui.perfetto.dev and chrome://tracing open"
            onClick={() => download(`${run.ident}-${run.id.slice(0, 8)}.trace.json`, [traceOf(data, run.ident)], "application/json")}
          >
            <Icon name="download" /> Trace for Perfetto
          </button>
          <ExportButtons name={`${run.ident}-jobs`} rows={() => data.bars.map(exported)} />
        </span>
      </div>
      <div class="timeline panel">
        <canvas
          ref={canvas}
          style={{ height: `${layout.heightPx}px` }}
          role="img"
          aria-label={`${count(data.bars.length)} jobs on ${count(data.lanes.length)} slots over ${duration(data.end * 1e9)}`}
          onWheel={(event) => {
            if (!event.ctrlKey && !event.metaKey) return;
            event.preventDefault();
            zoom(event.deltaY > 0 ? ZOOM : 1 / ZOOM, timeOf(event));
          }}
          onMouseDown={(event) => (dragged.current = event.offsetX)}
          onMouseMove={(event) => setHovered(layout.barAt(event.offsetX, event.offsetY, shown, width))}
          onMouseLeave={() => setHovered(undefined)}
          onMouseUp={(event) => {
            const from = dragged.current;
            dragged.current = undefined;
            if (from === undefined) return;
            if (Math.abs(from - event.offsetX) > 8) {
              const ends = [layout.time(from, shown, width), timeOf(event)].sort((one, other) => one - other);
              setSpan({ from: Math.max(0, ends[0] ?? 0), to: Math.min(data.end, ends[1] ?? data.end) });
              return;
            }
            const bar = layout.barAt(event.offsetX, event.offsetY, shown, width);
            if (bar) navigate(jobHref(run.id, bar.path));
          }}
        />
        <p class="hint">{hovered ? hintOf(hovered) : "Drag over a part, or turn the wheel with Ctrl, to zoom. A click opens a job."}</p>
      </div>
    </section>
  );
}

function hintOf(bar: Bar): string {
  const where = bar.host ? ` on ${bar.host}` : "";
  const took = duration((bar.end - bar.start) * 1e9);
  return `${bar.path} · ${bar.status} · ${took}${where}, ${duration(bar.start * 1e9)} after the start of the run`;
}

function exported(bar: Bar) {
  const { path, status, host, start, end, cores, memory } = bar;
  return { path, name: nameOf(path), outcome: status, host, start_seconds: start, end_seconds: end, cores, memory_bytes: memory };
}

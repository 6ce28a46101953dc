import type { RefObject } from "preact";
import { useCallback, useEffect, useRef } from "preact/hooks";
import { Severity, type Stream } from "../gen/gator/v1/common_pb";
import { count } from "../format";
import { Windowed, type WindowHandle } from "../windows/windowed";
import type { LineSource } from "./line-source";
import { type Place, streamName } from "./place";
import type { Spot } from "./ranges";
import { LineText } from "./text";
import { LineTime, silenceBefore, type TimeForm } from "./times";

const ROW_PX = 20;
const MIN_ROWS = 4;
const MAX_ROWS = 36;
/** Share of the height of the view at which a line is shown that is jumped to. */
const SHARE = 0.3;

const SEVERITIES: Record<number, string> = {
  [Severity.DEBUG]: "debug",
  [Severity.WARNING]: "warning",
  [Severity.ERROR]: "error",
  [Severity.CRITICAL]: "critical",
};

export interface ViewerHandle {
  show(row: number): void;
  toEnd(): void;
}

/** The rows of a viewer: the lines of one stream, or of all. */
interface Rows {
  total: number;
  spot: (row: number) => Spot | undefined;
  source: (stream: Stream) => LineSource;
}

interface Props {
  rows: Rows;
  label: string;
  isLive: boolean;
  isWrapped: boolean;
  times: TimeForm;
  startNanos: bigint;
  marked: Place | undefined;
  hits: ReadonlySet<string>;
  handle: RefObject<ViewerHandle>;
  onPick: (spot: Spot, isRange: boolean) => void;
}

/** Returns the height of the view of a number of rows. */
export function viewPx(total: number): number {
  return (Math.max(MIN_ROWS, Math.min(total, MAX_ROWS)) + 1) * ROW_PX;
}

/** Lines by their numbers. */
export function Viewer(props: Props) {
  const { rows, label, isLive, isWrapped, handle } = props;
  const view = useRef<WindowHandle>(null);
  const shown = useRef({ first: 0, count: 50 });
  handle.current = {
    show: (row) => view.current?.show(row, SHARE),
    toEnd: () => view.current?.show(rows.total - 1, 1),
  };
  const latest = useRef(rows);
  latest.current = rows;
  const want = useCallback((first: number, lines: number) => {
    shown.current = { first, count: lines };
    wantRows(latest.current, first, lines);
  }, []);
  // Lines that have come since are read, and those whose reading failed.
  useEffect(() => wantRows(rows, shown.current.first, shown.current.count));
  const digits = `${count(rows.total)}`.length + 4;
  return (
    <Windowed
      rows={rows.total}
      rowPx={ROW_PX}
      role="log"
      class={`lines digits-${Math.min(16, digits)} ${isWrapped ? "wrapped" : ""}`}
      label={label}
      heightPx={viewPx(rows.total)}
      keepsEnd={isLive}
      isVariable={isWrapped}
      handle={view}
      onWindow={want}
    >
      {(row) => <Row key={row} row={row} {...props} />}
    </Windowed>
  );
}

/** Reads the lines of rows, stream by stream. */
function wantRows(rows: Rows, first: number, lines: number): void {
  const wanted = new Map<Stream, [number, number]>();
  // One row more, for the time since the line before.
  for (let row = Math.max(0, first - 1); row < Math.min(rows.total, first + lines); row += 1) {
    const spot = rows.spot(row);
    if (!spot) continue;
    const [from] = wanted.get(spot.stream) ?? [spot.line];
    wanted.set(spot.stream, [from, spot.line]);
  }
  for (const [stream, [from, to]] of wanted) rows.source(stream).want(from, to - from + 1);
}

function Row({ row, rows, times, startNanos, marked, hits, onPick }: Props & { row: number }) {
  const spot = rows.spot(row);
  if (!spot) return <div class="line" />;
  const { stream, line: number } = spot;
  const line = rows.source(stream).line(number);
  const above = row > 0 ? rows.spot(row - 1) : undefined;
  const before = above && rows.source(above.stream).line(above.line);
  const isMarked = marked?.stream === stream && number >= marked.first && number <= marked.last;
  const severity = SEVERITIES[line?.severity ?? 0] ?? "";
  const silence = line ? silenceBefore(line, before) : "";
  const name = streamName(stream);
  const classes = ["line", severity, isMarked && "marked", hits.has(`${stream}:${number}`) && "hit", silence && "after-silence"];
  return (
    <div class={classes.filter(Boolean).join(" ")}>
      <a
        class="number"
        href={`#${name}:${number}`}
        title={severity}
        onClick={(event) => {
          event.preventDefault();
          onPick(spot, event.shiftKey);
        }}
      >
        {name}:{number}
      </a>
      {line && <LineTime line={line} before={before} form={times} startNanos={startNanos} />}
      {line ? <LineText text={line.text} /> : <span class="text pending">…</span>}
      {silence && <span class="silence">{silence}</span>}
    </div>
  );
}

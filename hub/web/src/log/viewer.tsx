import type { RefObject } from "preact";
import { useCallback, useEffect, useRef } from "preact/hooks";
import { Severity } from "../gen/gator/v1/common_pb";
import { count } from "../format";
import { Windowed, type WindowHandle } from "../windows/windowed";
import type { LineSource } from "./line-source";
import { type Place, streamName } from "./place";
import { LineText } from "./text";

const ROW_PX = 20;
const MIN_ROWS = 8;
const MAX_ROWS = 45;
/** Share of the height of the view at which a line is shown that is jumped to. */
const SHARE = 0.3;

const SEVERITIES: Record<number, string> = {
  [Severity.DEBUG]: "debug",
  [Severity.WARNING]: "warning",
  [Severity.ERROR]: "error",
  [Severity.CRITICAL]: "critical",
};

export interface ViewerHandle {
  show(line: number): void;
  toEnd(): void;
}

interface Props {
  source: LineSource;
  total: number;
  isLive: boolean;
  marked: Place | undefined;
  hits: ReadonlySet<string>;
  handle: RefObject<ViewerHandle>;
  onPick: (line: number, isRange: boolean) => void;
  onKey: (event: KeyboardEvent) => void;
}

/** The lines of one stream, by their numbers. */
export function Viewer({ source, total, isLive, marked, hits, handle, onPick, onKey }: Props) {
  const view = useRef<WindowHandle>(null);
  const shown = useRef({ first: 0, count: 50 });
  handle.current = {
    show: (line) => view.current?.show(line - 1, SHARE),
    toEnd: () => view.current?.show(source.total - 1, 1),
  };
  const want = useCallback(
    (first: number, lines: number) => {
      shown.current = { first, count: lines };
      source.want(first + 1, lines);
    },
    [source],
  );
  // Lines that have come since are read, and those whose reading failed.
  useEffect(() => source.want(shown.current.first + 1, shown.current.count));
  const name = streamName(source.stream);
  const digits = `${count(total)}`.length + name.length + 1;
  return (
    <Windowed
      rows={total}
      rowPx={ROW_PX}
      role="log"
      class={`lines digits-${Math.min(16, digits)}`}
      label={`Lines of ${name}`}
      heightPx={Math.max(MIN_ROWS, Math.min(total, MAX_ROWS) + 1) * ROW_PX}
      keepsEnd={isLive}
      handle={view}
      onWindow={want}
      onKey={onKey}
    >
      {(index) => {
        const number = index + 1;
        const line = source.line(number);
        const isMarked = marked?.stream === source.stream && number >= marked.first && number <= marked.last;
        const severity = SEVERITIES[line?.severity ?? 0] ?? "";
        const isHit = hits.has(`${source.stream}:${number}`);
        return (
          <div key={number} class={`line ${severity} ${isMarked ? "marked" : ""} ${isHit ? "hit" : ""}`}>
            <a
              class="number"
              href={`#${name}:${number}`}
              title={severity}
              onClick={(event) => {
                event.preventDefault();
                onPick(number, event.shiftKey);
              }}
            >
              {name}:{number}
            </a>
            {line ? <LineText text={line.text} /> : <span class="text pending">…</span>}
          </div>
        );
      }}
    </Windowed>
  );
}

import { useEffect, useRef } from "preact/hooks";
import { count } from "../format";
import { Severity } from "../gen/gator/v1/common_pb";
import type { Line, LineRange } from "../gen/gator/v1/query_pb";
import { colorsOf, theme } from "../ui/theme";

const WIDTH_PX = 14;
const MIN_MARK_PX = 3;

interface Props {
  ranges: LineRange[];
  /** The lines that are warnings or worse; undefined if they are too many to be known one by one. */
  warnings: Line[] | undefined;
  hits: Line[];
  total: number;
  heightPx: number;
  rowOf: (line: Line) => number;
  onGo: (row: number) => void;
}

/** Where in the output the errors, warnings and hits are; a click goes there. */
export function Ruler({ ranges, warnings, hits, total, heightPx, rowOf, onGo }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    const ratio = devicePixelRatio || 1;
    element.width = WIDTH_PX * ratio;
    element.height = heightPx * ratio;
    context.scale(ratio, ratio);
    const color = colorsOf(element);
    const mark = (row: number, rows: number, fill: string, left: number, width: number) => {
      context.fillStyle = fill;
      const high = Math.max(MIN_MARK_PX, (rows / total) * heightPx);
      context.fillRect(left, Math.min((row / total) * heightPx, heightPx - high), width, high);
    };
    const paint = (isWanted: (range: LineRange) => boolean, fill: string) => {
      let row = 0;
      for (const range of ranges) {
        if (isWanted(range)) mark(row, Number(range.lines), fill, 1, 5);
        row += Number(range.lines);
      }
    };
    if (warnings) {
      for (const line of warnings.filter((one) => one.severity < Severity.ERROR)) mark(rowOf(line), 1, color("--cancelled"), 1, 5);
      for (const line of warnings.filter((one) => one.severity >= Severity.ERROR)) mark(rowOf(line), 1, color("--failed"), 1, 5);
    } else {
      paint((range) => (range.counts?.warning ?? 0n) > 0n, color("--cancelled"));
      paint(hasErrors, color("--failed"));
    }
    for (const hit of hits) mark(rowOf(hit), 1, color("--running"), 8, 5);
  }, [ranges, warnings, hits, total, heightPx, theme.value]);
  const errors = ranges.reduce((sum, { counts }) => sum + (counts?.error ?? 0n) + (counts?.critical ?? 0n), 0n);
  const milder = ranges.reduce((sum, { counts }) => sum + (counts?.warning ?? 0n), 0n);
  return (
    <canvas
      ref={canvas}
      class="ruler"
      style={{ height: `${heightPx}px` }}
      role="img"
      aria-label={`${count(errors)} errors, ${count(milder)} warnings`}
      title={`${count(errors)} errors, ${count(milder)} warnings`}
      onClick={(event) => onGo(Math.floor((event.offsetY / event.currentTarget.clientHeight) * total))}
    />
  );
}

function hasErrors({ counts }: LineRange): boolean {
  return (counts?.error ?? 0n) + (counts?.critical ?? 0n) > 0n;
}

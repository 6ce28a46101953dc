import { duration, size } from "../../format";
import type { Status } from "../../states";
import { type Bar, type TimelineData, utilisation } from "./timeline-data";

const LEFT_PX = 92;
const AXIS_PX = 20;
const STRIP_PX = 34;
const STRIP_GAP_PX = 8;
const MAX_LANES_PX = 420;
const MAX_LANE_PX = 16;
const MIN_LANE_PX = 2;
const MIN_GAP_PX = 2;

/** The part of the time that is shown, in seconds. */
export interface Span {
  from: number;
  to: number;
}

interface Strip {
  name: string;
  steps: [number, number][];
  peak: number;
  text: (value: number) => string;
}

/** What the canvas shows, and where. */
export class Layout {
  readonly strips: Strip[];
  readonly lanePx: number;
  readonly lanesTop: number;
  readonly heightPx: number;
  readonly data: TimelineData;

  constructor(data: TimelineData) {
    this.data = data;
    this.strips = stripsOf(data.bars);
    this.lanePx = Math.max(MIN_LANE_PX, Math.min(MAX_LANE_PX, MAX_LANES_PX / Math.max(1, data.lanes.length)));
    this.lanesTop = AXIS_PX + this.strips.length * (STRIP_PX + STRIP_GAP_PX);
    this.heightPx = Math.ceil(this.lanesTop + this.lanePx * data.lanes.length + 4);
  }

  x(at: number, span: Span, widthPx: number): number {
    return LEFT_PX + ((at - span.from) / (span.to - span.from)) * (widthPx - LEFT_PX);
  }

  time(x: number, span: Span, widthPx: number): number {
    return span.from + ((x - LEFT_PX) / (widthPx - LEFT_PX)) * (span.to - span.from);
  }

  /** Returns the bar at a place of the canvas. */
  barAt(x: number, y: number, span: Span, widthPx: number): Bar | undefined {
    const lane = Math.floor((y - this.lanesTop) / this.lanePx);
    const at = this.time(x, span, widthPx);
    const slack = (2 / (widthPx - LEFT_PX)) * (span.to - span.from);
    if (lane < 0 || x < LEFT_PX) return undefined;
    return this.data.bars.find((bar) => bar.lane === lane && bar.start - slack <= at && at <= bar.end + slack);
  }
}

function stripsOf(bars: Bar[]): Strip[] {
  const count = (value: number) => String(value);
  const names = [...new Set(bars.flatMap((bar) => Object.keys(bar.licenses)))].sort().slice(0, 3);
  const strips: Omit<Strip, "peak">[] = [
    { name: "cores", steps: utilisation(bars, (bar) => bar.cores), text: count },
    { name: "memory", steps: utilisation(bars, (bar) => bar.memory), text: size },
    ...names.map((name) => ({ name, steps: utilisation(bars, (bar) => bar.licenses[name] ?? 0), text: count })),
  ];
  return strips
    .map((strip) => ({ ...strip, peak: strip.steps.reduce((peak, [, value]) => Math.max(peak, value), 0) }))
    .filter((strip) => strip.peak > 0);
}

/** Draws a timeline; `color` returns the value of a variable of the styles. */
export function draw(
  canvas: HTMLCanvasElement,
  layout: Layout,
  span: Span,
  hovered: Bar | undefined,
  color: (name: string) => string,
): void {
  const width = canvas.clientWidth;
  const ratio = devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = layout.heightPx * ratio;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(ratio, ratio);
  context.font = "11px system-ui, sans-serif";
  drawAxis(context, layout, span, width, color);
  drawStrips(context, layout, span, width, color);
  drawLanes(context, layout, span, width, hovered, color);
}

function drawAxis(context: CanvasRenderingContext2D, layout: Layout, span: Span, width: number, color: (name: string) => string): void {
  const step = niceStep((span.to - span.from) / Math.max(2, (width - LEFT_PX) / 110));
  context.textAlign = "center";
  context.textBaseline = "top";
  for (let at = Math.ceil(span.from / step) * step; at <= span.to; at += step) {
    const x = Math.round(layout.x(at, span, width)) + 0.5;
    context.strokeStyle = color("--line");
    context.beginPath();
    context.moveTo(x, AXIS_PX - 4);
    context.lineTo(x, layout.heightPx);
    context.stroke();
    context.fillStyle = color("--text-2");
    const label = at < step / 2 ? "0" : duration(Math.round(at * 1e9));
    const half = context.measureText(label).width / 2;
    context.fillText(label, Math.min(Math.max(x, LEFT_PX - 4), width - half), 2);
  }
}

function niceStep(rough: number): number {
  const steps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800];
  const long = [3600, 7200, 14_400, 21_600, 43_200, 86_400];
  return [...steps, ...long].find((step) => step >= rough) ?? Math.ceil(rough / 86_400) * 86_400;
}

function drawStrips(context: CanvasRenderingContext2D, layout: Layout, span: Span, width: number, color: (name: string) => string): void {
  layout.strips.forEach((strip, index) => {
    const top = AXIS_PX + index * (STRIP_PX + STRIP_GAP_PX);
    const y = (value: number) => top + STRIP_PX - (value / strip.peak) * STRIP_PX;
    context.fillStyle = color("--text-2");
    context.textAlign = "left";
    context.textBaseline = "top";
    context.fillText(shortened(context, strip.name, LEFT_PX - 8), 0, top + 2);
    context.fillText(`≤ ${strip.text(strip.peak)}`, 0, top + 17);
    context.save();
    context.beginPath();
    context.rect(LEFT_PX, top - 1, width - LEFT_PX, STRIP_PX + 2);
    context.clip();
    context.beginPath();
    context.moveTo(layout.x(0, span, width), y(0));
    let last = 0;
    for (const [x, value] of peaks(strip.steps, (at) => layout.x(at, span, width))) {
      context.lineTo(x, y(last));
      context.lineTo(x, y(value));
      last = value;
    }
    context.lineTo(layout.x(layout.data.end, span, width), y(last));
    context.lineTo(layout.x(layout.data.end, span, width), y(0));
    context.fillStyle = color("--curve-soft");
    context.fill();
    context.strokeStyle = color("--running");
    context.stroke();
    context.restore();
  });
}

/** Returns the steps as pixels. Gaps between jobs that are narrower than a pixel or two are left out. */
function peaks(steps: [number, number][], x: (at: number) => number): [number, number][] {
  const found: [number, number][] = [];
  steps.forEach(([at, value], index) => {
    const next = steps[index + 1];
    const isGap = next !== undefined && next[1] > value && x(next[0]) - x(at) < MIN_GAP_PX;
    if (!isGap) found.push([x(at), value]);
  });
  return found;
}

const FILLS: Partial<Record<Status, string>> = {
  passed: "--passed",
  failed: "--failed",
  lost: "--lost",
  died: "--lost",
  cancelled: "--cancelled",
  running: "--running",
};

function drawLanes(
  context: CanvasRenderingContext2D,
  layout: Layout,
  span: Span,
  width: number,
  hovered: Bar | undefined,
  color: (name: string) => string,
): void {
  const { lanePx, lanesTop, data } = layout;
  const colors = new Map<string, string>(Object.entries(FILLS).map(([status, name]) => [status, color(name)]));
  context.textAlign = "left";
  context.textBaseline = "middle";
  data.lanes.forEach((lane, index) => {
    if (!lane.first) return;
    context.fillStyle = color("--text-2");
    context.fillText(shortened(context, lane.host || "this host", LEFT_PX - 8), 0, lanesTop + index * lanePx + Math.max(7, lanePx / 2));
  });
  context.save();
  context.beginPath();
  context.rect(LEFT_PX, lanesTop, width - LEFT_PX, layout.heightPx - lanesTop);
  context.clip();
  const gap = lanePx > 5 ? 1.5 : 0.5;
  for (const bar of data.bars) {
    if (bar.end < span.from || bar.start > span.to) continue;
    const x = layout.x(bar.start, span, width);
    const wide = Math.max(1, layout.x(bar.end, span, width) - x - 0.5);
    const y = lanesTop + bar.lane * lanePx;
    context.fillStyle = colors.get(bar.status) ?? color("--bar-waiting");
    context.globalAlpha = bar === hovered ? 1 : 0.8;
    context.fillRect(x, y + gap / 2, wide, lanePx - gap);
    context.globalAlpha = 1;
    if (wide > 46 && lanePx >= 12) {
      context.fillStyle = color("--surface");
      const name = bar.path.slice(bar.path.lastIndexOf("/") + 1);
      context.fillText(shortened(context, name, wide - 8), Math.max(x, LEFT_PX) + 4, y + lanePx / 2 + 0.5);
    }
  }
  context.restore();
}

function shortened(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let shown = text;
  while (shown && context.measureText(`${shown}…`).width > width) shown = shown.slice(0, -1);
  return shown ? `${shown}…` : "";
}

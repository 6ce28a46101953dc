import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { colorsOf } from "../ui/theme";

interface Series {
  name: string;
  values: (number | null)[];
  text: (value: number) => string;
  /** Names of variables of the styles. */
  color: string;
  fill?: string;
  isDashed?: boolean;
  hasPoints?: boolean;
}

interface Chart {
  heightPx: number;
  x: { values: number[]; name: string; text: (value: number) => string; isTime?: boolean };
  series: Series[];
  /** Distances of the lines of the grid. */
  steps?: number[];
  /** Called with the index of a point that was clicked. */
  onPick?: (index: number) => void;
}

/** Draws curves from zero into an element, as wide as that; returns a function that removes them. */
export function chart(element: HTMLElement, { heightPx, x, series, steps, onPick }: Chart): () => void {
  const color = colorsOf(element);
  const font = "11px system-ui, sans-serif";
  const axis = { stroke: color("--text-2"), font, ticks: { show: false } };
  const grid = { stroke: color("--line"), width: 1 };
  const most = Math.max(0, ...series.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const text = series[0]?.text ?? String;
  const plot = new uPlot(
    {
      width: element.clientWidth,
      height: heightPx,
      legend: { live: true },
      cursor: { points: { size: 6 }, y: false },
      scales: { x: { time: false }, y: { range: () => [0, most * 1.08 || 1] } },
      axes: [
        { ...axis, grid: { show: false }, size: 26, space: 80, values: (_, ticks) => ticks.map((at) => (at ? x.text(at) : x.isTime ? "0" : x.text(0))) },
        { ...axis, grid, size: 62, space: 36, values: (_, ticks) => ticks.map(text), ...(steps ? { incrs: steps } : {}) },
      ],
      series: [
        { label: x.name, value: (_, at) => (at === null ? "–" : x.text(at)) },
        ...series.map((one) => ({
          label: one.name,
          stroke: color(one.color),
          width: one.isDashed ? 1 : 1.6,
          points: { show: one.hasPoints ?? false, size: 5, fill: color(one.color) },
          value: (_: uPlot, at: number | null) => (at === null ? "–" : one.text(at)),
          ...(one.fill ? { fill: color(one.fill) } : {}),
          ...(one.isDashed ? { dash: [5, 4] } : {}),
        })),
      ],
    },
    [x.values, ...series.map(({ values }) => values)],
    element,
  );
  const pick = () => {
    const { idx } = plot.cursor;
    if (idx !== null && idx !== undefined) onPick?.(idx);
  };
  plot.over.addEventListener("click", pick);
  const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: heightPx }));
  observer.observe(element);
  return () => {
    observer.disconnect();
    plot.destroy();
  };
}

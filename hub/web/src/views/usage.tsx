import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { queries } from "../api/client";
import { usePolled } from "../api/live";
import { duration, size } from "../format";
import type { Demand } from "../gen/gator/v1/common_pb";
import type { ResourcePoint } from "../gen/gator/v1/query_pb";
import type { Subject } from "../log/line-source";
import { Problem } from "../ui/parts";
import { theme } from "../ui/theme";

const POLL_MS = 5000;
const HEIGHT_PX = 150;

/** The cores and the memory that an attempt used over time, with what it had requested. */
export function Usage({ subject, demand, isLive }: { subject: Subject; demand: Demand | undefined; isLive: boolean }) {
  const key = `${subject.run} ${subject.path} ${subject.attempt}`;
  const { value, error } = usePolled(key, isLive ? POLL_MS : 0, async (signal) => {
    const points: ResourcePoint[] = [];
    let pageToken = "";
    do {
      const answer = await queries.listSamples({ ...subject, points: 400, pageToken }, { signal });
      points.push(...answer.points);
      pageToken = answer.nextPageToken;
    } while (pageToken);
    return points;
  });
  if (error) return <Problem text={error} />;
  if (!value || value.length < 2) return null;
  return (
    <section class="usage" aria-label="Usage of resources">
      <h2>Cores and memory</h2>
      <Curve points={value} name="Cores" of={(point) => point.cores} limit={demand?.cores ?? 0} text={(cores) => cores.toFixed(1)} />
      <Curve
        points={value}
        name="Memory"
        of={(point) => Number(point.memoryBytes)}
        limit={Number(demand?.memoryBytes ?? 0n)}
        text={size}
      />
    </section>
  );
}

interface CurveProps {
  points: ResourcePoint[];
  name: string;
  of: (point: ResourcePoint) => number;
  limit: number;
  text: (value: number) => string;
}

function Curve({ points, name, of, limit, text }: CurveProps) {
  const place = useRef<HTMLDivElement>(null);
  const dark = theme.value;
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const color = (variable: string) => getComputedStyle(element).getPropertyValue(variable).trim();
    const axis = { stroke: color("--text-2"), grid: { stroke: color("--line") }, ticks: { stroke: color("--line") } };
    const values = points.map(of);
    const start = points[0]?.timeUnixNanos ?? 0n;
    const seconds = points.map((point) => Number(point.timeUnixNanos - start) / 1e9);
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT_PX,
        scales: { x: { time: false }, y: { range: (_, __, max) => [0, Math.max(max, limit) * 1.1 || 1] } },
        axes: [{ ...axis, values: (_, ticks) => ticks.map((tick) => (tick ? duration(tick * 1e9) : "0")) }, { ...axis, size: 70, values: (_, ticks) => ticks.map(text) }],
        series: [
          { label: "After", value: (_, at) => (at === null ? "" : duration(at * 1e9)) },
          { label: name, stroke: color("--running"), fill: color("--running-soft"), width: 1.5, value: (_, at) => (at === null ? "" : text(at)) },
          ...(limit
            ? [{ label: "requested", stroke: color("--failed"), dash: [6, 4], width: 1, points: { show: false }, value: () => text(limit) }]
            : []),
        ],
      },
      limit ? [seconds, values, seconds.map(() => limit)] : [seconds, values],
      element,
    );
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [points, limit, dark]);
  const most = Math.max(...points.map(of));
  return <div ref={place} class="curve" role="img" aria-label={`${name} over time, at most ${text(most)}`} />;
}

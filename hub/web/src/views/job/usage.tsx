import { useEffect, useRef } from "preact/hooks";
import { queries } from "../../api/client";
import { usePolled } from "../../api/live";
import { duration, size } from "../../format";
import type { Demand } from "../../gen/gator/v1/common_pb";
import type { ResourcePoint } from "../../gen/gator/v1/query_pb";
import type { Subject } from "../../log/line-source";
import { Problem } from "../../ui/parts";
import { theme } from "../../ui/theme";
import { chart } from "../chart";

const POLL_MS = 5000;
const HEIGHT_PX = 170;
const BINARY_STEPS = Array.from({ length: 45 }, (_, power) => 2 ** power);

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
  // Two samples of a short job make no curve.
  if (!value || value.length < 3) return null;
  return (
    <section class="section" aria-label="Usage of resources">
      <div class="section-head">
        <h2>Cores and memory</h2>
      </div>
      <div class="curves">
        <Curve points={value} name="Cores" of={(point) => point.cores} limit={demand?.cores ?? 0} text={coresText} />
        <Curve
          points={value}
          name="Memory"
          of={(point) => Number(point.memoryBytes)}
          limit={Number(demand?.memoryBytes ?? 0n)}
          text={size}
          steps={BINARY_STEPS}
        />
      </div>
    </section>
  );
}

function coresText(cores: number): string {
  return String(Math.round(cores * 100) / 100);
}

interface CurveProps {
  points: ResourcePoint[];
  name: string;
  of: (point: ResourcePoint) => number;
  limit: number;
  text: (value: number) => string;
  steps?: number[];
}

function Curve({ points, name, of, limit, text, steps }: CurveProps) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const start = points[0]?.timeUnixNanos ?? 0n;
    const seconds = points.map((point) => Number(point.timeUnixNanos - start) / 1e9);
    return chart(element, {
      heightPx: HEIGHT_PX,
      x: { values: seconds, name: "After", text: (at) => duration(at * 1e9), isTime: true },
      series: [
        { name, values: points.map(of), text, color: "--running", fill: "--curve-soft" },
        ...(limit ? [{ name: "Requested", values: seconds.map(() => limit), text, color: "--failed", isDashed: true }] : []),
      ],
      ...(steps ? { steps } : {}),
    });
  }, [points, limit, theme.value]);
  const most = Math.max(...points.map(of));
  return (
    <div class="curve panel">
      <h3>
        {name} <span class="of">at most {text(most)}{limit ? ` of ${text(limit)} requested` : ""}</span>
      </h3>
      <div ref={place} role="img" aria-label={`${name} over time, at most ${text(most)}`} />
    </div>
  );
}

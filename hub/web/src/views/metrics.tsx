import { queries } from "../api/client";
import { usePolled } from "../api/live";
import { number, shellWord } from "../format";
import type { MetricTotal } from "../gen/gator/v1/event_pb";
import { MetricKind } from "../gen/gator/v1/event_pb";
import { Scope } from "../gen/gator/v1/query_service_pb";
import { runOption } from "../paths";
import { ExportButtons } from "../ui/export";
import { Command, Problem } from "../ui/parts";

interface Props {
  run: string;
  path: string;
  /** Changes when the metrics may have changed. */
  version: string;
}

/** The metrics of a node, combined over all jobs below it. */
export function Metrics({ run, path, version }: Props) {
  const { value, error } = usePolled(`${run} ${path} ${version}`, 0, async (signal) => {
    const { nodes } = await queries.listMetrics({ run, path, scope: Scope.NODE }, { signal });
    const [node] = nodes;
    return node ? (node.metrics.length ? node.metrics : node.running) : [];
  });
  if (error) return <Problem text={error} />;
  if (!value?.length) return null;
  return (
    <section class="section" aria-label="Metrics">
      <div class="section-head">
        <h2>Metrics</h2>
        <span class="push actions">
          <ExportButtons name="metrics" rows={() => value.map(exported)} />
        </span>
      </div>
      <MetricTable metrics={value} />
      <Command line={`gator metrics ${shellWord(path)} ${runOption(run)}`} />
    </section>
  );
}

function MetricTable({ metrics }: { metrics: MetricTotal[] }) {
  return (
    <div class="panel table-wrap">
      <table class="table">
        <thead>
          <tr>
            <th>Metric</th>
            <th class="number">Value</th>
            <th>Unit</th>
            <th class="number">Count</th>
            <th class="number">Minimum</th>
            <th class="number">Median</th>
            <th class="number">95 %</th>
            <th class="number">Maximum</th>
          </tr>
        </thead>
        <tbody>
          {metrics.map((metric) => (
            <tr key={metric.name}>
              <td>{metric.name}</td>
              <td class="number" title={MetricKind[metric.kind]?.toLowerCase()}>
                <strong>{number(metric.value)}</strong>
              </td>
              <td>{metric.unit}</td>
              <td class="number">{String(metric.count)}</td>
              <td class="number">{number(metric.min)}</td>
              <td class="number">{number(quantile(metric, 0.5))}</td>
              <td class="number">{number(quantile(metric, 0.95))}</td>
              <td class="number">{number(metric.max)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function quantile(metric: MetricTotal, rank: number): number {
  return metric.quantiles.find((found) => found.rank === rank)?.value ?? NaN;
}

function exported(metric: MetricTotal) {
  const { name, value, unit, min, max } = metric;
  return { name, value, unit, kind: MetricKind[metric.kind] ?? "", count: Number(metric.count), min, max };
}

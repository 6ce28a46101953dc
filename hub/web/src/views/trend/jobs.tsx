import { Link } from "wouter-preact";
import { hub } from "../../api/client";
import { usePolled } from "../../api/live";
import { count, duration, plural } from "../../format";
import type { JobStatistics } from "../../gen/gator/v1/hub_pb";
import { JobStatisticsOrder } from "../../gen/gator/v1/hub_service_pb";
import { trendHref } from "../../paths";
import { ExportButtons } from "../../ui/export";
import { Problem } from "../../ui/parts";

const SHOWN = 10;
const EXPORTED = 1000;
const RUNS = 50;
const KINDS = {
  flaky: { title: "Flaky jobs", order: JobStatisticsOrder.FLAKY },
  slow: { title: "Slowest jobs", order: JobStatisticsOrder.SLOW },
  failed: { title: "Jobs that failed most often", order: JobStatisticsOrder.FAILED },
};

/** The jobs of a series that are flaky, slow or fail often, by its last runs. */
export function JobTable({ ident, kind }: { ident: string; kind: keyof typeof KINDS }) {
  const { title, order } = KINDS[kind];
  const read = (pageSize: number, signal?: AbortSignal) => {
    const request = { ident, runs: RUNS, order, pageSize };
    return hub.listJobStatistics(request, signal ? { signal } : {});
  };
  const { value, error } = usePolled(`${ident} ${kind}`, 0, (signal) => read(SHOWN, signal));
  if (error) return <Problem text={error} />;
  if (!value?.jobs.length) return null;
  return (
    <section class="section" aria-label={title}>
      <div class="section-head">
        <h2>
          {title} <span class="of">· {plural(value.runs, "run")}</span>
        </h2>
        <span class="actions">
          <ExportButtons name={`${ident}-${kind}`} rows={async () => (await read(EXPORTED)).jobs.map(exported)} />
        </span>
      </div>
      <div class="panel table-wrap">
        <table class="table">
          <thead>
            <tr>
              <th>Job</th>
              <th class="number">Runs</th>
              <th class="number">Failed</th>
              <th class="number">Passed after a retry</th>
              <th class="number">Failed and passed alike</th>
              <th class="number">Mean duration</th>
              <th class="number">Longest</th>
            </tr>
          </thead>
          <tbody>
            {value.jobs.map((job) => (
              <Row key={job.path} ident={ident} job={job} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ ident, job }: { ident: string; job: JobStatistics }) {
  const failed = job.runs - job.passed;
  return (
    <tr>
      <td>
        <Link href={trendHref([ident, job.path].filter(Boolean).join("/"))}>{job.path || ident}</Link>
      </td>
      <td class="number">{count(job.runs)}</td>
      <td class={`number ${failed ? "is-failed" : ""}`}>{failed ? count(failed) : "–"}</td>
      <td class="number">{job.retried ? count(job.retried) : "–"}</td>
      <td class="number" title="Failures with the commit and seed of a run in which it passed">
        {job.unstable ? count(job.unstable) : "–"}
      </td>
      <td class="number">{duration(job.meanWallNanos)}</td>
      <td class="number">{duration(job.maxWallNanos)}</td>
    </tr>
  );
}

function exported(job: JobStatistics) {
  return {
    path: job.path,
    runs: Number(job.runs),
    passed: Number(job.passed),
    retried: Number(job.retried),
    unstable: Number(job.unstable),
    mean_seconds: Number(job.meanWallNanos) / 1e9,
    max_seconds: Number(job.maxWallNanos) / 1e9,
  };
}

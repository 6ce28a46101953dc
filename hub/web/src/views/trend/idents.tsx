import { Link } from "wouter-preact";
import { hub } from "../../api/client";
import { usePolled } from "../../api/live";
import { plural } from "../../format";
import type { Run } from "../../gen/gator/v1/query_pb";
import { trendHref } from "../../paths";
import { runStatus } from "../../states";
import { Badge, Empty, Loading, Problem, TallyBar, Time } from "../../ui/parts";
import { usePageTitle } from "../../ui/page-title";
import { Sparkline } from "../runs/sparkline";

const RUNS = 500;

/** The idents of the last runs, each with its newest run. */
export function IdentsView() {
  usePageTitle("Trends");
  const { value, error } = usePolled("idents", 0, async (signal) => {
    const { runs } = await hub.listRuns({ pageSize: RUNS, noRepeats: true }, { signal });
    const found = new Map<string, { newest: Run; runs: number }>();
    for (const run of runs) {
      const known = found.get(run.ident);
      found.set(run.ident, { newest: known?.newest ?? run, runs: (known?.runs ?? 0) + 1 });
    }
    return [...found.values()];
  });
  if (error) return <Problem text={error} />;
  if (!value) return <Loading />;
  if (!value.length) return <Empty title="This hub has no runs yet" />;
  return (
    <section>
      <div class="page-head">
        <h1>Trends</h1>
      </div>
      <div class="panel table-wrap">
        <table class="table runs-table">
          <thead>
            <tr>
              <th>Ident</th>
              <th>Newest run</th>
              <th>Jobs</th>
              <th>Last 50 runs</th>
              <th>Started</th>
              <th class="number">Runs</th>
            </tr>
          </thead>
          <tbody>
            {value.map(({ newest, runs }) => (
              <tr key={newest.ident}>
                <td class="ident">
                  <Link class="row-link" href={trendHref(newest.ident)}>
                    {newest.ident}
                  </Link>
                </td>
                <td>
                  <Badge status={runStatus(newest)} />
                </td>
                <td class="tally-cell">
                  <TallyBar tally={newest.tally} />
                </td>
                <td>
                  <Sparkline run={newest} />
                </td>
                <td class="started">
                  <Time nanos={newest.startedUnixNanos} />
                </td>
                <td class="number">{plural(runs, "run")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

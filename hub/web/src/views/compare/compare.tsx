import { useState } from "preact/hooks";
import { Link, useSearch } from "wouter-preact";
import { hubOption } from "../../api/about";
import { hub, queries } from "../../api/client";
import { usePolled } from "../../api/live";
import { count, duration, number } from "../../format";
import { Change, type Difference, type Side } from "../../gen/gator/v1/hub_pb";
import type { Run } from "../../gen/gator/v1/query_pb";
import { compareHref, jobHref, runHref } from "../../paths";
import { outcomeStatus, runStatus } from "../../states";
import { ExportButtons } from "../../ui/export";
import { Badge, Command, Empty, Fact, Loading, Mark, Problem, TallyBar, Time } from "../../ui/parts";
import { usePageTitle } from "../../ui/page-title";

const PAGE = 200;
const CHANGES: [Change, string, string][] = [
  [Change.NEWLY_FAILING, "new", "newly failing"],
  [Change.FIXED, "fixed", "fixed"],
  [Change.STILL_FAILING, "failing", "still failing"],
  [Change.NEW, "added", "added"],
  [Change.GONE, "gone", "gone"],
  [Change.OTHER, "other", "other"],
  [Change.STILL_PASSING, "passing", "still passing"],
];

/** Two runs side by side: only what differs, unless all jobs are asked for. */
export function CompareView({ before, after }: { before: string; after: string }) {
  const only = CHANGES.find(([, name]) => name === new URLSearchParams(useSearch()).get("change"));
  const [pages, setPages] = useState(1);
  usePageTitle("Comparison");
  const runs = usePolled(`${before} ${after}`, 0, async (signal) => {
    const [first, second] = await Promise.all([before, after].map((run) => queries.getRun({ run }, { signal })));
    return { before: first?.run, after: second?.run };
  });
  const { value, error } = usePolled(`${before} ${after} ${only?.[1]} ${pages}`, 0, async (signal) => {
    const differences: Difference[] = [];
    const request = { before, after, changes: only ? [only[0]] : [], pageSize: PAGE };
    let answer = await hub.compareRuns(request, { signal });
    differences.push(...answer.differences);
    for (let page = 1; page < pages && answer.nextPageToken; page += 1) {
      answer = await hub.compareRuns({ ...request, pageToken: answer.nextPageToken }, { signal });
      differences.push(...answer.differences);
    }
    return { differences, counts: answer.counts, hasMore: answer.nextPageToken !== "" };
  });
  const jobs = (change: Change) => value?.counts.find((found) => found.change === change)?.jobs ?? 0n;
  return (
    <article class="compare">
      <nav class="crumbs" aria-label="Breadcrumb">
        <Link href="/">Runs</Link>
        <span>/</span>
        <span>comparison</span>
      </nav>
      <div class="page-head">
        <h1>What changed</h1>
        <span class="actions">
          <Link class="button" href={compareHref(after, before)}>
            Swap
          </Link>
          {value && <ExportButtons name={`compare-${before.slice(0, 8)}-${after.slice(0, 8)}`} rows={() => value.differences.map(exported)} />}
        </span>
      </div>
      <Problem text={error || runs.error} />
      {runs.value?.before && runs.value.after && (
        <div class="columns">
          <RunFacts title="Before" run={runs.value.before} />
          <RunFacts title="After" run={runs.value.after} />
        </div>
      )}
      {value && (
        <nav class="attempts section" aria-label="Changes">
          <Link class="button small" href={compareHref(before, after)} aria-current={only ? undefined : "page"}>
            all changes
          </Link>
          {CHANGES.filter(([change]) => jobs(change)).map(([change, name, text]) => (
            <Link key={name} class="button small" href={`${compareHref(before, after)}?change=${name}`} aria-current={only?.[0] === change ? "page" : undefined}>
              {text} <span class="of">{count(jobs(change))}</span>
            </Link>
          ))}
        </nav>
      )}
      {!value && !error && <Loading />}
      {value && !value.differences.length && <Empty title="No job differs" />}
      {value && value.differences.length > 0 && <Table differences={value.differences} runs={[before, after]} idents={[runs.value?.before?.ident ?? "", runs.value?.after?.ident ?? ""]} />}
      {value?.hasMore && (
        <div class="pages">
          <button type="button" onClick={() => setPages(pages + 1)}>
            More
          </button>
        </div>
      )}
      <Command line={`gator diff hub:${before.slice(0, 12)} hub:${after.slice(0, 12)}${hubOption()}`} />
    </article>
  );
}

function RunFacts({ title, run }: { title: string; run: Run }) {
  return (
    <dl class="facts panel">
      <Fact name={title}>
        <Badge status={runStatus(run)} />
        <Link href={runHref(run.id)}>
          {run.ident} {run.id.slice(0, 8)}
        </Link>
      </Fact>
      <Fact name="Started">
        <Time nanos={run.startedUnixNanos} />
      </Fact>
      {run.git && (
        <Fact name="Commit">
          <code>{run.git.commit.slice(0, 12)}</code>
        </Fact>
      )}
      <Fact name="Jobs">
        <TallyBar tally={run.tally} />
      </Fact>
    </dl>
  );
}

interface TableProps {
  differences: Difference[];
  runs: [string, string];
  idents: [string, string];
}

function Table({ differences, runs, idents }: TableProps) {
  return (
    <div class="panel table-wrap section">
      <table class="table">
        <thead>
          <tr>
            <th>Change</th>
            <th>Job</th>
            <th>Before</th>
            <th>After</th>
            <th>First error</th>
            <th>Metrics</th>
          </tr>
        </thead>
        <tbody>
          {differences.map((one) => (
            <tr key={one.path}>
              <td>{CHANGES.find(([change]) => change === one.change)?.[2] ?? "other"}</td>
              <td>{one.path || idents[1]}</td>
              <SideCell side={one.before} href={jobHref(runs[0], [idents[0], one.path].filter(Boolean).join("/"))} />
              <SideCell side={one.after} href={jobHref(runs[1], [idents[1], one.path].filter(Boolean).join("/"))} />
              <td class="error-cell">
                {one.after?.cause && <strong>{one.after.cause} </strong>}
                <code>{(one.after?.firstError ?? one.before?.firstError)?.text.split("\n")[0] ?? ""}</code>
                {one.otherCause && <span class="chip warn">another cause</span>}
              </td>
              <td class="metric-cell">{metricsOf(one)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function SideCell({ side, href }: { side: Side | undefined; href: string }) {
  if (!side) return <td class="same">–</td>;
  return (
    <td>
      <Link href={href} class="side">
        <Mark status={outcomeStatus(side.outcome)} word /> <span class="of">{duration(side.wallNanos)}</span>
      </Link>
    </td>
  );
}

/** Returns the metrics that differ, as texts. */
function metricsOf({ before, after }: Difference) {
  const found = (after?.metrics ?? []).flatMap((metric) => {
    const old = before?.metrics.find((one) => one.name === metric.name);
    return old && old.value !== metric.value ? [`${metric.name} ${number(old.value)} → ${number(metric.value)} ${metric.unit}`] : [];
  });
  return found.map((text) => <div key={text}>{text}</div>);
}

function exported(one: Difference) {
  return {
    path: one.path,
    change: CHANGES.find(([change]) => change === one.change)?.[2] ?? "other",
    before: one.before ? outcomeStatus(one.before.outcome) : "",
    after: one.after ? outcomeStatus(one.after.outcome) : "",
    before_seconds: Number(one.before?.wallNanos ?? 0n) / 1e9,
    after_seconds: Number(one.after?.wallNanos ?? 0n) / 1e9,
    first_error: (one.after?.firstError ?? one.before?.firstError)?.text ?? "",
  };
}

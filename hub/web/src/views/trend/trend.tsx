import { useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { hubOption } from "../../api/about";
import { hub } from "../../api/client";
import { usePolled } from "../../api/live";
import { duration, isoTime, shellWord } from "../../format";
import type { HistoryEntry } from "../../gen/gator/v1/hub_pb";
import type { Sighting } from "../../gen/gator/v1/query_pb";
import { compareHref, jobHref, nameOf, runHref, trendHref } from "../../paths";
import { entryStatus } from "../../states";
import { ExportButtons } from "../../ui/export";
import { Badge, Command, Fact, Loading, Problem, TallyBar, Time } from "../../ui/parts";
import { usePageTitle } from "../../ui/page-title";
import { Strip } from "../job/earlier";
import { TrendCauses } from "./causes";
import { Curves } from "./curves";
import { JobTable } from "./jobs";

const RUNS = 100;

/** How a root, or a node below it, did in the last runs of its series. */
export function TrendView({ path }: { path: string }) {
  const ident = path.split("/")[0] ?? "";
  const relative = path.slice(ident.length + 1);
  const { value, error } = usePolled(path, 0, (signal) => hub.listHistory({ ident, path: relative, pageSize: RUNS }, { signal }));
  usePageTitle(`Trend of ${nameOf(path)}`, value?.entries[0] && entryStatus(value.entries[0]));
  const names = path.split("/");
  return (
    <article class="trend">
      <nav class="crumbs" aria-label="Breadcrumb">
        <Link href="/trend">Trends</Link>
        {names.slice(0, -1).map((name, index) => [
          <span key={`/${name}`}>/</span>,
          <Link key={name} href={trendHref(names.slice(0, index + 1).join("/"))}>
            {name}
          </Link>,
        ])}
        <span>/</span>
      </nav>
      <div class="page-head">
        <h1>{nameOf(path)}</h1>
        {value && (
          <span class="actions">
            <ExportButtons name={`trend-${path}`} rows={() => value.entries.map(exported)} />
          </span>
        )}
      </div>
      {error ? <Problem text={error} /> : !value && <Loading />}
      {value && (
        <>
          <Summary entries={value.entries} good={value.lastGood} bad={value.firstBad} />
          <div class="section">
            <Strip entries={value.entries} href={(run, root) => (relative ? jobHref(run, `${root}/${relative}`) : runHref(run))} />
          </div>
          <Curves entries={value.entries} />
          {!relative && <TrendCauses ident={ident} />}
          {!relative && <JobTable ident={ident} kind="flaky" />}
          {!relative && <JobTable ident={ident} kind="slow" />}
          {!relative && <JobTable ident={ident} kind="failed" />}
          <History entries={value.entries} relative={relative} />
          <Command line={`gator trend ${shellWord(path)}${hubOption()}`} />
        </>
      )}
    </article>
  );
}

function Summary({ entries, good, bad }: { entries: HistoryEntry[]; good: Sighting | undefined; bad: Sighting | undefined }) {
  const ended = entries.filter((entry) => ["passed", "failed", "lost"].includes(entryStatus(entry)));
  const passed = ended.filter((entry) => entryStatus(entry) === "passed").length;
  const walls = ended.map((entry) => Number(entry.wallNanos)).sort((one, other) => one - other);
  return (
    <dl class="facts panel">
      <Fact name="Runs">{entries.length}</Fact>
      <Fact name="Passed">
        {passed} of {ended.length}
        {ended.length > 0 && <span class="of"> {Math.round((100 * passed) / ended.length)} %</span>}
      </Fact>
      <Fact name="Median duration">{duration(walls[Math.floor(walls.length / 2)] ?? 0)}</Fact>
      {bad && <Fact name="Fails since">{<Seen sighting={bad} />}</Fact>}
      {good && <Fact name="Last passed">{<Seen sighting={good} />}</Fact>}
    </dl>
  );
}

function Seen({ sighting }: { sighting: Sighting }) {
  return (
    <>
      <Link href={runHref(sighting.run)}>{sighting.run.slice(0, 8)}</Link>
      <Time nanos={sighting.startedUnixNanos} />
      {sighting.git && <code>{sighting.git.commit.slice(0, 10)}</code>}
    </>
  );
}

/** The runs as a table, in which two are chosen to be compared. */
function History({ entries, relative }: { entries: HistoryEntry[]; relative: string }) {
  const [chosen, setChosen] = useState<string[]>([]);
  const [, navigate] = useLocation();
  const compare = () => {
    const sorted = entries.map((entry) => entry.run?.run ?? "").filter((run) => chosen.includes(run));
    navigate(compareHref(sorted[1] ?? "", sorted[0] ?? ""));
  };
  return (
    <section class="section" aria-label="Runs">
      <div class="section-head">
        <h2>Runs</h2>
        <button type="button" class="push" disabled={chosen.length !== 2} onClick={compare}>
          {chosen.length === 2 ? "Compare the chosen runs" : "Choose two runs to compare them"}
        </button>
      </div>
      <div class="panel table-wrap">
        <table class="table">
          <thead>
            <tr>
              <th>
                <span class="sr-only">Compare</span>
              </th>
              <th>Outcome</th>
              <th>Run</th>
              <th>Started</th>
              <th>Jobs</th>
              <th class="number">Duration</th>
              <th>Commit</th>
              <th>User</th>
            </tr>
          </thead>
          <tbody>
            {entries.map((entry) => {
              const { run } = entry;
              if (!run) return null;
              return (
                <tr key={run.run}>
                  <td>
                    <input
                      type="checkbox"
                      aria-label={`Choose ${run.run.slice(0, 8)}`}
                      checked={chosen.includes(run.run)}
                      onChange={(event) =>
                        setChosen(event.currentTarget.checked ? [...chosen.slice(-1), run.run] : chosen.filter((id) => id !== run.run))
                      }
                    />
                  </td>
                  <td>
                    <Badge status={entryStatus(entry)} />
                  </td>
                  <td>
                    <Link href={relative ? jobHref(run.run, `${run.ident}/${relative}`) : runHref(run.run)}>{run.run.slice(0, 8)}</Link>
                  </td>
                  <td>
                    <Time nanos={run.startedUnixNanos} />
                  </td>
                  <td>
                    <TallyBar tally={entry.tally} />
                  </td>
                  <td class="number">{entry.outcome ? duration(entry.wallNanos) : ""}</td>
                  <td>{run.git && <code title={run.git.commit}>{run.git.commit.slice(0, 10)}</code>}</td>
                  <td>{entry.user}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function exported(entry: HistoryEntry) {
  return {
    run: entry.run?.run ?? "",
    started: isoTime(entry.run?.startedUnixNanos ?? 0n),
    outcome: entryStatus(entry),
    seconds: Number(entry.wallNanos) / 1e9,
    commit: entry.run?.git?.commit ?? "",
    seed: entry.seed,
    cause: entry.cause || entry.signature,
    user: entry.user,
    ...Object.fromEntries(entry.metrics.map((metric) => [metric.name, metric.value])),
  };
}

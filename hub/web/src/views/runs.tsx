import { useState } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import { hubAddress } from "../api/about";
import { hub } from "../api/client";
import { usePolled } from "../api/live";
import { duration } from "../format";
import type { Run } from "../gen/gator/v1/query_pb";
import { isFailure, runEnd, runStatus } from "../states";
import { Command, Empty, Loading, Mark, Problem, TallyBar, Time } from "../ui/parts";
import { usePageTitle } from "../ui/page-title";
import { Causes } from "./runs-causes";
import { emptyFilter, Filters, filterCommand, filterOf, isFiltered, requestOf, searchOf } from "./runs-filter";

const POLL_MS = 2000;
const PAGE = 50;

/** The runs of the hub, newest first; the filter is in the URL. */
export function RunsView() {
  const search = useSearch();
  const [, navigate] = useLocation();
  const filter = filterOf(search);
  // The tokens of the pages before this one; a page of older runs does not change by itself.
  const [pages, setPages] = useState<{ search: string; tokens: string[] }>({ search, tokens: [] });
  const tokens = pages.search === search ? pages.tokens : [];
  const pageToken = tokens.at(-1) ?? "";
  const { value, error } = usePolled(`${search} ${pageToken}`, pageToken ? 0 : POLL_MS, (signal) =>
    hub.listRuns({ ...requestOf(filter), pageSize: PAGE, pageToken }, { signal }),
  );
  usePageTitle("Runs", value?.runs[0] && runStatus(value.runs[0]));

  const older = value?.nextPageToken;
  return (
    <section class="runs">
      <h1>Runs</h1>
      <Filters filter={filter} onChange={(changed) => navigate(`/${searchOf(changed)}`)} />
      <Problem text={error} />
      {value ? (
        <>
          {value.runs.length ? (
            <RunsTable runs={value.runs} />
          ) : (
            <NoRuns isFiltered={isFiltered(filter)} onClear={() => navigate(`/${searchOf(emptyFilter)}`)} />
          )}
          <nav class="pages" aria-label="Pages">
            {tokens.length > 0 && (
              <button type="button" onClick={() => setPages({ search, tokens: tokens.slice(0, -1) })}>
                ← Newer
              </button>
            )}
            {older && (
              <button type="button" onClick={() => setPages({ search, tokens: [...tokens, older] })}>
                Older →
              </button>
            )}
          </nav>
        </>
      ) : (
        !error && <Loading />
      )}
      <Command line={filterCommand(filter)} />
    </section>
  );
}

function RunsTable({ runs }: { runs: Run[] }) {
  return (
    <table class="runs-table">
      <thead>
        <tr>
          <th>State</th>
          <th>Run</th>
          <th>Jobs</th>
          <th>Causes</th>
          <th class="number">Duration</th>
          <th>Started</th>
          <th>User</th>
        </tr>
      </thead>
      <tbody onKeyDown={moveFocus}>
        {runs.map((run) => (
          <RunRow key={run.id} run={run} />
        ))}
      </tbody>
    </table>
  );
}

function RunRow({ run }: { run: Run }) {
  const status = runStatus(run);
  const labels = Object.entries(run.labels);
  return (
    <tr class={isFailure(status) ? "failed" : ""}>
      <td data-label="State">
        <Mark status={status} word />
      </td>
      <td class="ident">
        <Link href={`/run/${run.id}`} class="row-link">
          {run.ident}
        </Link>
        <span class="id">{run.id.slice(0, 8)}</span>
        {run.pinned && <span class="chip">pinned</span>}
        {labels.map(([name, text]) => (
          <Link key={name} class="chip" href={`/${searchOf({ ...emptyFilter, label: `${name}=${text}` })}`}>
            {name}={text}
          </Link>
        ))}
      </td>
      <td data-label="Jobs">
        <TallyBar tally={run.tally} />
      </td>
      <td data-label="Causes" class="causes">
        <Causes run={run} />
      </td>
      <td data-label="Duration" class="number">
        {duration(runEnd(run) - run.startedUnixNanos)}
      </td>
      <td data-label="Started">
        <Time nanos={run.startedUnixNanos} />
      </td>
      <td data-label="User">{run.owner && run.owner !== run.user ? `${run.user} (${run.owner})` : run.user}</td>
    </tr>
  );
}

/** Arrows move between the rows; Enter follows the link of a row, as everywhere. */
function moveFocus(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !(event.currentTarget instanceof HTMLElement)) return;
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>("a.row-link")];
  const row = (event.target as HTMLElement).closest("tr");
  const index = links.findIndex((link) => row?.contains(link));
  links[index + step]?.focus();
  event.preventDefault();
}

function NoRuns({ isFiltered, onClear }: { isFiltered: boolean; onClear: () => void }) {
  if (isFiltered)
    return (
      <Empty title="No run matches">
        <button type="button" onClick={onClear}>
          Show all runs
        </button>
      </Empty>
    );
  return (
    <Empty title="This hub has no runs yet">
      <p>Send a run to it while it runs:</p>
      <Command line={`gator run SPEC --hub ${hubAddress()}`} />
      <p>or import the folders of earlier runs:</p>
      <Command line={`gator hub import tracking --hub ${hubAddress()}`} />
    </Empty>
  );
}

import { useState } from "preact/hooks";
import { useLocation, useSearch } from "wouter-preact";
import { hubAddress } from "../../api/about";
import { hub } from "../../api/client";
import { usePolled } from "../../api/live";
import { isoTime } from "../../format";
import type { Run } from "../../gen/gator/v1/query_pb";
import { runEnd, runStatus } from "../../states";
import { ExportButtons } from "../../ui/export";
import { Icon } from "../../ui/icons";
import { useKept } from "../../ui/keys";
import { Command, Empty, Loading, Problem } from "../../ui/parts";
import { usePageTitle } from "../../ui/page-title";
import { type Column, COLUMNS, DEFAULT_COLUMNS } from "./columns";
import { emptyFilter, Filters, filterCommand, filterOf, isFiltered, requestOf, searchOf } from "./filter";

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
  const [chosen, setChosen] = useKept("runs-columns", DEFAULT_COLUMNS);
  usePageTitle("Runs", value?.runs[0] && runStatus(value.runs[0]));

  const older = value?.nextPageToken;
  return (
    <section class="runs">
      <div class="page-head">
        <h1>Runs</h1>
        <div class="actions">
          <ExportButtons name="runs" rows={() => (value?.runs ?? []).map(exported)} />
          <ColumnMenu chosen={chosen} onChange={setChosen} />
        </div>
      </div>
      <Filters filter={filter} onChange={(changed) => navigate(`/${searchOf(changed)}`)} />
      <Problem text={error} />
      {value ? (
        <>
          {value.runs.length ? (
            <RunsTable
              runs={value.runs}
              columns={COLUMNS.filter(({ name }) => chosen.includes(name))}
              sort={filter.sort}
              onSort={(sort) => navigate(`/${searchOf({ ...filter, sort })}`)}
            />
          ) : (
            <NoRuns isFiltered={isFiltered(filter)} onClear={() => navigate(`/${searchOf(emptyFilter)}`)} />
          )}
          <nav class="pages" aria-label="Pages">
            {tokens.length > 0 && (
              <button type="button" onClick={() => setPages({ search, tokens: tokens.slice(0, -1) })}>
                ← Back
              </button>
            )}
            {older && (
              <button type="button" onClick={() => setPages({ search, tokens: [...tokens, older] })}>
                More →
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

interface TableProps {
  runs: Run[];
  columns: Column[];
  sort: string;
  onSort: (sort: string) => void;
}

function RunsTable({ runs, columns, sort, onSort }: TableProps) {
  return (
    <div class="panel table-wrap">
      <table class="table runs-table">
        <thead>
          <tr>
            {columns.map((column) => (
              <Heading key={column.name} column={column} isCurrent={column.name === (sort || "started")} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody onKeyDown={moveFocus}>
          {runs.map((run) => (
            <tr key={run.id}>
              {columns.map((column) => (
                <td key={column.name} class={column.class}>
                  {column.cell(run)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface HeadingProps {
  column: Column;
  isCurrent: boolean;
  onSort: (sort: string) => void;
}

function Heading({ column, isCurrent, onSort }: HeadingProps) {
  const isAscending = column.name === "run" || column.name === "user";
  if (!column.isSorted) return <th class={column.class}>{column.title}</th>;
  return (
    <th class={column.class} aria-sort={isCurrent ? (isAscending ? "ascending" : "descending") : "none"}>
      <button type="button" class="sort" onClick={() => onSort(column.name === "started" ? "" : column.name)}>
        {column.title}
        <span aria-hidden="true">{isCurrent ? (isAscending ? "▲" : "▼") : ""}</span>
      </button>
    </th>
  );
}

function ColumnMenu({ chosen, onChange }: { chosen: string[]; onChange: (names: string[]) => void }) {
  return (
    <details class="columns-menu">
      <summary>
        <Icon name="columns" /> Columns
      </summary>
      <div>
        {COLUMNS.map(({ name, title }) => (
          <label key={name} class="check">
            <input
              type="checkbox"
              checked={chosen.includes(name)}
              disabled={name === "run"}
              onChange={(event) =>
                onChange(event.currentTarget.checked ? [...chosen, name] : chosen.filter((other) => other !== name))
              }
            />{" "}
            {title}
          </label>
        ))}
      </div>
    </details>
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

/** Returns what an export has of a run. */
function exported(run: Run) {
  return {
    id: run.id,
    ident: run.ident,
    state: runStatus(run),
    started: isoTime(run.startedUnixNanos),
    seconds: Number(runEnd(run) - run.startedUnixNanos) / 1e9,
    passed: Number(run.tally?.passed ?? 0n),
    failed: Number(run.tally?.failed ?? 0n),
    lost: Number(run.tally?.lost ?? 0n),
    user: run.user,
    host: run.host,
    commit: run.git?.commit ?? "",
    seed: run.seed,
    labels: Object.entries(run.labels).map(([name, text]) => `${name}=${text}`).join(" "),
  };
}

import { Link } from "wouter-preact";
import { isReadOnly } from "../../api/about";
import { hub } from "../../api/client";
import { usePolled } from "../../api/live";
import { duration, plural, shellWord } from "../../format";
import type { Git, Run } from "../../gen/gator/v1/query_pb";
import { compareHref, nameOf, runHref, runOption, trendHref } from "../../paths";
import { reasonText, runEnd, runStatus } from "../../states";
import { Icon } from "../../ui/icons";
import { Badge, Command, CopyButton, Fact, TallyBar, Time } from "../../ui/parts";
import { StopButton } from "./stop";

/** What a run is, and what a reader can do with it. */
export function Header({ run }: { run: Run }) {
  const status = runStatus(run);
  const why = run.result?.message || reasonText(run.result?.reason ?? 0);
  const before = useBefore(run);
  return (
    <header class="run-header">
      <nav class="crumbs" aria-label="Breadcrumb">
        <Link href="/">Runs</Link>
        <span>/</span>
        <span>{run.ident}</span>
      </nav>
      <div class="head-line">
        <h1>
          <Badge status={status} /> {run.ident} <span class="id">{run.id.slice(0, 8)}</span>
        </h1>
        <div class="actions">
          {status === "running" && !isReadOnly() && <StopButton run={run} path="" what={`the run ${run.ident}`} />}
          {before && (
            <Link class="button" href={compareHref(before.run, run.id)}>
              <Icon name="compare" /> Compare with the run before
            </Link>
          )}
          <Link class="button" href={trendHref(run.ident)}>
            <Icon name="chart" /> Trend
          </Link>
        </div>
      </div>
      {why && <p class="why">{why}</p>}
      <TallyBar tally={run.tally} />
      <dl class="facts panel">
        <Fact name="Started">
          <Time nanos={run.startedUnixNanos} />
        </Fact>
        <Fact name="Duration">{duration(runEnd(run) - run.startedUnixNanos)}</Fact>
        <Fact name="User">
          {run.user}@{run.host}
        </Fact>
        {run.git && <Commit git={run.git} before={before?.git} />}
        <Fact name="Seed">
          <code>{run.seed}</code>
        </Fact>
        {run.tally?.flaky ? <Fact name="Flaky">{plural(run.tally.flaky, "job")}</Fact> : null}
        {Object.entries(run.labels).map(([name, text]) => (
          <Fact key={name} name={name}>
            {text}
          </Fact>
        ))}
        <Fact name="Folder">
          <code>{run.folder}</code>
        </Fact>
        {run.argv.length > 0 && (
          <div class="wide">
            <dt>Command</dt>
            <dd>
              <Command line={commandOf(run)} />
            </dd>
          </div>
        )}
      </dl>
      <Command line={`gator status ${runOption(run.id)}`} />
    </header>
  );
}

/** Returns the command line of a run. `python -m gator` has the path of a module as its program. */
function commandOf(run: Run): string {
  const [program = "", ...words] = run.argv;
  const name = nameOf(program);
  return [name === "__main__.py" ? "gator" : name, ...words].map(shellWord).join(" ");
}

function Commit({ git, before }: { git: Git; before: Git | undefined }) {
  const isChanged = before && before.commit !== git.commit;
  const range = before ? `${before.commit.slice(0, 12)}..${git.commit.slice(0, 12)}` : "";
  return (
    <>
      <Fact name="Commit">
        <code title={git.commit}>{git.commit.slice(0, 12)}</code>
        <CopyButton text={() => git.commit} label="Copy the commit" isIcon />
        {git.branch && `on ${git.branch}`}
        {git.dirty && <span class="chip warn">uncommitted changes</span>}
      </Fact>
      {before && (
        <Fact name="Since the run before">
          {isChanged ? (
            <>
              <code>{range}</code>
              <CopyButton text={() => `git log --oneline ${range}`} label="Copy `git log` of the changes" isIcon />
            </>
          ) : (
            "the same commit"
          )}
        </Fact>
      )}
    </>
  );
}

/** Returns the run of the series before a run; undefined if there is none. */
function useBefore(run: Run) {
  const { value } = usePolled(run.id, 0, async (signal) => {
    if (run.parent) return undefined;
    const { runs } = await hub.listRuns(
      {
        ident: run.ident,
        ...(run.selection ? { selection: run.selection } : { selection: {} }),
        untilUnixNanos: run.startedUnixNanos,
        pageSize: 1,
      },
      { signal },
    );
    const [found] = runs;
    return found && { run: found.id, git: found.git, href: runHref(found.id) };
  });
  return value;
}

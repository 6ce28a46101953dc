import { useCallback, useRef, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { queries } from "../api/client";
import { useStream } from "../api/live";
import { duration, plural, shellWord } from "../format";
import type { Run } from "../gen/gator/v1/query_pb";
import { nameOf, runOption } from "../paths";
import { reasonText, runEnd, runStatus } from "../states";
import { Command, CopyButton, Loading, Mark, Problem, TallyBar, Time } from "../ui/parts";
import { usePageTitle } from "../ui/page-title";
import { Failures } from "./run-failures";
import { Tree } from "./run-tree";

/** A run: what it is, its failures by their causes, and its tree. */
export function RunView({ id }: { id: string }) {
  const [run, setRun] = useState<Run>();
  const resume = useRef("");
  const watch = useCallback(
    async (signal: AbortSignal) => {
      for await (const answer of queries.watchRun({ run: id, resumeToken: resume.current }, { signal })) {
        resume.current = answer.resumeToken;
        if (answer.run) setRun(answer.run);
      }
    },
    [id],
  );
  const error = useStream(id, true, watch);
  usePageTitle(run?.ident ?? "Run", run && runStatus(run));
  if (error && !run) return <Problem text={error} />;
  if (!run) return <Loading />;
  // Queries about nodes are repeated when a count has changed.
  const version = `${run.state} ${Object.values(run.tally ?? {}).join(" ")}`;
  const isLive = !run.endedUnixNanos;
  return (
    <article class="run">
      <Header run={run} />
      <Problem text={error} />
      <Failures run={run} version={version} />
      <Tree run={run} version={version} isLive={isLive} />
    </article>
  );
}

function Header({ run }: { run: Run }) {
  const status = runStatus(run);
  const why = run.result?.message || reasonText(run.result?.reason ?? 0);
  const [program = "", ...words] = run.argv;
  const line = [nameOf(program), ...words].map(shellWord).join(" ");
  return (
    <header class="run-header">
      <nav class="crumbs" aria-label="Breadcrumb">
        <Link href="/">Runs</Link> / {run.ident}
      </nav>
      <h1>
        <Mark status={status} word /> {run.ident} <span class="id">{run.id.slice(0, 8)}</span>
      </h1>
      {why && <p class="why">{why}</p>}
      <TallyBar tally={run.tally} />
      <dl class="facts">
        <Fact name="Started">
          <Time nanos={run.startedUnixNanos} />
        </Fact>
        <Fact name="Duration">{duration(runEnd(run) - run.startedUnixNanos)}</Fact>
        <Fact name="User">
          {run.user}@{run.host}
        </Fact>
        {run.git && (
          <Fact name="Commit">
            <code title={run.git.commit}>{run.git.commit.slice(0, 12)}</code>{" "}
            <CopyButton text={() => run.git?.commit ?? ""} />
            {run.git.branch && ` on ${run.git.branch}`}
            {run.git.dirty && <span class="chip warn">uncommitted changes</span>}
          </Fact>
        )}
        <Fact name="Seed">
          <code>{run.seed}</code>
        </Fact>
        <Fact name="Folder">
          <code>{run.folder}</code>
        </Fact>
        {run.tally?.flaky ? <Fact name="Flaky">{plural(run.tally.flaky, "job")}</Fact> : null}
        {Object.entries(run.labels).map(([name, text]) => (
          <Fact key={name} name={name}>
            {text}
          </Fact>
        ))}
      </dl>
      <Command line={line} />
      <Command line={`gator status ${runOption(run.id)}`} />
    </header>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

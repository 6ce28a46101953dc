import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { queries } from "../api/client";
import { usePolled } from "../api/live";
import { duration, shellWord, size } from "../format";
import type { Attempt, Run } from "../gen/gator/v1/query_pb";
import { NodeState } from "../gen/gator/v1/query_pb";
import type { GetNodeResponse } from "../gen/gator/v1/query_service_pb";
import { Log } from "../log/log";
import { nameOf, runHref, runOption } from "../paths";
import { nodeStatus, outcomeStatus, reasonText, type Status } from "../states";
import { Command, Empty, Loading, Mark, Problem, Time } from "../ui/parts";
import { usePageTitle } from "../ui/page-title";
import { Usage } from "./usage";

const POLL_MS = 1000;

/** A job: its outcome, its output and its usage of resources. */
export function JobView({ run, path }: { run: string; path: string }) {
  const [isLive, setLive] = useState(true);
  const { value, error } = usePolled(`${run} ${path}`, isLive ? POLL_MS : 0, async (signal) => {
    const [described, found] = await Promise.all([
      queries.getNode({ run, path }, { signal }),
      queries.getRun({ run }, { signal }),
    ]);
    setLive(described.node?.state !== NodeState.ENDED && !found.run?.endedUnixNanos);
    return { described, run: found.run };
  });
  const node = value?.described.node;
  usePageTitle(nameOf(path), node && nodeStatus(node));
  if (!value?.run || !node) return error ? <Problem text={error} /> : <Loading />;
  return (
    <article class="job">
      <Problem text={error} />
      <Job key={value.run.id} run={value.run} described={value.described} isLive={isLive} />
    </article>
  );
}

function Job({ run, described, isLive }: { run: Run; described: GetNodeResponse; isLive: boolean }) {
  const [picked, setPicked] = useState(0);
  const { node, attempts } = described;
  const attempt = attempts.find((one) => one.number === picked) ?? attempts.at(-1);
  if (!node) return null;
  const subject = { run: run.id, path: node.path, attempt: attempt?.number ?? 0 };
  return (
    <>
      <Header run={run} described={described} attempt={attempt} onPick={setPicked} />
      {attempt ? (
        <Log
          key={`${attempt.number}`}
          subject={subject}
          run={run}
          node={node}
          attempt={attempt}
          command={attempt.started?.argv.map(shellWord).join(" ") ?? ""}
          isLive={isLive}
        />
      ) : (
        <Empty title={isLive ? "This job has not started" : "This job was never started"}>
          <p>{node.message || reasonText(node.reason)}</p>
          {isLive && <Command line={`gator status --explain ${shellWord(node.path)} ${runOption(run.id)}`} />}
        </Empty>
      )}
      {attempt && <Usage subject={subject} demand={node.demand} isLive={isLive} />}
    </>
  );
}

interface HeaderProps {
  run: Run;
  described: GetNodeResponse;
  attempt: Attempt | undefined;
  onPick: (attempt: number) => void;
}

function Header({ run, described, attempt, onPick }: HeaderProps) {
  const { node, attempts } = described;
  if (!node) return null;
  const status = nodeStatus(node);
  const groups = node.path.split("/").slice(0, -1);
  return (
    <header class="run-header">
      <nav class="crumbs" aria-label="Breadcrumb">
        <Link href="/">Runs</Link> /{" "}
        <Link href={runHref(run.id)}>
          {run.ident} {run.id.slice(0, 8)}
        </Link>{" "}
        {groups.slice(1).map((name) => ` / ${name}`)}
      </nav>
      <h1>
        <Mark status={status} word /> {nameOf(node.path)}
      </h1>
      {node.message && status !== "passed" && <p class="why">{node.message}</p>}
      {attempts.length > 1 && (
        <nav class="attempts" aria-label="Attempts">
          {attempts.map((one) => (
            <button
              key={one.number}
              type="button"
              class="small"
              aria-pressed={one.number === attempt?.number}
              onClick={() => onPick(one.number)}
            >
              <Mark status={attemptStatus(one)} /> attempt {one.number}
            </button>
          ))}
        </nav>
      )}
      <dl class="facts">
        {attempt && (
          <div>
            <dt>Started</dt>
            <dd>
              <Time nanos={attempt.startedUnixNanos} />
            </dd>
          </div>
        )}
        {attempt?.finished?.usage && <Usages attempt={attempt} />}
        {attempt?.finished?.exitCode !== undefined && <Fact name="Exit code" text={String(attempt.finished.exitCode)} />}
        {attempt?.finished?.signal !== undefined && <Fact name="Signal" text={String(attempt.finished.signal)} />}
        {node.host && <Fact name="Host" text={node.host} />}
        <Fact name="Seed" text={String(node.seed)} />
        {attempt?.started?.cwd && <Fact name="Folder" text={attempt.started.cwd} />}
      </dl>
      {attempt?.started && <Command line={attempt.started.argv.map(shellWord).join(" ")} />}
      <Command line={`gator logs ${shellWord(node.path)} ${runOption(run.id)}`} />
    </header>
  );
}

function attemptStatus(attempt: Attempt): Status {
  return attempt.finished ? outcomeStatus(attempt.finished.outcome) : "running";
}

function Usages({ attempt }: { attempt: Attempt }) {
  const usage = attempt.finished?.usage;
  if (!usage) return null;
  return (
    <>
      <Fact name="Duration" text={duration(usage.wallNanos)} />
      <Fact name="Processor time" text={duration(usage.userNanos + usage.systemNanos)} />
      {usage.peakMemoryBytes !== undefined && <Fact name="Peak memory" text={size(usage.peakMemoryBytes)} />}
    </>
  );
}

function Fact({ name, text }: { name: string; text: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{text}</dd>
    </div>
  );
}

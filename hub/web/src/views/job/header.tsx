import { Link } from "wouter-preact";
import { isReadOnly } from "../../api/about";
import { duration, shellWord, size } from "../../format";
import type { Attempt, Run } from "../../gen/gator/v1/query_pb";
import type { GetNodeResponse } from "../../gen/gator/v1/query_service_pb";
import { nameOf, runHref, runOption, trendHref } from "../../paths";
import { nodeStatus, outcomeStatus, reasonText, type Status } from "../../states";
import { Icon } from "../../ui/icons";
import { Badge, Command, Fact, Mark, Time } from "../../ui/parts";
import { StopButton } from "../run/stop";

interface Props {
  run: Run;
  described: GetNodeResponse;
  attempt: Attempt | undefined;
  onPick: (attempt: number) => void;
}

/** What a job did, and how to do it again. */
export function Header({ run, described, attempt, onPick }: Props) {
  const { node, attempts } = described;
  if (!node) return null;
  const status = nodeStatus(node);
  const groups = node.path.split("/").slice(1, -1);
  const why = node.message || reasonText(node.reason);
  return (
    <header class="run-header">
      <nav class="crumbs" aria-label="Breadcrumb">
        <Link href="/">Runs</Link>
        <span>/</span>
        <Link href={runHref(run.id)}>
          {run.ident} {run.id.slice(0, 8)}
        </Link>
        {groups.map((name, index) => [<span key={`/${index}`}>/</span>, <span key={index}>{name}</span>])}
      </nav>
      <div class="head-line">
        <h1>
          <Badge status={status} /> {nameOf(node.path)}
        </h1>
        <div class="actions">
          {status === "running" && !run.endedUnixNanos && !isReadOnly() && <StopButton run={run} path={node.path} what={node.path} />}
          <Link class="button" href={trendHref(node.path)}>
            <Icon name="chart" /> Trend
          </Link>
        </div>
      </div>
      {why && status !== "passed" && <p class="why">{why}</p>}
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
      <dl class="facts panel">
        {attempt && (
          <Fact name="Started">
            <Time nanos={attempt.startedUnixNanos} />
          </Fact>
        )}
        {attempt && <Usages attempt={attempt} />}
        {node.host && <Fact name="Host">{node.host}</Fact>}
        <Fact name="Seed">
          <code>{attempt?.started?.seed || node.seed}</code>
        </Fact>
        {node.tags.length > 0 && <Fact name="Tags">{node.tags.join(", ")}</Fact>}
        {described.reproduce && (
          <div class="wide">
            <dt>Run it again with the same seed</dt>
            <dd>
              <Command line={described.reproduce} />
            </dd>
          </div>
        )}
      </dl>
      <Command line={`gator logs ${shellWord(node.path)} ${runOption(run.id)}`} />
    </header>
  );
}

function attemptStatus(attempt: Attempt): Status {
  return attempt.finished ? outcomeStatus(attempt.finished.outcome) : "running";
}

function Usages({ attempt }: { attempt: Attempt }) {
  const { finished } = attempt;
  const usage = finished?.usage;
  return (
    <>
      {usage && <Fact name="Duration">{duration(usage.wallNanos)}</Fact>}
      {usage && <Fact name="Processor time">{duration(usage.userNanos + usage.systemNanos)}</Fact>}
      {usage?.peakMemoryBytes !== undefined && <Fact name="Peak memory">{size(usage.peakMemoryBytes)}</Fact>}
      {finished?.exitCode !== undefined && <Fact name="Exit code">{finished.exitCode}</Fact>}
      {finished?.signal !== undefined && <Fact name="Signal">{finished.signal}</Fact>}
    </>
  );
}

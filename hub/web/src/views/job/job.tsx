import { useState } from "preact/hooks";
import { queries } from "../../api/client";
import { usePolled } from "../../api/live";
import { shellWord } from "../../format";
import type { Run } from "../../gen/gator/v1/query_pb";
import { NodeState } from "../../gen/gator/v1/query_pb";
import type { GetNodeResponse } from "../../gen/gator/v1/query_service_pb";
import { Log } from "../../log/log";
import { nameOf, runOption } from "../../paths";
import { nodeStatus, reasonText } from "../../states";
import { Command, Empty, Loading, Missing, Problem } from "../../ui/parts";
import { usePageTitle } from "../../ui/page-title";
import { Metrics } from "../metrics";
import { Artefacts } from "./artefacts";
import { Details } from "./details";
import { EarlierRuns } from "./earlier";
import { Header } from "./header";
import { Usage } from "./usage";

const POLL_MS = 1000;

/** A job: its outcome, its output, its usage of resources, and how it was run. */
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
  if (!value?.run || !node) return error ? <Missing text={error} /> : <Loading />;
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
          command={described.reproduce || (attempt.started?.argv.map(shellWord).join(" ") ?? "")}
          isLive={isLive}
        />
      ) : (
        <Empty title={isLive ? "This job has not started" : "This job was never started"}>
          <p>{node.message || reasonText(node.reason)}</p>
          {isLive && <Command line={`gator status --explain ${shellWord(node.path)} ${runOption(run.id)}`} />}
        </Empty>
      )}
      <EarlierRuns run={run} path={node.path} />
      {attempt && <Usage subject={subject} demand={node.demand} isLive={isLive} />}
      <Metrics run={run.id} path={node.path} version={`${node.state}`} />
      {attempt && <Artefacts run={run} path={node.path} attempt={attempt} />}
      <Details described={described} attempt={attempt} run={run} />
    </>
  );
}

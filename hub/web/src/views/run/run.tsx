import { useCallback, useRef, useState } from "preact/hooks";
import { queries } from "../../api/client";
import { useStream } from "../../api/live";
import type { Run } from "../../gen/gator/v1/query_pb";
import { runStatus } from "../../states";
import { lazily } from "../../ui/lazy";
import { Loading, Missing, Problem } from "../../ui/parts";
import { usePageTitle } from "../../ui/page-title";
import { Failures } from "./failures";
import { Header } from "./header";
import { Tree } from "./tree";

const Timeline = lazily(async () => (await import("./timeline")).Timeline);
const RunMetrics = lazily(async () => (await import("../metrics")).Metrics);

/** A run: what it is, its failures by their causes, its tree, and where the time went. */
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
  if (error && !run) return <Missing text={error} />;
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
      <Timeline run={run} version={version} isLive={isLive} />
      <RunMetrics run={run.id} path={run.ident} version={version} />
    </article>
  );
}

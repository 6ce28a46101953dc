import { useEffect, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { errorText, queries } from "../../api/client";
import { NodeKind, Outcome } from "../../gen/gator/v1/common_pb";
import { Scope } from "../../gen/gator/v1/query_service_pb";
import type { FailureGroup, Node } from "../../gen/gator/v1/query_pb";
import { jobHref } from "../../paths";
import { Loading, Problem } from "../../ui/parts";
import { placeOf } from "./failures";

const STEP = 100;

/** The jobs with one cause. The failed jobs of the run are read page by page until there are enough. */
export function JobsOfCause({ run, group }: { run: string; group: FailureGroup }) {
  const [wanted, setWanted] = useState(STEP);
  const [jobs, setJobs] = useState<Node[]>();
  const [error, setError] = useState("");
  useEffect(() => {
    const stop = new AbortController();
    jobsOfCause(run, group, wanted, stop.signal).then(setJobs, (failure) => {
      if (!stop.signal.aborted) setError(errorText(failure));
    });
    return () => stop.abort();
  }, [run, group, wanted]);
  if (error) return <Problem text={error} />;
  if (!jobs) return <Loading />;
  return (
    <>
      <ul class="cause-jobs">
        {jobs.slice(0, wanted).map((job) => (
          <li key={job.path}>
            <Link href={jobHref(run, job.path, placeOf(job.firstError?.stream, job.firstError?.line))}>{job.path}</Link>
          </li>
        ))}
      </ul>
      {BigInt(wanted) < group.jobs && (
        <button type="button" class="small" onClick={() => setWanted(wanted + STEP)}>
          More jobs
        </button>
      )}
    </>
  );
}

/** Returns a text that identifies a cause. */
export function causeKey(group: FailureGroup): string {
  return group.cause || group.signature;
}

/** Returns jobs of a run with a cause: at least the wanted number, if there are as many. */
export async function jobsOfCause(run: string, group: FailureGroup, wanted: number, signal: AbortSignal): Promise<Node[]> {
  const found: Node[] = [];
  let pageToken = "";
  do {
    const answer = await queries.listNodes(
      {
        run,
        scope: Scope.SUBTREE,
        kinds: [NodeKind.JOB],
        outcomes: [Outcome.FAILED, Outcome.LOST],
        pageToken,
      },
      { signal },
    );
    found.push(...answer.nodes.filter((node) => hasCause(node, group)));
    pageToken = answer.nextPageToken;
  } while (pageToken && found.length < wanted);
  return found;
}

function hasCause(node: Node, group: FailureGroup): boolean {
  return group.cause ? node.cause === group.cause : !node.cause && node.signature === group.signature;
}

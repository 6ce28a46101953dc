import { useEffect, useState } from "preact/hooks";
import { queries } from "../../api/client";
import { pause } from "../../api/live";
import { turn } from "../../api/turn";
import { plural } from "../../format";
import { CauseState, type Run } from "../../gen/gator/v1/query_pb";

/** Maximum number of causes of a run that are looked at, to count those that are new. */
const MAX_CAUSES = 50;
const RETRY_MS = 5000;

interface Found {
  causes: number;
  fresh: number;
  first: string;
}

const known = new Map<string, Found>();

/** The number of causes of the failures of a run, and that of the new ones. */
export function Causes({ run }: { run: Run }) {
  const failures = (run.tally?.failed ?? 0n) + (run.tally?.lost ?? 0n);
  const key = `${run.id} ${failures} ${run.endedUnixNanos}`;
  const [, setRead] = useState("");
  useEffect(() => {
    if (!failures || known.has(key)) return;
    const stop = new AbortController();
    void read(run.id, key, stop.signal).then(() => setRead(key));
    return () => stop.abort();
  }, [key]);
  const found = known.get(key);
  if (!failures || !found) return null;
  return (
    <span title={found.first}>
      {found.fresh > 0 && <span class="chip new">{found.fresh} new</span>} {plural(found.causes, "cause")}
    </span>
  );
}

async function read(run: string, key: string, stop: AbortSignal): Promise<void> {
  try {
    const answer = await turn(() => queries.listFailures({ run, pageSize: MAX_CAUSES }, { signal: stop }));
    known.set(key, {
      causes: Number(answer.causes),
      fresh: answer.groups.filter((group) => group.state === CauseState.NEW).length,
      first: answer.groups[0]?.example?.firstError?.text ?? "",
    });
  } catch {
    // A run that was removed meanwhile, or a lost connection, which the page shows.
    await pause(RETRY_MS, stop);
  }
}

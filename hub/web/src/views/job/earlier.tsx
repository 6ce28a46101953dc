import { Link } from "wouter-preact";
import { hub } from "../../api/client";
import { usePolled } from "../../api/live";
import { duration, moment } from "../../format";
import type { HistoryEntry } from "../../gen/gator/v1/hub_pb";
import type { Run } from "../../gen/gator/v1/query_pb";
import { jobHref, trendHref } from "../../paths";
import { entryStatus } from "../../states";

const RUNS = 50;

/** This job in the last runs of the series, the newest at the right. */
export function EarlierRuns({ run, path }: { run: Run; path: string }) {
  const { value } = usePolled(`${run.id} ${path}`, 0, async (signal) => {
    const { selection } = run;
    const relative = path.slice(run.ident.length + 1);
    const request = { ident: run.ident, path: relative, pageSize: RUNS, ...(selection ? { selection } : {}) };
    return (await hub.listHistory(request, { signal })).entries;
  });
  if (!value || value.length < 2) return null;
  return (
    <section class="section" aria-label="Earlier runs">
      <div class="section-head">
        <h2>
          This job in the last runs <span class="of">· {summary(value)}</span>
        </h2>
        <Link class="push" href={trendHref(path)}>
          Trend
        </Link>
      </div>
      <Strip entries={value} current={run.id} href={(id, ident) => jobHref(id, path.replace(/^[^/]+/, ident))} />
    </section>
  );
}

function summary(entries: HistoryEntry[]): string {
  const passed = entries.filter((entry) => entryStatus(entry) === "passed").length;
  return `passed in ${passed} of ${entries.length}`;
}

interface StripProps {
  entries: HistoryEntry[];
  current?: string;
  href: (run: string, ident: string) => string;
}

/** Outcomes as coloured tiles, the newest at the right. */
export function Strip({ entries, current, href }: StripProps) {
  return (
    <div class="strip panel">
      {[...entries].reverse().map((entry) => {
        const status = entryStatus(entry);
        const { run } = entry;
        if (!run) return null;
        const text = `${moment(run.startedUnixNanos)}: ${status}, ${duration(entry.wallNanos)}${entry.cause && `, ${entry.cause}`}`;
        return (
          <Link key={run.run} class={status} href={href(run.run, run.ident)} title={text} aria-current={run.run === current ? "true" : undefined}>
            <span class="sr-only">{text}</span>
          </Link>
        );
      })}
    </div>
  );
}

import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { isReadOnly } from "../../api/about";
import { queries } from "../../api/client";
import { usePolled } from "../../api/live";
import { count, moment, plural, shellWord } from "../../format";
import { CauseState, type FailureGroup, type Run } from "../../gen/gator/v1/query_pb";
import { jobHref, runOption } from "../../paths";
import { reasonText } from "../../states";
import { Command, Problem } from "../../ui/parts";
import { Stream } from "../../gen/gator/v1/common_pb";
import { Note, NoteForm, Ticket } from "../notes";
import { causeKey, JobsOfCause } from "./cause-jobs";
import { Transitions } from "./transitions";

const PAGE = 50;

/** The failures of a run, grouped by their causes, the most frequent first. */
export function Failures({ run, version }: { run: Run; version: string }) {
  const [pages, setPages] = useState(1);
  // Number of notes written here; the causes are read again after each.
  const [notes, setNotes] = useState(0);
  const failures = (run.tally?.failed ?? 0n) + (run.tally?.lost ?? 0n);
  const { value, error } = usePolled(`${run.id} ${failures ? version : ""} ${pages} ${notes}`, 0, async (signal) => {
    if (!failures) return undefined;
    const groups: FailureGroup[] = [];
    let pageToken = "";
    let causes = 0n;
    for (let page = 0; page < pages; page += 1) {
      const answer = await queries.listFailures({ run: run.id, pageSize: PAGE, pageToken }, { signal });
      groups.push(...answer.groups);
      causes = answer.causes;
      pageToken = answer.nextPageToken;
      if (!pageToken) break;
    }
    return { groups, causes, hasMore: pageToken !== "" };
  });
  const [last, setLast] = useState(value);
  if (value && value !== last) setLast(value);
  const shown = value ?? last;
  if (!failures) return null;
  return (
    <section class="section failures" aria-label="Failures">
      <div class="section-head">
        <h2>
          {plural(failures, "failure")}
          {shown && <span class="of"> · {plural(shown.causes, "cause")}</span>}
        </h2>
      </div>
      <Problem text={error} />
      <ol class="groups panel">
        {shown?.groups.map((group) => <Group key={`${group.signature} ${group.cause}`} run={run} group={group} onNote={() => setNotes(notes + 1)} />)}
      </ol>
      {shown?.hasMore && (
        <button type="button" onClick={() => setPages(pages + 1)}>
          More causes
        </button>
      )}
      <Command line={`gator failures ${runOption(run.id)}`} />
    </section>
  );
}

function Group({ run, group, onNote }: { run: Run; group: FailureGroup; onNote: () => void }) {
  const [shown, setShown] = useState<"" | "jobs" | "grid" | "note">("");
  const { example } = group;
  if (!example) return null;
  const error = example.firstError;
  const place = placeOf(error?.stream, error?.line);
  const toggle = (part: typeof shown) => setShown(shown === part ? "" : part);
  return (
    <li class="group">
      <div class="group-head">
        <span class="jobs" title={plural(group.jobs, "job")}>
          {count(group.jobs)}×
        </span>
        <Age group={group} />
        {group.cause && <strong class="cause">{group.cause}</strong>}
        {group.tickets.map((ticket) => (
          <Ticket key={ticket} text={ticket} />
        ))}
        <Link href={jobHref(run.id, example.path, place)} class="example">
          {example.path}
        </Link>
      </div>
      <Link href={jobHref(run.id, example.path, place)} class="first-error">
        {place && <span class="place">{place}</span>}
        <span>{error?.text || example.message || reasonText(example.reason)}</span>
      </Link>
      {error?.file && (
        <p class="where">
          {error.file}
          {error.fileLine ? `:${error.fileLine}` : ""}
        </p>
      )}
      {group.notes.map((note) => (
        <Note key={`${note.author} ${note.timeUnixNanos} ${note.text}`} note={note} />
      ))}
      <div class="group-foot">
        {group.jobs > 1n && (
          <button type="button" class="small" aria-expanded={shown === "jobs"} onClick={() => toggle("jobs")}>
            {shown === "jobs" ? "Hide jobs" : `All ${count(group.jobs)} jobs`}
          </button>
        )}
        <button type="button" class="small" aria-expanded={shown === "grid"} onClick={() => toggle("grid")}>
          Changes over the runs
        </button>
        {!isReadOnly() && (
          <button type="button" class="small" aria-expanded={shown === "note"} onClick={() => toggle("note")}>
            Add a note
          </button>
        )}
      </div>
      {shown === "jobs" && <JobsOfCause run={run.id} group={group} />}
      {shown === "grid" && <Transitions run={run} group={group} />}
      {shown === "note" && (
        <NoteForm
          cause={causeKey(group)}
          onDone={() => {
            setShown("");
            onNote();
          }}
        />
      )}
      {shown === "jobs" && <Command line={`gator failures ${runOption(run.id)} --cause ${shellWord(causeKey(group))}`} />}
    </li>
  );
}

export function placeOf(stream: Stream | undefined, line: bigint | undefined): string {
  if (!line) return "";
  return `${stream === Stream.STDERR ? "err" : "out"}:${line}`;
}

/** Whether a cause is new, came back or is known, and since which run. */
function Age({ group }: { group: FailureGroup }) {
  const since = group.since ?? group.first;
  const run = since && (
    <Link href={`/run/${since.run}`} title={since.git?.commit ?? ""}>
      {since.run.slice(0, 8)}
    </Link>
  );
  if (group.state === CauseState.NEW) return <span class="chip new">new</span>;
  if (group.state === CauseState.BACK)
    return (
      <span class="chip back">
        back since {run}
        {group.before && `, last seen ${moment(group.before.startedUnixNanos)}`}
      </span>
    );
  if (group.state === CauseState.KNOWN)
    return (
      <span class="chip">
        since {run} · {plural(group.runs, "run")}
      </span>
    );
  return null;
}

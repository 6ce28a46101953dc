import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { isReadOnly } from "../../api/about";
import { hub, queries } from "../../api/client";
import { usePolled } from "../../api/live";
import { turn } from "../../api/turn";
import { count, isoTime } from "../../format";
import type { FailureGroup, Run } from "../../gen/gator/v1/query_pb";
import { jobHref, runHref } from "../../paths";
import { ExportButtons } from "../../ui/export";
import { Problem, Time } from "../../ui/parts";
import { Note, NoteForm, Ticket } from "../notes";
import { placeOf } from "../run/failures";

const RUNS = 25;
const MAX_CAUSES = 50;

/** A cause in the runs of a series. */
interface Seen {
  key: string;
  /** The failures in the newest of these runs. */
  group: FailureGroup;
  last: Run;
  first: Run;
  runs: number;
  isPresent: boolean;
}

/** The causes of failures in the last runs of a series, with their first and last sighting. */
export function TrendCauses({ ident }: { ident: string }) {
  const [notes, setNotes] = useState(0);
  const [open, setOpen] = useState("");
  const { value, error } = usePolled(`${ident} ${notes}`, 0, async (signal) => {
    const { runs } = await hub.listRuns({ ident, selection: {}, pageSize: RUNS }, { signal });
    const groups = await Promise.all(
      runs.map((run) => turn(async () => (await queries.listFailures({ run: run.id, pageSize: MAX_CAUSES }, { signal })).groups)),
    );
    return { seen: causesOf(runs, groups), runs: runs.length };
  });
  if (error) return <Problem text={error} />;
  if (!value?.seen.length) return null;
  return (
    <section class="section" aria-label="Causes">
      <div class="section-head">
        <h2>
          Causes of failures <span class="of">· last {value.runs} runs</span>
        </h2>
        <span class="actions">
          <ExportButtons name={`${ident}-causes`} rows={() => value.seen.map(exported)} />
        </span>
      </div>
      <ol class="groups panel">
        {value.seen.map((seen) => (
          <Cause
            key={seen.key}
            seen={seen}
            isOpen={open === seen.key}
            onOpen={() => setOpen(open === seen.key ? "" : seen.key)}
            onNote={() => {
              setOpen("");
              setNotes(notes + 1);
            }}
          />
        ))}
      </ol>
    </section>
  );
}

interface CauseProps {
  seen: Seen;
  isOpen: boolean;
  onOpen: () => void;
  onNote: () => void;
}

function Cause({ seen, isOpen, onOpen, onNote }: CauseProps) {
  const { group, first, last, runs, isPresent } = seen;
  const { example } = group;
  const place = placeOf(example?.firstError?.stream, example?.firstError?.line);
  return (
    <li class="group">
      <div class="group-head">
        <span class={`chip ${isPresent ? "back" : ""}`}>{isPresent ? "in the last run" : "gone"}</span>
        {group.cause && <strong class="cause">{group.cause}</strong>}
        {group.tickets.map((ticket) => (
          <Ticket key={ticket} text={ticket} />
        ))}
        <span class="where">
          {count(runs)} {runs === 1 ? "run" : "runs"}: first <Link href={runHref(first.id)}>{first.id.slice(0, 8)}</Link>{" "}
          <Time nanos={first.startedUnixNanos} />, last <Link href={runHref(last.id)}>{last.id.slice(0, 8)}</Link> <Time nanos={last.startedUnixNanos} />
        </span>
        {example && (
          <Link href={jobHref(last.id, example.path, place)} class="example">
            {example.path}
          </Link>
        )}
      </div>
      <p class="first-error">{example?.firstError?.text || example?.message}</p>
      {group.notes.map((note) => (
        <Note key={`${note.author} ${note.timeUnixNanos}`} note={note} />
      ))}
      {!isReadOnly() && (
        <div class="group-foot">
          <button type="button" class="small" aria-expanded={isOpen} onClick={onOpen}>
            Add a note
          </button>
        </div>
      )}
      {isOpen && <NoteForm cause={seen.key} onDone={onNote} />}
    </li>
  );
}

/** Returns the causes in runs, which begin with the newest: those of the last run first, then by their frequency. */
export function causesOf(runs: Run[], groups: FailureGroup[][]): Seen[] {
  const found = new Map<string, Seen>();
  runs.forEach((run, index) => {
    for (const group of groups[index] ?? []) {
      const key = group.cause || group.signature;
      const seen = found.get(key) ?? { key, group, last: run, first: run, runs: 0, isPresent: index === 0 };
      found.set(key, { ...seen, first: run, runs: seen.runs + 1 });
    }
  });
  return [...found.values()].sort((one, other) => Number(other.isPresent) - Number(one.isPresent) || other.runs - one.runs);
}

function exported({ key, group, first, last, runs, isPresent }: Seen) {
  return {
    cause: group.cause,
    signature: group.signature,
    key,
    runs,
    present: isPresent,
    first_run: first.id,
    first_started: isoTime(first.startedUnixNanos),
    last_run: last.id,
    last_started: isoTime(last.startedUnixNanos),
    first_error: group.example?.firstError?.text ?? "",
    tickets: group.tickets.join(" "),
  };
}

import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { usePolled } from "../api/live";
import { count, plural } from "../format";
import { Severity, Stream } from "../gen/gator/v1/common_pb";
import type { Attempt, Node, Run } from "../gen/gator/v1/query_pb";
import { isFailure, outcomeStatus } from "../states";
import { CopyButton, Problem } from "../ui/parts";
import { lastLineOf, LineSource, readLines, type Subject } from "./line-source";
import { markdown } from "./markdown";
import { extend, type Place, placeOf, placeText, streamName } from "./place";
import { HitList, type Query, useHits } from "./search";
import { plain } from "./text";
import { Viewer, type ViewerHandle } from "./viewer";

const POLL_MS = 1000;
const STREAMS = [Stream.STDOUT, Stream.STDERR] as const;
/** Number of lines before and after the first error in a copy for a ticket. */
const AROUND = 10;
const MAX_COPIED = 10_000;
const SEVERITIES: [Severity, string][] = [
  [Severity.UNSPECIFIED, "all lines"],
  [Severity.WARNING, "warnings and worse"],
  [Severity.ERROR, "errors and worse"],
];

interface Props {
  subject: Subject;
  run: Run;
  node: Node;
  attempt: Attempt;
  command: string;
  isLive: boolean;
}

/** The output of an attempt: at its first error if it failed, at its end while it runs, else at its start. */
export function Log({ subject, run, node, attempt, command, isLive }: Props) {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const sources = useMemo(() => STREAMS.map((stream) => new LineSource(subject, stream, () => redraw(0))), []);
  const totals = useTotals(subject, attempt, isLive);
  const start = useMemo(() => placeOf(location.hash) ?? placeOfError(attempt), []);
  const [marked, setMarked] = useState<Place | undefined>(start);
  const [chosen, setChosen] = useState<Stream | undefined>(start?.stream);
  const [query, setQuery] = useState<Query>({ regex: "", severity: Severity.UNSPECIFIED });
  const [current, setCurrent] = useState(-1);
  const { hits, more } = useHits(subject, query);
  const viewer = useRef<ViewerHandle | null>(null);
  const search = useRef<HTMLInputElement>(null);
  const stream = chosen ?? (totals && !totals[0] && totals[1] ? Stream.STDERR : Stream.STDOUT);
  const source = sources[stream === Stream.STDERR ? 1 : 0]!;
  const total = totals?.[stream === Stream.STDERR ? 1 : 0] ?? 0;
  source.total = total;

  // The first position: once, as soon as the number of lines is known.
  const isPlaced = useRef(false);
  useEffect(() => {
    if (isPlaced.current || !totals || !total) return;
    isPlaced.current = true;
    if (start) viewer.current?.show(start.first);
    else if (isLive) viewer.current?.toEnd();
  }, [totals, total]);
  useHash((place) => {
    setMarked(place);
    setChosen(place.stream);
    requestAnimationFrame(() => viewer.current?.show(place.first));
  });

  const pick = (line: number, isRange: boolean) => {
    const place = isRange ? extend(marked, stream, line) : extend(undefined, stream, line);
    setMarked(place);
    history.replaceState(history.state, "", `#${placeText(place)}`);
  };
  const showHit = (index: number) => {
    const line = hits.lines[index];
    if (!line) return;
    setCurrent(index);
    if (line.stream !== stream) setChosen(line.stream);
    setMarked(extend(undefined, line.stream, Number(line.number)));
    requestAnimationFrame(() => viewer.current?.show(Number(line.number)));
    if (index >= hits.lines.length - 2 && hits.next) more();
  };
  const onKey = (event: KeyboardEvent) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "f") search.current?.focus();
    else if (event.key === "n" || event.key === "N") showHit(current + (event.key === "n" ? 1 : -1));
    else return;
    event.preventDefault();
  };
  useKeys(onKey);
  const hitKeys = useMemo(() => new Set(hits.lines.map((line) => `${line.stream}:${line.number}`)), [hits.lines]);
  const isSearching = query.regex !== "" || query.severity !== Severity.UNSPECIFIED;

  return (
    <section class="log" aria-label="Output">
      <div class="log-bar">
        <nav class="streams" aria-label="Streams">
          {STREAMS.map((one, index) => (
            <button key={one} type="button" aria-pressed={one === stream} onClick={() => setChosen(one)}>
              {one === Stream.STDERR ? "stderr" : "stdout"} <span class="of">{count(totals?.[index] ?? 0)}</span>
            </button>
          ))}
        </nav>
        <form
          role="search"
          onSubmit={(event) => {
            event.preventDefault();
            const regex = search.current?.value ?? "";
            if (regex === query.regex && regex) showHit((current + 1) % Math.max(1, hits.lines.length));
            else setQuery({ ...query, regex });
          }}
        >
          <input
            ref={search}
            type="search"
            data-first
            placeholder="Search all lines: a regular expression"
            aria-label="Search all lines"
            spellcheck={false}
            onInput={(event) => {
              if (event.currentTarget.value) return;
              setQuery({ ...query, regex: "" });
              setCurrent(-1);
            }}
          />
          <select
            aria-label="Severity"
            value={String(query.severity)}
            onChange={(event) => setQuery({ ...query, severity: Number(event.currentTarget.value) })}
          >
            {SEVERITIES.map(([severity, name]) => (
              <option key={severity} value={String(severity)}>
                {name}
              </option>
            ))}
          </select>
        </form>
        <Copies run={run} node={node} attempt={attempt} subject={subject} command={command} marked={marked} />
        <button type="button" class="small" onClick={() => viewer.current?.show(1)}>
          Top
        </button>
        <button type="button" class="small" onClick={() => viewer.current?.toEnd()}>
          End
        </button>
      </div>
      {isSearching && <HitList hits={hits} current={current} onShow={showHit} onMore={more} />}
      <Problem text={source.error} />
      {attempt.finished && attempt.finished.droppedBytes > 0n && (
        <p class="problem">The middle of the output was not stored: it is larger than the limit of the job or the hub.</p>
      )}
      {totals && !total ? (
        <p class="none">{isLive ? `Nothing on ${streamName(stream)} yet.` : `Nothing was written to ${stream === Stream.STDERR ? "stderr" : "stdout"}.`}</p>
      ) : (
        <Viewer
          key={stream}
          source={source}
          total={total}
          isLive={isLive}
          marked={marked}
          hits={hitKeys}
          handle={viewer}
          onPick={pick}
          onKey={() => undefined}
        />
      )}
      <p class="log-foot">
        {plural(total, "line")} on {stream === Stream.STDERR ? "stderr" : "stdout"}
        {marked && ` · ${placeText(marked)} is marked; Shift and a click on a number extend it`}
      </p>
    </section>
  );
}

function useTotals(subject: Subject, attempt: Attempt, isLive: boolean): [number, number] | undefined {
  const { finished } = attempt;
  const { value } = usePolled(`${subject.attempt} ${finished !== undefined}`, isLive ? POLL_MS : 0, async (signal) => {
    if (finished) return [Number(finished.stdoutLines), Number(finished.stderrLines)] as [number, number];
    return (await Promise.all(STREAMS.map((stream) => lastLineOf(subject, stream, signal)))) as [number, number];
  });
  const last = useRef<[number, number]>();
  if (value) last.current = value;
  return last.current;
}

function placeOfError(attempt: Attempt): Place | undefined {
  const error = attempt.finished?.firstError;
  if (!attempt.finished || !isFailure(outcomeStatus(attempt.finished.outcome)) || !error?.line) return undefined;
  const line = Number(error.line);
  return { stream: error.stream === Stream.STDERR ? Stream.STDERR : Stream.STDOUT, first: line, last: line };
}

function useHash(onPlace: (place: Place) => void): void {
  const latest = useRef(onPlace);
  latest.current = onPlace;
  useEffect(() => {
    const changed = () => {
      const place = placeOf(location.hash);
      if (place) latest.current(place);
    };
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
}

/** Takes keys of the whole page, except those that are typed into a field. */
function useKeys(onKey: (event: KeyboardEvent) => void): void {
  const latest = useRef(onKey);
  latest.current = onKey;
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof HTMLElement && event.target.matches("input, select, textarea");
      if (!isTyping || event.ctrlKey || event.metaKey) latest.current(event);
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

interface CopiesProps {
  run: Run;
  node: Node;
  attempt: Attempt;
  subject: Subject;
  command: string;
  marked: Place | undefined;
}

function Copies({ run, node, attempt, subject, command, marked }: CopiesProps) {
  const place = marked ?? placeOfError(attempt);
  const forTicket = async () => {
    if (!place) return markdown(run, node, command, []);
    const first = place.first === place.last ? Math.max(1, place.first - AROUND) : place.first;
    const last = place.first === place.last ? place.last + AROUND : Math.min(place.last, place.first + MAX_COPIED);
    return markdown(run, node, command, await readLines(subject, place.stream, first, last));
  };
  const asText = async () => {
    if (!marked) return "";
    const last = Math.min(marked.last, marked.first + MAX_COPIED);
    const lines = await readLines(subject, marked.stream, marked.first, last);
    return lines.map((line) => plain(line.text)).join("\n");
  };
  return (
    <span class="copies">
      {marked && <CopyButton text={asText} label="Copy lines" />}
      <CopyButton text={forTicket} label="Copy for a ticket" />
    </span>
  );
}

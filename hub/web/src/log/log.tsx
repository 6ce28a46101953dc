import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { usePolled } from "../api/live";
import { plural } from "../format";
import { Severity, Stream } from "../gen/gator/v1/common_pb";
import type { Attempt, Line, Node, Run } from "../gen/gator/v1/query_pb";
import { useKept, useKeys } from "../ui/keys";
import { Problem } from "../ui/parts";
import { LogBar } from "./bar";
import { lastLineOf, LineSource, listLines, type Subject } from "./line-source";
import { extend, type Place, placeOf, placeOfError, placeText } from "./place";
import { MergedRows, type Spot, useRanges, useWarnings } from "./ranges";
import { Ruler } from "./ruler";
import { SaveButtons } from "./save";
import { HitList, type Query, useHits } from "./search";
import { nextForm, type TimeForm } from "./times";
import { Viewer, type ViewerHandle, viewPx } from "./viewer";

const POLL_MS = 1000;
const STREAMS = [Stream.STDOUT, Stream.STDERR] as const;

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
  const [isMerged, setMerged] = useKept("log-merged", false);
  const [isWrapped, setWrapped] = useKept("log-wrapped", false);
  const [times, setTimes] = useKept<TimeForm>("log-times", "no times");
  const [query, setQuery] = useState<Query>({ regex: "", severity: Severity.UNSPECIFIED });
  const [current, setCurrent] = useState(-1);
  const { hits, more } = useHits(subject, query);
  const viewer = useRef<ViewerHandle | null>(null);
  const search = useRef<HTMLInputElement>(null);
  const stream = chosen ?? (totals && !totals[0] && totals[1] ? Stream.STDERR : Stream.STDOUT);
  STREAMS.forEach((one, index) => (sourceOf(sources, one).total = totals?.[index] ?? 0));
  const streamTotal = sourceOf(sources, stream).total;
  const all = (totals?.[0] ?? 0) + (totals?.[1] ?? 0);
  const ranges = useRanges(subject, isMerged ? Stream.UNSPECIFIED : stream, isMerged ? all : streamTotal, isLive, all > 0);
  const merged = useMemo(() => (isMerged && ranges?.length ? new MergedRows(ranges) : undefined), [isMerged, ranges]);
  const total = merged ? merged.total : streamTotal;
  const rows = {
    total,
    spot: (row: number) => (merged ? merged.spot(row) : { stream, line: row + 1 }),
    source: (one: Stream) => sourceOf(sources, one),
  };
  const rowOf = (one: Stream, line: number) => (merged ? merged.row(one, line) : line - 1);
  const show = (place: Place) => viewer.current?.show(rowOf(place.stream, place.first));

  // The first position: once, as soon as the number of lines is known; again when the streams are merged or parted.
  const placedAs = useRef("");
  const form = merged ? "merged" : "apart";
  useEffect(() => {
    if (placedAs.current === form || !totals || !total || (isMerged && !merged && !ranges)) return;
    placedAs.current = form;
    if (marked) show(marked);
    else if (isLive) viewer.current?.toEnd();
  }, [totals, total, form]);
  useHash((place) => {
    setMarked(place);
    setChosen(place.stream);
    requestAnimationFrame(() => show(place));
  });

  const mark = (place: Place) => {
    setMarked(place);
    history.replaceState(history.state, "", `#${placeText(place)}`);
  };
  const pick = (spot: Spot, isRange: boolean) => mark(extend(isRange ? marked : undefined, spot.stream, spot.line));
  const goTo = (line: Line) => {
    if (!merged && line.stream !== stream) setChosen(line.stream);
    const place = extend(undefined, line.stream, Number(line.number));
    setMarked(place);
    requestAnimationFrame(() => show(place));
  };
  const showHit = (index: number) => {
    const line = hits.lines[index];
    if (!line) return;
    setCurrent(index);
    goTo(line);
    if (index >= hits.lines.length - 2 && hits.next) more();
  };
  const nextError = async () => {
    const line = await findError(subject, stream, marked?.stream === stream ? marked.last + 1 : 1);
    if (line) goTo(line);
  };
  useKeys((event) => {
    const step = {
      n: () => showHit(current + 1),
      N: () => showHit(current - 1),
      f: () => void (event.ctrlKey || event.metaKey ? search.current?.focus() : nextError()),
      w: () => setWrapped(!isWrapped),
      t: () => setTimes(nextForm(times)),
    }[event.key];
    if (!step) return;
    event.preventDefault();
    step();
  });
  const hitKeys = useMemo(() => new Set(hits.lines.map((line) => `${line.stream}:${line.number}`)), [hits.lines]);
  const isSearching = query.regex !== "" || query.severity !== Severity.UNSPECIFIED;
  const warnings = useWarnings(subject, all, isLive);
  const ofShown = (lines: Line[]) => (merged ? lines : lines.filter((line) => line.stream === stream));
  const name = merged ? "stdout and stderr" : nameOf(stream);

  return (
    <section class="log" aria-label="Output">
      <LogBar
        streams={STREAMS.map((one, index) => ({ stream: one, name: nameOf(one), total: totals?.[index] ?? 0 }))}
        chosen={merged ? undefined : stream}
        onChoose={(one) => {
          setMerged(one === undefined);
          if (one !== undefined) setChosen(one);
        }}
        query={query}
        search={search}
        onQuery={(changed) => {
          if (changed.regex && changed.regex === query.regex && changed.severity === query.severity)
            showHit((current + 1) % Math.max(1, hits.lines.length));
          else setQuery(changed);
          if (!changed.regex) setCurrent(-1);
        }}
        isWrapped={isWrapped}
        onWrap={setWrapped}
        times={times}
        onTimes={setTimes}
        onTop={() => viewer.current?.show(0)}
        onEnd={() => viewer.current?.toEnd()}
      >
        <SaveButtons
          run={run}
          node={node}
          attempt={attempt}
          subject={subject}
          command={command}
          marked={marked}
          stream={merged ? Stream.UNSPECIFIED : stream}
          total={total}
        />
      </LogBar>
      {isSearching && <HitList hits={hits} current={current} onShow={showHit} onMore={more} />}
      <Problem text={sources.map((source) => source.error).find(Boolean) ?? ""} />
      {isMerged && !merged && ranges === undefined && all > 0 && (
        <p class="none">The order of the streams is being read; until then they are shown apart.</p>
      )}
      {attempt.finished && attempt.finished.droppedBytes > 0n && (
        <p class="problem">The middle of the output was not stored: it is larger than the limit of the job or the hub.</p>
      )}
      {totals && !total ? (
        <p class="none">{isLive ? `Nothing on ${name} yet.` : `Nothing was written to ${name}.`}</p>
      ) : (
        <div class="log-view">
          <Viewer
            key={merged ? "merged" : stream}
            rows={rows}
            label={`Lines of ${name}`}
            isLive={isLive}
            isWrapped={isWrapped}
            times={times}
            startNanos={attempt.startedUnixNanos}
            marked={marked}
            hits={hitKeys}
            handle={viewer}
            onPick={pick}
          />
          {ranges && total > 1 && (
            <Ruler
              ranges={ranges}
              warnings={warnings && ofShown(warnings)}
              hits={ofShown(hits.lines)}
              total={total}
              heightPx={viewPx(total)}
              rowOf={(line) => rowOf(line.stream, Number(line.number))}
              onGo={(row) => viewer.current?.show(row)}
            />
          )}
        </div>
      )}
      <p class="log-foot">
        {plural(total, "line")} on {name}
        {marked && ` · ${placeText(marked)} is marked; Shift and a click on a number extend it`}
      </p>
    </section>
  );
}

function sourceOf(sources: LineSource[], stream: Stream): LineSource {
  const [out, err] = sources as [LineSource, LineSource];
  return stream === Stream.STDERR ? err : out;
}

function nameOf(stream: Stream): string {
  return stream === Stream.STDERR ? "stderr" : "stdout";
}

/** Returns the next error of a stream from a line on, else the first one of all; undefined if there is none. */
async function findError(subject: Subject, stream: Stream, from: number): Promise<Line | undefined> {
  const wanted = { ...subject, severity: Severity.ERROR, pageSize: 1 };
  const asks = [{ ...wanted, stream, firstLine: BigInt(from) }, wanted];
  for (const ask of asks) {
    const { lines } = await listLines(ask, 1);
    if (lines[0]) return lines[0];
  }
  return undefined;
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

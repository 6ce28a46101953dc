import { useEffect, useState } from "preact/hooks";
import { errorText } from "../api/client";
import { count, plural } from "../format";
import { Severity } from "../gen/gator/v1/common_pb";
import type { Line } from "../gen/gator/v1/query_pb";
import { Problem } from "../ui/parts";
import { listLines, type Subject } from "./line-source";
import { streamName } from "./place";
import { LineText } from "./text";

/** What lines are searched for on the server. */
export interface Query {
  regex: string;
  severity: Severity;
}

const PAGE = 200;

export interface Hits {
  lines: Line[];
  next: string;
  isRunning: boolean;
  error: string;
}

const NONE: Hits = { lines: [], next: "", isRunning: false, error: "" };

/** Searches all lines of an attempt; further hits are read by `more`. */
export function useHits(subject: Subject, query: Query): { hits: Hits; more: () => void } {
  const [hits, setHits] = useState<Hits>(NONE);
  const [pages, setPages] = useState(1);
  const key = `${subject.run} ${subject.path} ${subject.attempt} ${query.severity} ${query.regex}`;
  useEffect(() => {
    setPages(1);
    setHits(NONE);
  }, [key]);
  useEffect(() => {
    if (!query.regex && !query.severity) return;
    const stop = new AbortController();
    setHits((before) => ({ ...before, isRunning: true, error: "" }));
    const request = { ...subject, ...query, pageSize: PAGE, pageToken: pages === 1 ? "" : hits.next };
    listLines(request, PAGE, stop.signal).then(
      ({ lines, next }) =>
        setHits((before) => ({
          lines: [...(pages === 1 ? [] : before.lines), ...lines],
          next,
          isRunning: false,
          error: "",
        })),
      (failure) => {
        if (!stop.signal.aborted) setHits((before) => ({ ...before, isRunning: false, error: errorText(failure) }));
      },
    );
    return () => stop.abort();
  }, [key, pages]);
  return { hits, more: () => setPages(pages + 1) };
}

interface Props {
  hits: Hits;
  current: number;
  onShow: (index: number) => void;
  onMore: () => void;
}

/** The lines that were found; each leads to its place. */
export function HitList({ hits, current, onShow, onMore }: Props) {
  return (
    <div class="hits">
      <p role="status">
        {hits.isRunning ? "Searching …" : hits.next ? `More than ${count(hits.lines.length)} lines` : plural(hits.lines.length, "line")}
      </p>
      <Problem text={hits.error} />
      <ol>
        {hits.lines.map((line, index) => (
          <li key={`${line.stream}:${line.number}`} class={index === current ? "current" : ""}>
            <button type="button" onClick={() => onShow(index)}>
              <span class="number">
                {streamName(line.stream)}:{String(line.number)}
              </span>
              <LineText text={line.text} />
            </button>
          </li>
        ))}
      </ol>
      {hits.next && (
        <button type="button" class="small" onClick={onMore} disabled={hits.isRunning}>
          More
        </button>
      )}
    </div>
  );
}

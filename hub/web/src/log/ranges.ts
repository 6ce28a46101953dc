import { usePolled } from "../api/live";
import { queries } from "../api/client";
import { Severity, type Stream } from "../gen/gator/v1/common_pb";
import type { Line, LineRange } from "../gen/gator/v1/query_pb";
import { listLines, type Subject } from "./line-source";

const POLL_MS = 2000;
const RANGES = 600;
/** Maximum number of ranges that are read; streams that alternate more often are shown apart. */
const MAX_RANGES = 60_000;

/** Reads the ranges of lines of an attempt: of one stream, or of all in the order of reading. */
export function useRanges(subject: Subject, stream: Stream, total: number, isLive: boolean, isOn: boolean): LineRange[] | undefined {
  const key = `${subject.run} ${subject.path} ${subject.attempt} ${stream} ${isOn} ${isLive ? "" : total}`;
  const { value } = usePolled(key, isLive && isOn ? POLL_MS : 0, async (signal) => {
    const found: LineRange[] = [];
    if (!isOn) return found;
    let pageToken = "";
    do {
      const answer = await queries.listLineRanges({ ...subject, stream, ranges: RANGES, pageToken }, { signal });
      found.push(...answer.ranges);
      pageToken = answer.nextPageToken;
    } while (pageToken && found.length < MAX_RANGES);
    return pageToken ? undefined : found;
  });
  return value;
}

const MAX_MARKS = 1000;

/** Reads the lines that are warnings or worse, if they are few; undefined if they are not. */
export function useWarnings(subject: Subject, total: number, isLive: boolean): Line[] | undefined {
  const key = `${subject.run} ${subject.path} ${subject.attempt} ${isLive ? "" : total}`;
  const { value } = usePolled(key, isLive ? POLL_MS : 0, async (signal) => {
    if (!total) return [];
    const request = { ...subject, severity: Severity.WARNING, pageSize: MAX_MARKS };
    const { lines, next } = await listLines(request, MAX_MARKS, signal);
    return next ? undefined : lines;
  });
  return value;
}

/** Where a row of the viewer is: a line of a stream. */
export interface Spot {
  stream: Stream;
  line: number;
}

/** The lines of all streams as rows, in the order of reading. */
export class MergedRows {
  private readonly starts: number[] = [];
  private readonly ranges: readonly LineRange[];
  readonly total: number;

  constructor(ranges: readonly LineRange[]) {
    this.ranges = ranges;
    let rows = 0;
    for (const range of ranges) {
      this.starts.push(rows);
      rows += Number(range.lines);
    }
    this.total = rows;
  }

  spot(row: number): Spot | undefined {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.starts[middle] ?? 0) <= row) low = middle;
      else high = middle - 1;
    }
    const range = this.ranges[low];
    if (!range || row >= this.total) return undefined;
    return { stream: range.stream, line: Number(range.firstLine) + row - (this.starts[low] ?? 0) };
  }

  /** Returns the row of a line; that of the nearest earlier one if it is not known. */
  row(stream: Stream, line: number): number {
    let found = 0;
    this.ranges.forEach((range, index) => {
      const first = Number(range.firstLine);
      if (range.stream !== stream || first > line) return;
      found = (this.starts[index] ?? 0) + Math.min(line - first, Number(range.lines) - 1);
    });
    return found;
  }
}

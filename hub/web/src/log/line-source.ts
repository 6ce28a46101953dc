import { isLost, queries } from "../api/client";
import type { Stream } from "../gen/gator/v1/common_pb";
import type { Line } from "../gen/gator/v1/query_pb";

const PAGE = 500;
const MAX_PAGES = 100;
const RETRY_MS = 1000;

export interface Subject {
  run: string;
  path: string;
  attempt: number;
}

/** Lines of one stream by their numbers, from 1. Pages of them are read when they are needed, and kept for a while. */
export class LineSource {
  private readonly pages = new Map<number, Line[]>();
  private readonly reading = new Set<number>();
  private readonly subject: Subject;
  readonly stream: Stream;
  private readonly onChange: () => void;
  /** Number of lines so far. */
  total = 0;
  error = "";

  constructor(subject: Subject, stream: Stream, onChange: () => void) {
    this.subject = subject;
    this.stream = stream;
    this.onChange = onChange;
  }

  line(number: number): Line | undefined {
    const page = Math.floor((number - 1) / PAGE);
    return this.pages.get(page)?.[(number - 1) % PAGE];
  }

  /** Reads the pages of a window, unless they are there. */
  want(first: number, count: number): void {
    if (!this.total) return;
    const last = Math.min(this.total, first + count);
    for (let page = Math.floor((first - 1) / PAGE); page * PAGE < last; page += 1) {
      const lines = this.pages.get(page);
      const whole = Math.min(PAGE, this.total - page * PAGE);
      if (!lines || lines.length < whole) void this.read(page);
    }
  }

  private async read(page: number): Promise<void> {
    if (this.reading.has(page)) return;
    this.reading.add(page);
    try {
      const lines = await readLines(this.subject, this.stream, page * PAGE + 1, (page + 1) * PAGE);
      this.pages.delete(page);
      this.pages.set(page, lines);
      for (const old of this.pages.keys()) {
        if (this.pages.size <= MAX_PAGES) break;
        this.pages.delete(old);
      }
      this.error = "";
    } catch (error) {
      if (isLost(error)) setTimeout(this.onChange, RETRY_MS);
      else this.error = String(error);
    } finally {
      this.reading.delete(page);
    }
    this.onChange();
  }
}

type Request = Omit<Parameters<typeof queries.listLines>[0], "$typeName">;

/**
 * Reads lines until there are `wanted` of them, maybe some more. One page may have fewer lines, or none, because a
 * server searches for a short time only. Returns also the token of the next page; empty after the last one.
 */
export async function listLines(request: Request, wanted: number, signal?: AbortSignal): Promise<{ lines: Line[]; next: string }> {
  const lines: Line[] = [];
  let pageToken = request.pageToken ?? "";
  do {
    const answer = await queries.listLines({ ...request, pageToken }, signal ? { signal } : {});
    lines.push(...answer.lines);
    pageToken = answer.nextPageToken;
  } while (pageToken && lines.length < wanted);
  return { lines, next: pageToken };
}

/** Returns the lines of a range. */
export async function readLines(
  subject: Subject,
  stream: Stream,
  firstLine: number,
  lastLine: number,
): Promise<Line[]> {
  // One more, so that the server need not look whether the page is the last one.
  const pageSize = lastLine - firstLine + 2;
  const range = { firstLine: BigInt(firstLine), lastLine: BigInt(lastLine), pageSize };
  return (await listLines({ ...subject, stream, ...range }, pageSize)).lines;
}

/** Returns the number of lines of a stream so far. */
export async function lastLineOf(subject: Subject, stream: Stream, signal: AbortSignal): Promise<number> {
  const { lines } = await listLines({ ...subject, stream, tail: 1n }, 1, signal);
  return Number(lines.at(-1)?.number ?? 0n);
}

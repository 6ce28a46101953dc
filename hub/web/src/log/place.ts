import { Stream } from "../gen/gator/v1/common_pb";
import type { Attempt } from "../gen/gator/v1/query_pb";
import { isFailure, outcomeStatus } from "../states";

/** A line or a range of lines of one stream, as in `err:17` and `err:17-23`. */
export interface Place {
  stream: Stream;
  first: number;
  last: number;
}

const NAMES: Record<number, string> = { [Stream.STDOUT]: "out", [Stream.STDERR]: "err" };

export function streamName(stream: Stream): string {
  return NAMES[stream] ?? "";
}

export function placeText(place: Place): string {
  const range = place.last > place.first ? `-${place.last}` : "";
  return `${streamName(place.stream)}:${place.first}${range}`;
}

/** Returns the place in the hash of a URL; undefined if there is none. */
export function placeOf(hash: string): Place | undefined {
  const found = /^#?(out|err):(\d+)(?:-(\d+))?$/.exec(decodeURIComponent(hash));
  if (!found) return undefined;
  const first = Math.max(1, Number(found[2]));
  const last = Math.max(first, Number(found[3] ?? first));
  return { stream: found[1] === "err" ? Stream.STDERR : Stream.STDOUT, first, last };
}

/** Returns a place that reaches from the first line of one to a line of the same stream. */
export function extend(place: Place | undefined, stream: Stream, line: number): Place {
  if (!place || place.stream !== stream) return { stream, first: line, last: line };
  return { stream, first: Math.min(place.first, line), last: Math.max(place.first, line) };
}

/** Returns the place of the first error of a failed attempt. */
export function placeOfError(attempt: Attempt): Place | undefined {
  const error = attempt.finished?.firstError;
  if (!attempt.finished || !isFailure(outcomeStatus(attempt.finished.outcome)) || !error?.line) return undefined;
  const line = Number(error.line);
  return { stream: error.stream === Stream.STDERR ? Stream.STDERR : Stream.STDOUT, first: line, last: line };
}

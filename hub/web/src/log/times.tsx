import { date, duration } from "../format";
import type { Line } from "../gen/gator/v1/query_pb";

/** The forms in which the times of lines are shown. */
export const TIME_FORMS = ["no times", "time of day", "since the start", "since the line before"] as const;
export type TimeForm = (typeof TIME_FORMS)[number];

/** Minimum time without output that is marked, in nanoseconds. */
const SILENCE_NANOS = 5_000_000_000n;

export function nextForm(form: TimeForm): TimeForm {
  return TIME_FORMS[(TIME_FORMS.indexOf(form) + 1) % TIME_FORMS.length] ?? "no times";
}

interface Props {
  line: Line;
  before: Line | undefined;
  form: TimeForm;
  startNanos: bigint;
}

/** The time of a line. */
export function LineTime({ line, before, form, startNanos }: Props) {
  if (form === "no times") return null;
  return <span class="time">{textOf(line, before, form, startNanos)}</span>;
}

function textOf(line: Line, before: Line | undefined, form: TimeForm, startNanos: bigint): string {
  const at = line.timeUnixNanos;
  if (!at) return "";
  if (form === "time of day") {
    const day = date(at);
    return `${day.toLocaleTimeString("en-GB")}.${String(day.getMilliseconds()).padStart(3, "0")}`;
  }
  if (form === "since the start") return startNanos ? duration(at - startNanos) : "";
  if (!before?.timeUnixNanos) return "";
  return at > before.timeUnixNanos ? `+${duration(at - before.timeUnixNanos)}` : "";
}

/** Returns the silence before a line as a text; empty if it was short. */
export function silenceBefore(line: Line, before: Line | undefined): string {
  if (!before?.timeUnixNanos || !line.timeUnixNanos) return "";
  const gap = line.timeUnixNanos - before.timeUnixNanos;
  return gap >= SILENCE_NANOS ? `${duration(gap)} of silence` : "";
}

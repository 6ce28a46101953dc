/** Texts for people: durations, times, sizes and counts. Times are in nanoseconds since 1970 UTC. */

const counts = new Intl.NumberFormat("en");

export function count(value: bigint | number): string {
  return counts.format(value);
}

const numbers = new Intl.NumberFormat("en", { maximumSignificantDigits: 6 });

/** Returns a measured number; empty if there is none. */
export function number(value: number): string {
  return Number.isNaN(value) ? "" : numbers.format(value);
}

export function plural(value: bigint | number, one: string, many = `${one}s`): string {
  return `${count(value)} ${Number(value) === 1 ? one : many}`;
}

/** Returns a duration in the two largest units that it has, such as `1 h 5 min`. */
export function duration(nanos: bigint | number): string {
  const seconds = Math.max(0, Number(nanos) / 1e9);
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function date(nanos: bigint): Date {
  return new Date(Number(nanos / 1_000_000n));
}

/** Returns a time in the zone of the reader; without the day if it is today. */
export function moment(nanos: bigint, now = new Date()): string {
  if (!nanos) return "";
  const at = date(nanos);
  const clock = at.toLocaleTimeString("en-GB");
  if (at.toDateString() === now.toDateString()) return clock;
  const day = at.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  const year = at.getFullYear() === now.getFullYear() ? "" : ` ${at.getFullYear()}`;
  return `${day}${year} ${clock.slice(0, 5)}`;
}

export function fullMoment(nanos: bigint): string {
  return nanos ? date(nanos).toLocaleString("en-GB", { dateStyle: "full", timeStyle: "long" }) : "";
}

/** Returns a time for exports, in UTC. */
export function isoTime(nanos: bigint): string {
  return nanos ? date(nanos).toISOString() : "";
}

export function size(bytes: bigint | number): string {
  let value = Number(bytes);
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (value < 1024) return `${value < 10 && unit !== "B" ? value.toFixed(1) : Math.round(value)} ${unit}`;
    value /= 1024;
  }
  return `${value.toFixed(1)} TiB`;
}

/** Quotes a word for a shell if it needs that. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./[\]*-]+$/.test(word) && !/[*[\]]/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

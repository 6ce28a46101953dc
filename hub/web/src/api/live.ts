import { useEffect, useRef, useState } from "preact/hooks";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorText, isLost } from "./client";

const RETRY_MS = 2000;

export interface Answer<T> {
  /** The last answer, also after a later failure. */
  value: T | undefined;
  /** Why the last call failed, except for a lost connection, after which it is repeated. */
  error: string;
}

/**
 * Calls `ask` at once, when `key` changes, and then every `everyMs`, unless that is 0. A hidden tab asks nothing and
 * catches up when it is shown.
 */
export function usePolled<T>(
  key: string,
  everyMs: number,
  ask: (signal: AbortSignal) => Promise<T>,
): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T> & { key: string }>({ value: undefined, error: "", key });
  const latest = useRef(ask);
  latest.current = ask;
  useEffect(() => {
    const stop = new AbortController();
    void keepAsking(stop.signal, everyMs, async () => {
      try {
        const value = await latest.current(stop.signal);
        if (!stop.signal.aborted) setAnswer({ value, error: "", key });
      } catch (error) {
        if (isAbort(error, stop.signal)) return false;
        if (isLost(error)) return true;
        setAnswer((before) => ({ value: before.value, error: errorText(error), key }));
      }
      return false;
    });
    return () => stop.abort();
  }, [key, everyMs]);
  return answer.key === key ? answer : { value: undefined, error: "" };
}

/** Calls `ask` until the end; it returns whether it must be called again in any case. */
async function keepAsking(stop: AbortSignal, everyMs: number, ask: () => Promise<boolean>): Promise<void> {
  while (!stop.aborted) {
    await untilShown(stop);
    const isLate = await ask();
    if (!everyMs && !isLate) return;
    await pause(isLate ? RETRY_MS : everyMs, stop);
  }
}

/**
 * Follows a stream: `open` continues where the stream before it ended. A lost stream is opened again, and that of a
 * hidden tab when it is shown.
 */
export function useStream(
  key: string,
  isOn: boolean,
  open: (signal: AbortSignal) => Promise<void>,
): string {
  const [error, setError] = useState("");
  const latest = useRef(open);
  latest.current = open;
  useEffect(() => {
    if (!isOn) return;
    const stop = new AbortController();
    void follow(stop.signal, (signal) => latest.current(signal), setError);
    return () => stop.abort();
  }, [key, isOn]);
  return error;
}

async function follow(
  stop: AbortSignal,
  open: (signal: AbortSignal) => Promise<void>,
  setError: (text: string) => void,
): Promise<void> {
  while (!stop.aborted) {
    await untilShown(stop);
    const shown = whileShown(stop);
    try {
      await open(shown.signal);
      setError("");
      if (!shown.signal.aborted) return;
    } catch (error) {
      if (stop.aborted) return;
      if (!shown.signal.aborted && !isLost(error)) {
        setError(errorText(error));
        return;
      }
      if (!shown.signal.aborted) await pause(RETRY_MS, stop);
    } finally {
      shown.end();
    }
  }
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted || ConnectError.from(error).code === Code.Canceled;
}

function untilShown(stop: AbortSignal): Promise<void> {
  if (!document.hidden || stop.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const check = () => {
      if (document.hidden && !stop.aborted) return;
      document.removeEventListener("visibilitychange", check);
      stop.removeEventListener("abort", check);
      resolve();
    };
    document.addEventListener("visibilitychange", check);
    stop.addEventListener("abort", check);
  });
}

/** Returns a signal that is aborted when the tab is hidden, or with `stop`. */
function whileShown(stop: AbortSignal): { signal: AbortSignal; end: () => void } {
  const hidden = new AbortController();
  const check = () => document.hidden && hidden.abort();
  document.addEventListener("visibilitychange", check);
  const end = () => document.removeEventListener("visibilitychange", check);
  return { signal: AbortSignal.any([stop, hidden.signal]), end };
}

export function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stop.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

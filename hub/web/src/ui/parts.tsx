import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import type { Tally } from "../gen/gator/v1/event_pb";
import { count, fullMoment, moment } from "../format";
import { MARKS, type Status } from "../states";
import { Icon } from "./icons";

export function Mark({ status, word = false }: { status: Status; word?: boolean }) {
  return (
    <span class={`mark is-${status}`} title={status}>
      <span aria-hidden="true">{MARKS[status]}</span>
      <span class={word ? "word" : "sr-only"}>{status}</span>
    </span>
  );
}

/** A mark with its word on a soft ground, for headings and tables. */
export function Badge({ status }: { status: Status }) {
  return (
    <span class={`badge is-${status}`} title={status}>
      <span aria-hidden="true">{MARKS[status]}</span>
      <span class="word">{status}</span>
    </span>
  );
}

export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function Time({ nanos }: { nanos: bigint }) {
  return <time title={fullMoment(nanos)}>{moment(nanos)}</time>;
}

const PARTS = ["passed", "failed", "lost", "cancelled", "pruned", "running", "waiting"] as const;

/** A bar of jobs by state and outcome. */
export function TallyBar({ tally }: { tally: Tally | undefined }) {
  const parts = PARTS.map((name) => ({ name, jobs: Number(tally?.[name] ?? 0n) })).filter((part) => part.jobs);
  const text = parts.map((part) => `${count(part.jobs)} ${part.name}`).join(", ") || "no jobs";
  return (
    <span class="tally" title={text}>
      <svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label={text}>
        {bars(parts).map((part) => (
          <rect key={part.name} class={`fill-${part.name}`} x={part.x} width={part.width} height="8" />
        ))}
      </svg>
      <span class="tally-counts" aria-hidden="true">
        {parts.map((part) => (
          <span key={part.name} class={`is-${part.name}`}>
            <span>{MARKS[part.name]}</span>
            {count(part.jobs)}
          </span>
        ))}
      </span>
    </span>
  );
}

/** Returns the parts with their places; each is at least 1.5 % wide, so that one failure of thousands is seen. */
export function bars<T extends { jobs: number }>(parts: T[]): (T & { x: number; width: number })[] {
  const total = parts.reduce((sum, part) => sum + part.jobs, 0);
  const widths = parts.map((part) => Math.max(1.5, (100 * part.jobs) / total));
  const sum = widths.reduce((so, width) => so + width, 0);
  let x = 0;
  return parts.map((part, index) => {
    const width = (100 * (widths[index] ?? 0)) / sum;
    x += width;
    return { ...part, x: x - width, width };
  });
}

interface CopyProps {
  text: () => string | Promise<string>;
  label?: string;
  isIcon?: boolean;
}

/** A button that copies a text; it shows whether that worked. */
export function CopyButton({ text, label = "Copy", isIcon = false }: CopyProps) {
  const [said, setSaid] = useState("");
  const copy = async () => {
    setSaid((await copyText(await text())) ? "Copied" : "Not permitted");
    setTimeout(() => setSaid(""), 1500);
  };
  const shown = said || label;
  return (
    <button type="button" class={isIcon ? "quiet small icon" : "small"} title={label} onClick={() => void copy()}>
      <Icon name={said === "Copied" ? "check" : "copy"} />
      <span aria-live="polite" class={isIcon && !said ? "sr-only" : ""}>
        {shown}
      </span>
    </button>
  );
}

/** Copies a text. The clipboard of a browser needs HTTPS or localhost; without it a selection is copied. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "sr-only";
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    return isCopied;
  }
}

/** A command that gives the same answer as the view. */
export function Command({ line }: { line: string }) {
  if (!line) return null;
  return (
    <div class="command">
      <code>{line}</code>
      <CopyButton text={() => line} label="Copy the command" isIcon />
    </div>
  );
}

export function Problem({ text }: { text: string }) {
  return text ? (
    <p class="problem" role="alert">
      {text}
    </p>
  ) : null;
}

/** Why a view has nothing to show, with a way on. */
export function Missing({ text }: { text: string }) {
  return (
    <Empty title="There is nothing to show">
      <Problem text={text} />
      <Link class="button" href="/">
        All runs
      </Link>
    </Empty>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Loading() {
  return (
    <p class="loading" role="status">
      Loading …
    </p>
  );
}

import type { MessageInitShape } from "@bufbuild/protobuf";
import { hubOption } from "../../api/about";
import { useEffect, useState } from "preact/hooks";
import { Outcome } from "../../gen/gator/v1/common_pb";
import { type ListRunsRequestSchema, RunOrder } from "../../gen/gator/v1/hub_service_pb";
import { RunState } from "../../gen/gator/v1/query_pb";
import { shellWord } from "../../format";

/** What the table of runs shows. */
export interface Filter {
  name: string;
  user: string;
  state: string;
  label: string;
  since: string;
  /** Name of the column by which the runs are sorted; empty for their start. */
  sort: string;
}

export const emptyFilter: Filter = { name: "", user: "", state: "", label: "", since: "", sort: "" };
/** The orders by the names of their columns. */
const ORDERS: Record<string, RunOrder> = {
  run: RunOrder.IDENT,
  duration: RunOrder.DURATION,
  started: RunOrder.STARTED,
  user: RunOrder.USER,
};
const OUTCOMES: Record<string, Outcome> = {
  passed: Outcome.PASSED,
  failed: Outcome.FAILED,
  cancelled: Outcome.CANCELLED,
  lost: Outcome.LOST,
};
const SINCE: Record<string, number> = { "1h": 3600, "1d": 86_400, "7d": 604_800, "30d": 2_592_000 };

export function filterOf(search: string): Filter {
  const given = new URLSearchParams(search);
  const names = Object.keys(emptyFilter) as (keyof Filter)[];
  return Object.fromEntries(names.map((name) => [name, given.get(name) ?? ""])) as unknown as Filter;
}

export function searchOf(filter: Filter): string {
  const given = new URLSearchParams(Object.entries(filter).filter(([, text]) => text)).toString();
  return given ? `?${given}` : "";
}

export function isFiltered(filter: Filter): boolean {
  return searchOf({ ...filter, sort: "" }) !== "";
}

export function requestOf(filter: Filter, now = Date.now()): MessageInitShape<typeof ListRunsRequestSchema> {
  const outcome = OUTCOMES[filter.state];
  const [name = "", ...text] = filter.label.split("=");
  const seconds = SINCE[filter.since];
  return {
    order: ORDERS[filter.sort] ?? RunOrder.UNSPECIFIED,
    name: filter.name.trim(),
    user: filter.user.trim(),
    outcomes: outcome ? [outcome] : [],
    states: filter.state === "running" ? [RunState.RUNNING] : [],
    labels: name.trim() ? { [name.trim()]: text.join("=") } : {},
    // A page token belongs to one request, so its time must not change from page to page of a minute.
    fromUnixNanos: seconds ? BigInt(Math.floor(now / 60_000) * 60 - seconds) * 1_000_000_000n : 0n,
  };
}

/** The command that lists the same runs; empty if none does. */
export function filterCommand(filter: Filter): string {
  if (filter.state === "running") return "";
  const options = [
    `gator runs -r hub:${filter.name.trim() && shellWord(filter.name.trim())}`,
    filter.user && `--user ${shellWord(filter.user.trim())}`,
    filter.state && `--outcome ${filter.state}`,
    filter.label && `--label ${shellWord(filter.label)}`,
    filter.since && `--since ${filter.since}`,
  ];
  return options.filter(Boolean).join(" ") + hubOption();
}

interface Props {
  filter: Filter;
  onChange: (filter: Filter) => void;
}

export function Filters({ filter, onChange }: Props) {
  const set = (name: keyof Filter) => (text: string) => onChange({ ...filter, [name]: text });
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <Text name="Ident or id" value={filter.name} onChange={set("name")} isFirst />
      <Text name="User" value={filter.user} onChange={set("user")} />
      <Text name="Label" value={filter.label} onChange={set("label")} hint="NAME=VALUE" />
      <Choice name="State" value={filter.state} onChange={set("state")} choices={["running", ...Object.keys(OUTCOMES)]} />
      <Choice name="Since" value={filter.since} onChange={set("since")} choices={Object.keys(SINCE)} />
      {isFiltered(filter) && (
        <button type="button" onClick={() => onChange({ ...emptyFilter, sort: filter.sort })}>
          Clear
        </button>
      )}
    </form>
  );
}

interface FieldProps {
  name: string;
  value: string;
  onChange: (text: string) => void;
}

const TYPING_MS = 300;

function Text({ name, value, onChange, hint = "", isFirst = false }: FieldProps & { hint?: string; isFirst?: boolean }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => onChange(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <label>
      <span>{name}</span>
      <input
        type="search"
        value={text}
        placeholder={hint}
        data-first={isFirst}
        spellcheck={false}
        onInput={(event) => setText(event.currentTarget.value)}
      />
    </label>
  );
}

function Choice({ name, value, onChange, choices }: FieldProps & { choices: string[] }) {
  return (
    <label>
      <span>{name}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">all</option>
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    </label>
  );
}

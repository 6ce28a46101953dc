import type { ComponentChildren, RefObject } from "preact";
import { count } from "../format";
import { Severity, type Stream } from "../gen/gator/v1/common_pb";
import type { Query } from "./search";
import { TIME_FORMS, type TimeForm } from "./times";

const SEVERITIES: [Severity, string][] = [
  [Severity.UNSPECIFIED, "all lines"],
  [Severity.WARNING, "warnings and worse"],
  [Severity.ERROR, "errors and worse"],
];

interface Props {
  streams: { stream: Stream; name: string; total: number }[];
  /** The stream that is shown; undefined if all are, in the order of reading. */
  chosen: Stream | undefined;
  onChoose: (stream: Stream | undefined) => void;
  query: Query;
  search: RefObject<HTMLInputElement>;
  onQuery: (query: Query) => void;
  isWrapped: boolean;
  onWrap: (isWrapped: boolean) => void;
  times: TimeForm;
  onTimes: (times: TimeForm) => void;
  onTop: () => void;
  onEnd: () => void;
  children: ComponentChildren;
}

/** What is shown of the output, the search, and what can be saved. */
export function LogBar(props: Props) {
  const { streams, chosen, onChoose, query, search, onQuery } = props;
  return (
    <div class="log-bar">
      <nav class="streams" aria-label="Streams">
        {streams.map(({ stream, name, total }) => (
          <button key={stream} type="button" aria-pressed={stream === chosen} onClick={() => onChoose(stream)}>
            {name} <span class="of">{count(total)}</span>
          </button>
        ))}
        <button type="button" aria-pressed={chosen === undefined} onClick={() => onChoose(undefined)} title="All streams in the order of reading">
          merged
        </button>
      </nav>
      <form
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          onQuery({ ...query, regex: search.current?.value ?? "" });
        }}
      >
        <input
          ref={search}
          type="search"
          data-first
          placeholder="Search all lines: a regular expression"
          aria-label="Search all lines"
          spellcheck={false}
          onInput={(event) => {
            if (!event.currentTarget.value) onQuery({ ...query, regex: "" });
          }}
        />
        <select
          aria-label="Severity"
          value={String(query.severity)}
          onChange={(event) => onQuery({ ...query, severity: Number(event.currentTarget.value) })}
        >
          {SEVERITIES.map(([severity, name]) => (
            <option key={severity} value={String(severity)}>
              {name}
            </option>
          ))}
        </select>
      </form>
      <Options {...props} />
    </div>
  );
}

function Options({ isWrapped, onWrap, times, onTimes, onTop, onEnd, children }: Props) {
  return (
    <div class="log-options">
      <select aria-label="Times" value={times} onChange={(event) => onTimes(event.currentTarget.value as TimeForm)}>
        {TIME_FORMS.map((form) => (
          <option key={form}>{form}</option>
        ))}
      </select>
      <button type="button" class="small" aria-pressed={isWrapped} onClick={() => onWrap(!isWrapped)} title="Wrap long lines (w)">
        Wrap
      </button>
      <button type="button" class="small" onClick={onTop}>
        Top
      </button>
      <button type="button" class="small" onClick={onEnd}>
        End
      </button>
      {children}
    </div>
  );
}

import { useRef, useState } from "preact/hooks";
import { errorText, queries } from "../api/client";
import type { Attempt, Node, Run } from "../gen/gator/v1/query_pb";
import { download } from "../ui/export";
import { Icon } from "../ui/icons";
import { CopyButton } from "../ui/parts";
import { readLines, type Subject } from "./line-source";
import { markdown } from "./markdown";
import { type Place, placeOfError, streamName } from "./place";
import { plain } from "./text";
import { Stream } from "../gen/gator/v1/common_pb";

/** Number of lines before and after the first error in a copy for a ticket. */
const AROUND = 10;
const MAX_COPIED = 10_000;
const PAGE = 10_000;

interface Props {
  run: Run;
  node: Node;
  attempt: Attempt;
  subject: Subject;
  command: string;
  marked: Place | undefined;
  /** The stream to download; unspecified means all, in the order of reading. */
  stream: Stream;
  total: number;
}

/** Buttons that copy lines, as text or for a ticket, and that download the output. */
export function SaveButtons({ run, node, attempt, subject, command, marked, stream, total }: Props) {
  const place = marked ?? placeOfError(attempt);
  const forTicket = async () => {
    if (!place) return markdown(run, node, command, []);
    const first = place.first === place.last ? Math.max(1, place.first - AROUND) : place.first;
    const last = place.first === place.last ? place.last + AROUND : Math.min(place.last, place.first + MAX_COPIED);
    return markdown(run, node, command, await readLines(subject, place.stream, first, last));
  };
  const asText = async () => {
    if (!marked) return "";
    const last = Math.min(marked.last, marked.first + MAX_COPIED);
    const lines = await readLines(subject, marked.stream, marked.first, last);
    return lines.map((line) => plain(line.text)).join("\n");
  };
  return (
    <span class="copies">
      {marked && <CopyButton text={asText} label="Copy lines" />}
      <CopyButton text={forTicket} label="Copy for a ticket" />
      <Download subject={subject} stream={stream} total={total} name={node.path} />
    </span>
  );
}

/** Saves all lines of a stream, byte for byte. A second click ends the download. */
function Download({ subject, stream, total, name }: { subject: Subject; stream: Stream; total: number; name: string }) {
  const [said, setSaid] = useState("");
  const stop = useRef<AbortController>();
  const save = async () => {
    if (stop.current) {
      stop.current.abort();
      return;
    }
    stop.current = new AbortController();
    setSaid("0 %");
    try {
      const parts = await readAll(subject, stream, stop.current.signal, (lines) =>
        setSaid(`${Math.floor((100 * lines) / Math.max(1, total))} %`),
      );
      download(`${name}${stream ? `.${streamName(stream)}` : ""}.log`, parts, "text/plain");
      setSaid("");
    } catch (error) {
      setSaid(stop.current.signal.aborted ? "" : errorText(error));
    }
    stop.current = undefined;
  };
  return (
    <button type="button" class="small" onClick={() => void save()} disabled={!total} title="Download all lines">
      <Icon name="download" /> <span aria-live="polite">{said || "Download"}</span>
    </button>
  );
}

async function readAll(
  subject: Subject,
  stream: Stream,
  signal: AbortSignal,
  onProgress: (lines: number) => void,
): Promise<BlobPart[]> {
  const parts: BlobPart[] = [];
  const end = new Uint8Array([10]);
  let lines = 0;
  let pageToken = "";
  do {
    const answer = await queries.listLines({ ...subject, stream, pageSize: PAGE, pageToken }, { signal });
    const page: BlobPart[] = answer.lines.flatMap((line) => [line.raw.length ? new Uint8Array(line.raw) : line.text, end]);
    // One part a page, so that a long output has few.
    parts.push(new Blob(page));
    lines += answer.lines.length;
    pageToken = answer.nextPageToken;
    onProgress(lines);
  } while (pageToken);
  return parts;
}

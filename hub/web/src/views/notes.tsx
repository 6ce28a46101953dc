import { useState } from "preact/hooks";
import { errorText, hub } from "../api/client";
import { shellWord } from "../format";
import type { CauseNote } from "../gen/gator/v1/query_pb";
import { hubOption } from "../api/about";
import { Command, Problem, Time } from "../ui/parts";

/** A ticket; one with the form of a URL of the web is a link. */
export function Ticket({ text }: { text: string }) {
  if (!/^https?:\/\//.test(text)) return <span class="chip">{text}</span>;
  return (
    <a class="chip" href={text} rel="noopener noreferrer" target="_blank">
      {text.replace(/^https?:\/\//, "")}
    </a>
  );
}

/** What a user has noted about a cause. */
export function Note({ note }: { note: CauseNote }) {
  return (
    <p class="note">
      <b>{note.author}</b>, <Time nanos={note.timeUnixNanos} />: {note.text || note.ticket}
    </p>
  );
}

/** Adds a note or a ticket to a cause: its name, or a whole signature. */
export function NoteForm({ cause, onDone }: { cause: string; onDone: () => void }) {
  const [text, setText] = useState("");
  const [isTicket, setTicket] = useState(false);
  const [error, setError] = useState("");
  const add = async () => {
    try {
      const words = text.trim();
      await hub.noteCause({ cause, text: isTicket ? "" : words, ticket: isTicket ? words : "" });
      onDone();
    } catch (failure) {
      setError(errorText(failure));
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim()) void add();
      }}
    >
      <div class="note-form">
        <select aria-label="Kind" value={isTicket ? "ticket" : "note"} onChange={(event) => setTicket(event.currentTarget.value === "ticket")}>
          <option value="note">Note</option>
          <option value="ticket">Ticket</option>
        </select>
        <input
          type="text"
          aria-label={isTicket ? "Ticket" : "Note"}
          placeholder={isTicket ? "HW-12 or a URL" : "What is known about this cause"}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit">Add</button>
      </div>
      <Problem text={error} />
      <Command line={`gator cause ${isTicket ? "ticket" : "note"} ${shellWord(cause)} ${shellWord(text.trim() || (isTicket ? "HW-12" : "TEXT"))}${hubOption()}`} />
    </form>
  );
}

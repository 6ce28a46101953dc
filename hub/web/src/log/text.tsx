import Anser from "anser";

/** Maximum number of characters of a line that are shown; the rest is in copies and downloads. */
const MAX_SHOWN = 5000;

interface Piece {
  text: string;
  classes: string;
}

/** Returns the last state of a line that a program wrote several times, such as a bar of progress. */
export function folded(text: string): string {
  const last = text.replace(/\r+$/, "").lastIndexOf("\r");
  return last < 0 ? text.replace(/\r+$/, "") : text.slice(last + 1).replace(/\r+$/, "");
}

/**
 * Shows controls that change the direction of text as their names, since they could make a line look like another.
 * Other sequences of terminals than colours are removed, hyperlinks among them; their text remains.
 */
export function visible(text: string): string {
  return text
    .replace(OTHER_SEQUENCES, "")
    .replace(BIDI, (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`);
}

// Written by their codes, so that this file has no invisible characters.
const ESC = "\u001b";
const OTHER_SEQUENCES = new RegExp(
  [
    `${ESC}\\][^\u0007${ESC}]*(?:\u0007|${ESC}\\\\|$)`,
    `${ESC}\\[[0-?]*[ -/]*[@-ln-~]`,
    `${ESC}[^[\\]]`,
    "[\u0000-\u0008\u000b\u000c\u000e-\u001a\u001c-\u001f\u007f]",
  ].join("|"),
  "g",
);
const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Returns the pieces of a line with the classes of their colours. */
export function pieces(text: string): Piece[] {
  const shown = visible(folded(text.length > MAX_SHOWN ? text.slice(0, MAX_SHOWN) : text));
  if (!shown.includes(ESC)) return [{ text: shown, classes: "" }];
  return Anser.ansiToJson(shown, { use_classes: true, remove_empty: true }).map((part) => ({
    text: part.content,
    classes: [
      part.fg?.startsWith("ansi-") && /^ansi-[a-z-]+$/.test(part.fg) ? part.fg : "",
      part.bg?.startsWith("ansi-") && /^ansi-[a-z-]+$/.test(part.bg) ? `on-${part.bg}` : "",
      ...part.decorations.map((name) => `ansi-${name}`),
    ]
      .filter(Boolean)
      .join(" "),
  }));
}

/** The text of a line. Nothing in it is read as mark-up. */
export function LineText({ text }: { text: string }) {
  const rest = text.length - MAX_SHOWN;
  return (
    <span class="text">
      {pieces(text).map((piece, index) =>
        piece.classes ? (
          <span key={index} class={piece.classes}>
            {piece.text}
          </span>
        ) : (
          piece.text
        ),
      )}
      {rest > 0 && <span class="rest"> … {rest} more characters</span>}
    </span>
  );
}

/** Returns a line without colours, for copies. */
export function plain(text: string): string {
  return Anser.ansiToText(visible(folded(text)));
}

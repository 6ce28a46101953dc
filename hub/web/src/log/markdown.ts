import type { Node, Run } from "../gen/gator/v1/query_pb";
import type { Line } from "../gen/gator/v1/query_pb";
import { shellWord } from "../format";
import { runOption } from "../paths";
import { outcomeStatus, reasonText } from "../states";
import { streamName } from "./place";
import { plain } from "./text";

/** Returns what a ticket about a job needs, as Markdown. */
export function markdown(run: Run, node: Node, command: string, lines: Line[]): string {
  const facts = [
    `* run: ${run.ident} ${run.id}`,
    run.git && `* commit: ${run.git.commit}${run.git.dirty ? " with uncommitted changes" : ""}`,
    node.seed && `* seed: ${node.seed}`,
    `* outcome: ${[outcomeStatus(node.outcome), reasonText(node.reason)].filter(Boolean).join(", ")}`,
    node.signature && `* cause: ${node.cause || node.signature}`,
    `* output: \`gator logs ${shellWord(node.path)} ${runOption(run.id)}\``,
  ];
  const texts = [`### ${node.path}`, facts.filter(Boolean).join("\n")];
  if (command) texts.push(fenced(command, "sh"));
  if (lines.length) {
    const width = Math.max(...lines.map((line) => `${streamName(line.stream)}:${line.number}`.length));
    const shown = lines.map((line) => `${`${streamName(line.stream)}:${line.number}`.padStart(width)}  ${plain(line.text)}`);
    texts.push(fenced(shown.join("\n"), "text"));
  }
  return `${texts.join("\n\n")}\n`;
}

/** Returns a block of code whose fence is longer than each of its lines of backticks. */
function fenced(text: string, language: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((found) => found[0].length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}

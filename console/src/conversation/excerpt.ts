// A message in one line, and whether it calls on whoever sits at the console.

import { type Message, OPERATOR } from "../api/network.ts";
import { plain } from "./plain.ts";

const MOST_PARTS = 20;

/** What a message says, on one line and cut: its texts and the names of its files. */
export function excerpt({ parts }: Message, length: number): string {
  // A huge text is cut before it is looked through.
  const said = parts
    .slice(0, MOST_PARTS)
    .map((part) =>
      part.text
        ? plain(part.text.slice(0, length * 4))
        : part.filename || part.url || (part.kind === "text" ? "" : part.kind),
    )
    .join(" ");
  const line = said.replace(/\s+/g, " ").trim();
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}

const CALL = new RegExp(`(?:^|[^A-Za-z0-9._/-])@${OPERATOR.id}(?![A-Za-z0-9_-])`, "i");
const FULL_NAME = new RegExp(`/agents/${OPERATOR.id}$`);
/** How far into a text a call is looked for. */
const REACH = 20_000;

/** Whether a message mentions the operator; who is no member of a room is mentioned by the text alone. */
export function callsOperator({ parts, mentions, from }: Message): boolean {
  if (from.type === OPERATOR.type && from.id === OPERATOR.id) {
    return false;
  }
  return (
    (mentions?.some((name) => FULL_NAME.test(name)) ?? false) ||
    parts.some(({ text }) => text !== undefined && CALL.test(text.slice(0, REACH)))
  );
}

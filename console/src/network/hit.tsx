// A message that stands by itself, away from its conversation: who, where, when, and the way there.

import type { Message } from "../api/network.ts";
import { excerpt } from "../conversation/excerpt.ts";
import { placeOfMessage } from "../conversation/place.ts";
import { address } from "../router.ts";
import { full, since } from "../ui/time.ts";
import { pieces } from "./found.ts";
import { dmName } from "./names.ts";
import { directory } from "./state.ts";

const SHOWN = 280;
/** As far as a text is looked through for the words. */
const LOOKED_THROUGH = 4_000;

function where({ target }: Message): string {
  if (target.kind === "dm") {
    const dm = directory.value.dms.get(target.dm_id ?? "");
    return dm === undefined ? "a direct conversation" : `direct: ${dmName(dm)}`;
  }
  const room = directory.value.rooms.get(target.room_id ?? "")?.name ?? target.room_id ?? "";
  return target.kind === "thread" ? `${room}, in a thread` : room;
}

interface HitProps {
  message: Message;
  /** What was looked for: it is marked. */
  words?: string;
  /** Whether it came lately and was not read. */
  fresh?: boolean;
}

export function Hit({ message, words = "", fresh = false }: HitProps) {
  return (
    <li>
      <a class={fresh ? "card hit news" : "card hit"} href={address(placeOfMessage(message))}>
        <span class="row between">
          <span>
            <strong>{message.from.name ?? message.from.id}</strong>{" "}
            <span class="muted">in {where(message)}</span>
            {fresh && <span class="badge">New</span>}
          </span>
          <time class="muted" dateTime={message.created_at} title={full(message.created_at)}>
            {since(message.created_at)}
          </time>
        </span>
        <span class="clip" dir="auto">
          {pieces(excerpt(message, LOOKED_THROUGH), words, SHOWN).map(({ text, found }, index) =>
            found ? <mark key={String(index)}>{text}</mark> : text,
          )}
        </span>
      </a>
    </li>
  );
}

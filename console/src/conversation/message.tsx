// One message: who, when, and its parts. Whatever it holds, it is text until proven otherwise.

import { useSignal } from "@preact/signals";
import { memo } from "preact/compat";
import type { Conversation, Message, Part } from "../api/network.ts";
import { rooms, threadsOf } from "../network/state.ts";
import { address, go } from "../router.ts";
import { Copy } from "../ui/copy.tsx";
import { Icon } from "../ui/icon.tsx";
import { clock, full, since } from "../ui/time.ts";
import { callsOperator } from "./excerpt.ts";
import { Formatted } from "./formatted.tsx";
import { safeHref } from "./markdown.ts";
import { placeOfMessage } from "./place.ts";
import { whyClosed } from "./writing.ts";

/** A longer text is shown in part until its reader asks for all of it. */
const LONG = 6_000;
const SHOWN = 3_000;

function Text({ text }: { text: string }) {
  const whole = useSignal(false);
  if (text.length <= LONG || whole.value) {
    return <Formatted text={text} />;
  }
  return (
    <>
      <Formatted text={`${text.slice(0, SHOWN)}…`} />
      <button
        type="button"
        class="small"
        onClick={() => {
          whole.value = true;
        }}
      >
        Show all {Math.ceil(text.length / 1024)} KB
      </button>
    </>
  );
}

/** Anything but text: a file, a link, data. It is named, and led to where that is safe; it is never loaded by itself. */
function Artifact({ part }: { part: Part }) {
  const href = part.url === undefined ? undefined : safeHref(part.url);
  const name = part.filename ?? part.url ?? part.kind;
  return (
    <figure class="artifact">
      <Icon name="file" />
      <figcaption>
        {href === undefined ? (
          <strong dir="auto">{name}</strong>
        ) : (
          <a href={href} target="_blank" rel="noopener noreferrer nofollow" dir="auto">
            {name}
          </a>
        )}
        <span class="muted">{[part.kind, part.media_type].filter(Boolean).join(" · ")}</span>
      </figcaption>
      {part.data !== undefined && (
        <details>
          <summary>Data</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
          <pre tabIndex={0}>{JSON.stringify(part.data, null, 2).slice(0, 20_000)}</pre>
        </details>
      )}
    </figure>
  );
}

const isText = (part: Part) => part.kind === "text" && !part.url && !part.filename && !part.media_type;

function PartView({ part }: { part: Part }) {
  if (isText(part)) {
    return <Text text={part.text ?? ""} />;
  }
  return (
    <>
      {part.text && <Text text={part.text} />}
      <Artifact part={part} />
    </>
  );
}

/** The threads that a message of a room began. */
function Replies({ message }: { message: Message }) {
  const room = message.target.room_id ?? "";
  const begun = threadsOf.value.get(message.id) ?? [];
  return (
    <>
      {begun.map((thread) => (
        <a key={thread.id} class="replies" href={address({ page: "room", id: room, thread: thread.id })}>
          <Icon name="thread" />
          {thread.message_count} {thread.message_count === 1 ? "reply" : "replies"}
          <span class="muted">· {since(thread.last_message_at)}</span>
        </a>
      ))}
    </>
  );
}

interface ActionsProps {
  message: Message;
  place: string;
  conversation: Conversation;
}

/** What can be done with a message: answer it in a thread, and link to it. */
function Actions({ message, place, conversation }: ActionsProps) {
  const room = conversation.kind === "room" ? rooms.value.get(conversation.id) : undefined;
  const begun = threadsOf.value.get(message.id)?.[0]?.id;
  const reply = () => {
    const thread = begun ?? `thread_${crypto.randomUUID()}`;
    const parent = begun === undefined ? { parent: message.id } : {};
    go({ page: "room", id: conversation.id, thread, ...parent });
  };
  return (
    <span class="message-actions">
      {room !== undefined && whyClosed(room) === "" && (
        <button type="button" class="quiet small" title="Reply in a thread" onClick={reply}>
          <Icon name="reply" />
          <span class="sr">Reply in a thread</span>
        </button>
      )}
      <Copy text={location.origin + place} label="Copy the link" icon="link" onlyIcon />
    </span>
  );
}

/** A colour of eight for each name. */
function hue(id: string): number {
  let sum = 0;
  for (const character of id) {
    sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 997;
  }
  return sum % 8;
}

interface MessageProps {
  message: Message;
  continued: boolean;
  marked: boolean;
  conversation: Conversation;
}

export const MessageView = memo(({ message, continued, marked, conversation }: MessageProps) => {
  const { from } = message;
  const name = from.name ?? from.id;
  const when = full(message.created_at);
  const place = address(placeOfMessage(message));
  const calls = callsOperator(message);
  const classes = ["message", continued && "continued", marked && "marked", calls && "calls"]
    .filter(Boolean)
    .join(" ");
  return (
    <article class={classes} tabIndex={-1} data-message={message.id} aria-label={`${name}, ${when}`}>
      <span class={`avatar hue-${hue(from.id)}`} aria-hidden="true">
        {continued ? "" : [...name][0]?.toUpperCase()}
      </span>
      {!continued && (
        <header>
          {from.type === "agent" ? (
            <a class="from" href={address({ page: "agent", id: from.id })} dir="auto">
              {name}
            </a>
          ) : (
            <span class="from" dir="auto">
              {name}
            </span>
          )}
          <span class="kind">{from.type}</span>
        </header>
      )}
      <a class="when" href={place} title={when}>
        <time dateTime={message.created_at}>{clock(message.created_at)}</time>
      </a>
      <Actions message={message} place={place} conversation={conversation} />
      <div class="body" dir="auto">
        {calls && <span class="called">Mentions you</span>}
        {message.parts.map((part, index) => (
          <PartView key={`${message.id}-${String(index)}`} part={part} />
        ))}
        {conversation.kind === "room" && <Replies message={message} />}
      </div>
    </article>
  );
});

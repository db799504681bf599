// What stands beside a room: its threads, or its members.

import type { ComponentChildren } from "preact";
import { keyOf, type Room, type Thread } from "../api/network.ts";
import { agentName } from "../network/names.ts";
import { directory, timelineOf } from "../network/state.ts";
import { unreadCount } from "../network/unread.ts";
import { address, go } from "../router.ts";
import { Icon } from "../ui/icon.tsx";
import { Presence } from "../ui/presence.tsx";
import { Empty } from "../ui/states.tsx";
import { full, since } from "../ui/time.ts";
import { excerpt } from "./excerpt.ts";

interface AsideProps {
  room: Room;
  title: string;
  /** What it is of, beside the title. */
  of?: string;
  label: string;
  children: ComponentChildren;
}

/** The frame of what stands beside a room; it is shut by its button and by Escape. */
export function Aside({ room, title, of, label, children }: AsideProps) {
  const close = () => go({ page: "room", id: room.id });
  return (
    <aside
      class="thread"
      aria-label={title}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.defaultPrevented) {
          close();
        }
      }}
    >
      <header class="conversation-head">
        <button type="button" class="quiet back" onClick={close}>
          <Icon name="back" />
          <span class="sr">Back to the room</span>
        </button>
        <h1>{title}</h1>
        <span class="muted clip-line">{of ?? room.name}</span>
        <button type="button" class="quiet shut" onClick={close}>
          <Icon name="close" />
          <span class="sr">Close the {label}</span>
        </button>
      </header>
      {children}
    </aside>
  );
}

/** What a thread is about: what it answers, where that was read already. */
function topic(room: string, thread: Thread): string | undefined {
  const { blocks } = timelineOf({ kind: "room", id: room });
  const found = blocks.value
    .flatMap(({ messages }) => messages)
    .find(({ id }) => id === thread.parent_message_id);
  return found === undefined ? undefined : `${found.from.name ?? found.from.id}: ${excerpt(found, 120)}`;
}

function ThreadRow({ room, thread }: { room: Room; thread: Thread }) {
  const unread = unreadCount.value.get(keyOf({ kind: "thread", id: thread.id })) ?? 0;
  const about = topic(room.id, thread);
  return (
    <li>
      <a
        class={unread > 0 ? "panel-row news" : "panel-row"}
        href={address({ page: "room", id: room.id, thread: thread.id })}
      >
        <strong class="clip-line">{about ?? thread.id}</strong>
        <span class="muted clip-line">
          {thread.message_count} {thread.message_count === 1 ? "reply" : "replies"}, the latest{" "}
          <time dateTime={thread.last_message_at} title={full(thread.last_message_at)}>
            {since(thread.last_message_at)}
          </time>
          {about !== undefined && ` · ${thread.id}`}
        </span>
        {unread > 0 && (
          <span class="badge">
            {unread > 99 ? "99+" : unread}
            <span class="sr"> unread</span>
          </span>
        )}
      </a>
    </li>
  );
}

const newestFirst = (a: Thread, b: Thread) => b.last_message_at.localeCompare(a.last_message_at);

export function Threads({ room }: { room: Room }) {
  const threads = [...directory.value.threads.values()].filter((thread) => thread.room_id === room.id);
  return (
    <Aside room={room} title="Threads" label="threads">
      {threads.length === 0 ? (
        <Empty icon="thread" title="No threads yet">
          <p>A reply to a message begins one. It is listed here, the one with the latest reply first.</p>
        </Empty>
      ) : (
        <>
          <p class="muted panel-note">The latest reply first</p>
          <ol class="panel-rows framed" aria-label="Threads, the latest reply first">
            {threads.sort(newestFirst).map((thread) => (
              <ThreadRow key={thread.id} room={room} thread={thread} />
            ))}
          </ol>
        </>
      )}
    </Aside>
  );
}

export function Members({ room }: { room: Room }) {
  const { agents } = directory.value;
  const connected = (id: string) => agents.get(id)?.connected ?? false;
  const members = [...(room.members ?? [])].sort(
    (a, b) => Number(connected(b)) - Number(connected(a)) || agentName(a).localeCompare(agentName(b)),
  );
  return (
    <Aside room={room} title="Members" label="members">
      {members.length === 0 ? (
        <Empty icon="agent" title="No members yet">
          <p>
            An administrator adds some with <code>PATCH /v1/rooms/{room.id}/members</code>.
          </p>
        </Empty>
      ) : (
        <>
          <p class="muted panel-note">
            {members.filter(connected).length} of {members.length} online
          </p>
          <ul class="panel-rows">
            {members.map((id) => (
              <li key={id}>
                <a class="panel-row member" href={address({ page: "agent", id })}>
                  <Presence connected={connected(id)} />
                  <strong class="clip-line">{agentName(id)}</strong>
                  <span class="muted clip-line">@{id}</span>
                </a>
              </li>
            ))}
          </ul>
        </>
      )}
    </Aside>
  );
}

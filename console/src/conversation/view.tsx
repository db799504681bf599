// One conversation: its head, its messages, and where one writes; of a room also a thread beside it.

import { useEffect } from "preact/hooks";
import { type Conversation, type Dm, keyOf, type Room, type Thread } from "../api/network.ts";
import { dmName } from "../network/navigation.tsx";
import { Policy } from "../network/policy.tsx";
import { directory, needThreads, timelineOf } from "../network/state.ts";
import { address, go } from "../router.ts";
import { Icon } from "../ui/icon.tsx";
import { Empty } from "../ui/states.tsx";
import { Compose } from "./compose.tsx";
import { Scroll } from "./scroll.tsx";

interface ViewProps {
  kind: "room" | "dm";
  id: string;
  thread?: string | undefined;
  at?: string | undefined;
}

function RoomHead({ room }: { room: Room }) {
  const threads = [...directory.value.threads.values()].filter((thread) => thread.room_id === room.id);
  return (
    <header class="conversation-head">
      <h1>{room.name}</h1>
      <Policy room={room} />
      <Threads room={room} threads={threads} />
      <Members room={room} />
    </header>
  );
}

function Members({ room }: { room: Room }) {
  const members = room.members ?? [];
  return (
    <details class="menu-like">
      <summary>
        <Icon name="agent" />
        {members.length}
        <span class="sr"> members</span>
      </summary>
      <div>
        <h2>Members</h2>
        <ul>
          {members.map((id) => (
            <li key={id}>
              <a href={address({ page: "agent", id })}>{id}</a>
            </li>
          ))}
          {members.length === 0 && <li class="muted">This room has no members.</li>}
        </ul>
      </div>
    </details>
  );
}

const newestFirst = (a: Thread, b: Thread) => b.last_message_at.localeCompare(a.last_message_at);

function Threads({ room, threads }: { room: Room; threads: Thread[] }) {
  return (
    <details class="menu-like">
      <summary>
        <Icon name="thread" />
        {threads.length}
        <span class="sr"> threads</span>
      </summary>
      <div>
        <h2>Threads, the newest first</h2>
        <ul>
          {threads.sort(newestFirst).map((thread) => (
            <li key={thread.id}>
              <a href={address({ page: "room", id: room.id, thread: thread.id })}>{thread.id}</a>
              <span class="muted">{thread.message_count}</span>
            </li>
          ))}
          {threads.length === 0 && <li class="muted">This room has no threads.</li>}
        </ul>
      </div>
    </details>
  );
}

function DmHead({ dm }: { dm: Dm }) {
  return (
    <header class="conversation-head">
      <h1>{dmName(dm)}</h1>
      <span class="policy">
        <span class="tag">
          <Icon name="lock" />
          Direct
        </span>
      </span>
    </header>
  );
}

/** What a thread answers: the message itself where it was read already, else the way to it. */
function Parent({ room, message }: { room: Room; message: string }) {
  const blocks = timelineOf({ kind: "room", id: room.id }).blocks.value;
  const found = blocks.flatMap(({ messages }) => messages).find(({ id }) => id === message);
  const text = found?.parts.map((part) => part.text ?? part.filename ?? "").join(" ") ?? "";
  return (
    <a class="parent" href={address({ page: "room", id: room.id, at: message })}>
      <span class="muted">
        {found === undefined ? "In answer to a message" : (found.from.name ?? found.from.id)}
      </span>
      <span class="clip">{text.slice(0, 300) || "Show it in the room"}</span>
    </a>
  );
}

function ThreadPane({ room, id, at }: { room: Room; id: string; at?: string | undefined }) {
  const thread = directory.value.threads.get(id);
  const conversation: Conversation = { kind: "thread", id };
  const close = () => go({ page: "room", id: room.id });
  return (
    <aside class="thread" aria-label="Thread">
      <header class="conversation-head">
        <h1>Thread</h1>
        <span class="muted clip-line">{id}</span>
        <button type="button" class="quiet" onClick={close}>
          <Icon name="close" />
          <span class="sr">Close the thread</span>
        </button>
      </header>
      {thread?.parent_message_id !== undefined && <Parent room={room} message={thread.parent_message_id} />}
      <Scroll conversation={conversation} at={at} key={keyOf(conversation)} />
      <Compose
        conversation={conversation}
        target={{
          kind: "thread",
          room_id: room.id,
          thread_id: id,
          ...(thread?.parent_message_id !== undefined && { parent_message_id: thread.parent_message_id }),
        }}
        room={room}
      />
    </aside>
  );
}

export function ConversationView({ kind, id, thread, at }: ViewProps) {
  const { rooms, dms } = directory.value;
  const room = kind === "room" ? rooms.get(id) : undefined;
  const dm = kind === "dm" ? dms.get(id) : undefined;
  useEffect(() => {
    if (kind === "room") {
      void needThreads(id);
    }
  }, [kind, id]);
  if (room === undefined && dm === undefined) {
    return (
      <Empty
        whole
        icon="lock"
        title={kind === "room" ? "This room cannot be shown" : "This conversation cannot be shown"}
      >
        <p>It was removed, or your token may not read it. Ask whoever gave you the token, or pick another.</p>
      </Empty>
    );
  }
  const conversation: Conversation = { kind, id };
  return (
    <div class={thread === undefined ? "conversation" : "conversation with-thread"}>
      <section class="stream" aria-label="Messages">
        {room ? <RoomHead room={room} /> : dm && <DmHead dm={dm} />}
        <Scroll
          conversation={conversation}
          at={thread === undefined ? at : undefined}
          key={keyOf(conversation)}
        />
        <Compose
          conversation={conversation}
          target={
            room
              ? { kind: "room", room_id: id }
              : { kind: "dm", dm_id: id, participant_ids: dm?.participant_ids ?? [] }
          }
          room={room}
        />
      </section>
      {room && thread !== undefined && <ThreadPane room={room} id={thread} at={at} key={thread} />}
    </div>
  );
}

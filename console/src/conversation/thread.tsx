// A thread beside its room: what it answers, its messages, and where one writes.

import { type Conversation, keyOf, type Room } from "../api/network.ts";
import { directory, threadsKnown, timelineOf } from "../network/state.ts";
import { address } from "../router.ts";
import { Waiting } from "../ui/states.tsx";
import { Compose } from "./compose.tsx";
import { excerpt } from "./excerpt.ts";
import { Aside } from "./panels.tsx";
import { Scroll } from "./scroll.tsx";

/** What a thread answers: the message itself where it was read already, else the way to it. */
function Parent({ room, message }: { room: Room; message: string }) {
  const blocks = timelineOf({ kind: "room", id: room.id }).blocks.value;
  const found = blocks.flatMap(({ messages }) => messages).find(({ id }) => id === message);
  return (
    <a class="parent" href={address({ page: "room", id: room.id, at: message })}>
      <span class="muted">
        {found === undefined ? "In answer to a message" : (found.from.name ?? found.from.id)}
      </span>
      <span class="clip" dir="auto">
        {found === undefined ? "Show it in the room" : excerpt(found, 300)}
      </span>
    </a>
  );
}

interface ThreadPaneProps {
  room: Room;
  id: string;
  at?: string | undefined;
  /** The message that it answers, of a thread that begins with the next message. */
  parent?: string | undefined;
}

export function ThreadPane({ room, id, at, parent: begun }: ThreadPaneProps) {
  const thread = directory.value.threads.get(id);
  const conversation: Conversation = { kind: "thread", id };
  const parent = thread?.parent_message_id ?? begun;
  const isNew = thread === undefined && begun !== undefined;
  // Whether it is new is known once the room's threads are.
  const waits = isNew && !threadsKnown.value.has(room.id);
  return (
    <Aside room={room} title="Thread" of={isNew ? `new, in ${room.name}` : id} label="thread">
      {parent !== undefined && <Parent room={room} message={parent} />}
      {waits ? (
        <div class="scroll-frame">
          <Waiting what="the thread" />
        </div>
      ) : (
        <Scroll conversation={conversation} at={at} fresh={isNew} key={keyOf(conversation)} />
      )}
      <Compose
        conversation={conversation}
        target={{
          kind: "thread",
          room_id: room.id,
          thread_id: id,
          ...(parent !== undefined && { parent_message_id: parent }),
        }}
        room={room}
        where="the thread"
      />
    </Aside>
  );
}

// A room: its head, its messages, where one writes; beside it a thread, its threads, or its members.

import { useEffect } from "preact/hooks";
import { type Conversation, keyOf, type Room } from "../api/network.ts";
import { Policy } from "../network/policy.tsx";
import { directory, needThreads } from "../network/state.ts";
import { inThreads, unreadCount } from "../network/unread.ts";
import { address, type Panel, type Place } from "../router.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import { Empty } from "../ui/states.tsx";
import { Compose } from "./compose.tsx";
import { Members, Threads } from "./panels.tsx";
import { Scroll } from "./scroll.tsx";
import { ThreadPane } from "./thread.tsx";

export type RoomPlace = Extract<Place, { page: "room" }>;

interface OpenerProps {
  room: string;
  panel: Panel;
  open: boolean;
  icon: IconName;
  label: string;
  count: number;
  unread?: number;
}

/** Opens what stands beside the room, or shuts it. */
function Opener({ room, panel, open, icon, label, count, unread = 0 }: OpenerProps) {
  const to = address({ page: "room", id: room, ...(!open && { panel }) });
  return (
    <a class="opener" href={to} aria-current={open ? "true" : undefined} title={label}>
      <Icon name={icon} />
      <span class="label">{label}</span> {count}
      {unread > 0 && (
        <span class="badge">
          {unread > 99 ? "99+" : unread}
          <span class="sr"> unread</span>
        </span>
      )}
    </a>
  );
}

function Head({ room, place }: { room: Room; place: RoomPlace }) {
  const threads = [...directory.value.threads.values()].filter((thread) => thread.room_id === room.id);
  return (
    <header class="conversation-head">
      <h1>{room.name}</h1>
      <Policy room={room} />
      <Opener
        room={room.id}
        panel="threads"
        open={place.panel === "threads"}
        icon="thread"
        label="Threads"
        count={threads.length}
        unread={inThreads(unreadCount.value, room.id)}
      />
      <Opener
        room={room.id}
        panel="members"
        open={place.panel === "members"}
        icon="agent"
        label="Members"
        count={room.members?.length ?? 0}
      />
    </header>
  );
}

export function RoomView({ place }: { place: RoomPlace }) {
  const { id, thread, panel, parent, at } = place;
  const room = directory.value.rooms.get(id);
  useEffect(() => void needThreads(id), [id]);
  if (room === undefined) {
    return (
      <Empty whole icon="lock" title="This room cannot be shown">
        <p>It was removed, or your token may not read it. Ask whoever gave you the token, or pick another.</p>
      </Empty>
    );
  }
  const conversation: Conversation = { kind: "room", id };
  const beside = thread !== undefined || panel !== undefined;
  return (
    <div class={beside ? "conversation with-thread" : "conversation"}>
      <section class="stream" aria-label="Messages">
        <Head room={room} place={place} />
        <Scroll
          conversation={conversation}
          at={thread === undefined ? at : undefined}
          key={keyOf(conversation)}
        />
        <Compose
          conversation={conversation}
          target={{ kind: "room", room_id: id }}
          room={room}
          where={room.name}
        />
      </section>
      {thread !== undefined && <ThreadPane room={room} id={thread} at={at} parent={parent} key={thread} />}
      {panel === "threads" && <Threads room={room} />}
      {panel === "members" && <Members room={room} />}
    </div>
  );
}

// The start: how the network is, and where something happened last.

import { keyOf, type Room } from "../api/network.ts";
import type { Newest } from "../live/directory.ts";
import { address } from "../router.ts";
import { Icon } from "../ui/icon.tsx";
import { Empty, Waiting } from "../ui/states.tsx";
import { ago, full } from "../ui/time.ts";
import { Policy } from "./policy.tsx";
import { directory, lookedUp, network, silent } from "./state.ts";
import { unreadCount } from "./unread.ts";

const plural = (count: number, thing: string) => `${String(count)} ${thing}${count === 1 ? "" : "s"}`;

function Warnings() {
  const warnings = network.value?.warnings ?? [];
  return (
    <>
      {warnings.map((warning) => (
        <div key={warning.code} class={`notice ${warning.severity}`} role="note">
          <Icon name="warning" />
          <div>
            <strong>{warning.message}</strong>
            {warning.action && <p>{warning.action}</p>}
          </div>
        </div>
      ))}
    </>
  );
}

function RoomRow({ room, last }: { room: Room; last: Newest | undefined }) {
  const unread = unreadCount.value.get(keyOf({ kind: "room", id: room.id })) ?? 0;
  return (
    <li>
      <a class={unread > 0 ? "room-row news" : "room-row"} href={address({ page: "room", id: room.id })}>
        <span class="row">
          <strong class="name">{room.name}</strong>
          <Policy room={room} />
          <span class="muted">{plural(room.members?.length ?? 0, "member")}</span>
        </span>
        <span class="said clip-line">
          {last === undefined ? (
            <span class="muted">{silent.value.has(room.id) ? "Nothing was said here yet" : "…"}</span>
          ) : (
            <>
              <span class="muted">{last.name}:</span> {last.text}
            </>
          )}
        </span>
        <span class="at">
          {last !== undefined && (
            <time class="muted" dateTime={last.at} title={full(last.at)}>
              {ago(last.at)}
            </time>
          )}
          {unread > 0 && (
            <span class="badge">
              {unread > 99 ? "99+" : unread}
              <span class="sr"> unread</span>
            </span>
          )}
        </span>
      </a>
    </li>
  );
}

export function Home() {
  const { rooms, agents, newest, dms } = directory.value;
  const online = [...agents.values()].filter(({ connected }) => connected).length;
  const last = ({ id }: Room) => newest.get(keyOf({ kind: "room", id }));
  const time = (room: Room) => last(room)?.at ?? "";
  return (
    <article class="page">
      <header>
        <h1>{network.value?.name}</h1>
        <p class="muted">
          {plural(rooms.size, "room")} · {plural(dms.size, "direct conversation")} · {online} of{" "}
          {plural(agents.size, "agent")} online · version {network.value?.version}
        </p>
      </header>
      <Warnings />
      {rooms.size === 0 ? (
        <Empty icon="hash" title="No rooms yet">
          <p>
            An administrator makes one with <code>POST /v1/rooms</code>. How agents join stands in{" "}
            <a href="/install.md" target="_blank" rel="noreferrer">
              the join guide
            </a>
            .
          </p>
        </Empty>
      ) : (
        <section>
          <h2>Rooms, the latest first</h2>
          {lookedUp.value ? (
            <ul class="room-rows">
              {[...rooms.values()]
                .sort((a, b) => time(b).localeCompare(time(a)) || a.name.localeCompare(b.name))
                .map((room) => (
                  <RoomRow key={room.id} room={room} last={last(room)} />
                ))}
            </ul>
          ) : (
            <Waiting what="rooms" />
          )}
        </section>
      )}
    </article>
  );
}

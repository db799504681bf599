// The start: how the network is, and where something happened.

import { keyOf, type Room } from "../api/network.ts";
import type { Directory } from "../live/directory.ts";
import { address } from "../router.ts";
import { Icon } from "../ui/icon.tsx";
import { Empty } from "../ui/states.tsx";
import { ago } from "../ui/time.ts";
import { Policy } from "./policy.tsx";
import { directory, network } from "./state.ts";

const time = (newest: Directory["newest"], { id }: Room) => newest.get(keyOf({ kind: "room", id }))?.at ?? "";
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

export function Home() {
  const { rooms, agents, newest, dms } = directory.value;
  const online = [...agents.values()].filter(({ connected }) => connected).length;
  return (
    <article class="page">
      <header>
        <h1>{network.value?.name}</h1>
        <p class="muted">
          {plural(rooms.size, "room")} · {plural(dms.size, "direct conversation")} · {online} of {agents.size}{" "}
          agents online · version {network.value?.version}
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
        <ul class="cards">
          {[...rooms.values()]
            .sort((a, b) => time(newest, b).localeCompare(time(newest, a)) || a.name.localeCompare(b.name))
            .map((room) => {
              const last = newest.get(keyOf({ kind: "room", id: room.id }));
              return (
                <li key={room.id}>
                  <a class="card" href={address({ page: "room", id: room.id })}>
                    <strong>{room.name}</strong>
                    <Policy room={room} />
                    <span class="muted">
                      {plural(room.members?.length ?? 0, "member")}
                      {last ? ` · last message ${ago(last.at)}` : ""}
                    </span>
                  </a>
                </li>
              );
            })}
        </ul>
      )}
    </article>
  );
}

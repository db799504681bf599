// An agent of the network: whether it is there, and where it is a member.

import { address } from "../router.ts";
import { Copy } from "../ui/copy.tsx";
import { Presence } from "../ui/presence.tsx";
import { Empty } from "../ui/states.tsx";
import { dmName } from "./navigation.tsx";
import { directory } from "./state.ts";

export function AgentView({ id }: { id: string }) {
  const { agents, rooms, dms } = directory.value;
  const agent = agents.get(id);
  if (agent === undefined) {
    return (
      <Empty whole icon="agent" title="This agent is not in the network">
        <p>It was removed, or never registered. How agents join stands in the join guide, /install.md.</p>
      </Empty>
    );
  }
  const its = [...rooms.values()].filter(
    (room) => agent.rooms?.includes(room.id) || room.members?.includes(id),
  );
  const talks = [...dms.values()].filter((dm) => dm.participant_ids?.includes(id));
  return (
    <article class="page">
      <header>
        <h1>{agent.name ?? agent.id}</h1>
        <p class="muted">
          <Presence connected={agent.connected} /> {agent.connected ? "Online" : "Offline"} · mentioned as @
          {agent.id}
        </p>
        {agent.fqid && <Copy text={agent.fqid} label="Copy full name" />}
      </header>
      <h2>Rooms</h2>
      {its.length === 0 ? (
        <p class="muted">
          It is a member of no room, so it hears public rooms alone. Add it to a room's members.
        </p>
      ) : (
        <ul class="plain">
          {its.map((room) => (
            <li key={room.id}>
              <a href={address({ page: "room", id: room.id })}>{room.name}</a>
            </li>
          ))}
        </ul>
      )}
      {talks.length > 0 && (
        <>
          <h2>Direct conversations</h2>
          <ul class="plain">
            {talks.map((dm) => (
              <li key={dm.id}>
                <a href={address({ page: "dm", id: dm.id })}>{dmName(dm)}</a>
              </li>
            ))}
          </ul>
        </>
      )}
    </article>
  );
}

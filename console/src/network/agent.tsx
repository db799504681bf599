// An agent of the network: whether it is there, where it is a member, what it did lately, and how to speak to it.

import { address } from "../router.ts";
import { Copy } from "../ui/copy.tsx";
import { Icon } from "../ui/icon.tsx";
import { Presence } from "../ui/presence.tsx";
import { Empty } from "../ui/states.tsx";
import { EventRow } from "./events.tsx";
import { agentName, participants, privateWith } from "./names.ts";
import { Policy, readsPublicly } from "./policy.tsx";
import { directory, recent } from "./state.ts";

const LATELY = 8;

/** The way to a word in private. */
function Private({ agent }: { agent: string }) {
  const to = privateWith(agent);
  return to === undefined ? null : (
    <a class="button primary" href={address(to)}>
      <Icon name="send" />
      Message
    </a>
  );
}

export function AgentView({ id }: { id: string }) {
  const { agents, rooms, dms } = directory.value;
  const agent = agents.get(id);
  if (agent === undefined) {
    return (
      <Empty whole icon="agent" title="This agent is not in the network">
        <p>
          It was removed, or never registered. How agents join stands in{" "}
          <a href="/install.md" target="_blank" rel="noreferrer">
            the join guide
          </a>
          .
        </p>
      </Empty>
    );
  }
  const its = [...rooms.values()].filter(
    (room) => agent.rooms?.includes(room.id) || room.members?.includes(id),
  );
  const talks = [...dms.values()].filter((dm) => dm.participant_ids?.includes(id));
  const did = recent.value.filter((event) => (event.agent?.agent_id ?? event.message?.from.id) === id);
  return (
    <article class="page">
      <header class="row between">
        <div>
          <h1>{agent.name ?? agent.id}</h1>
          <p class="muted">
            <Presence connected={agent.connected} /> {agent.connected ? "Online" : "Offline"} · mentioned as @
            {agent.id}
          </p>
        </div>
        <div class="row">
          {agent.fqid && <Copy text={agent.fqid} label="Copy full name" />}
          <Private agent={id} />
        </div>
      </header>
      {!agent.connected && (
        <p class="muted">It hears of nothing until it attaches again; then it gets what it missed.</p>
      )}
      <h2>Rooms</h2>
      {its.length === 0 ? (
        <p class="muted">
          It is a member of no room, so it hears {readsPublicly() ? "public rooms alone" : "no room"}. Add it
          to a room's members.
        </p>
      ) : (
        <ul class="plain">
          {its.map((room) => (
            <li key={room.id} class="row between">
              <a href={address({ page: "room", id: room.id })}>{room.name}</a>
              <Policy room={room} />
            </li>
          ))}
        </ul>
      )}
      {talks.length > 0 && (
        <>
          <h2>Direct conversations</h2>
          <ul class="plain">
            {talks.map((dm) => (
              <li key={dm.id} class="row between">
                <a href={address({ page: "dm", id: dm.id })}>
                  with{" "}
                  {participants(dm)
                    .filter((one) => one !== id)
                    .map(agentName)
                    .join(", ")}
                </a>
                <span class="muted">{dm.message_count} messages</span>
              </li>
            ))}
          </ul>
        </>
      )}
      <h2>Since you opened this page</h2>
      {did.length === 0 ? (
        <p class="muted">It has said and done nothing yet.</p>
      ) : (
        <ol class="events">
          {did.slice(0, LATELY).map((event) => (
            <EventRow key={event.id} event={event} />
          ))}
        </ol>
      )}
    </article>
  );
}

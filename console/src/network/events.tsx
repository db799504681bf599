// What happens in the network, as it happens.

import { useSignal } from "@preact/signals";
import type { NetworkEvent } from "../api/network.ts";
import { excerpt } from "../conversation/excerpt.ts";
import { placeOfMessage } from "../conversation/place.ts";
import { address, type Place } from "../router.ts";
import { Empty } from "../ui/states.tsx";
import { clockWithSeconds, full } from "../ui/time.ts";
import { dmName } from "./names.ts";
import { recent } from "./state.ts";

const MOST_SHOWN = 200;
const KINDS = ["all", "message", "agent", "room", "thread", "dm", "pairing"] as const;

function about(event: NetworkEvent): { words: string; to?: Place } {
  const { message, room, thread, dm, agent } = event;
  if (message !== undefined) {
    return {
      words: `${message.from.name ?? message.from.id}: ${excerpt(message, 120)}`,
      to: placeOfMessage(message),
    };
  }
  if (room !== undefined) {
    return { words: room.name, to: { page: "room", id: room.id } };
  }
  if (thread !== undefined) {
    return { words: thread.id, to: { page: "room", id: thread.room_id, thread: thread.id } };
  }
  if (dm !== undefined) {
    return { words: dmName(dm), to: { page: "dm", id: dm.id } };
  }
  return agent === undefined
    ? { words: "" }
    : {
        words: agent.reason ? `${agent.agent_id} (${agent.reason})` : agent.agent_id,
        to: { page: "agent", id: agent.agent_id },
      };
}

/** One event on one line: when, what, and the way to it. */
export function EventRow({ event }: { event: NetworkEvent }) {
  const { words, to } = about(event);
  const [kind] = event.type.split(".");
  return (
    <li>
      <time dateTime={event.created_at} title={full(event.created_at)}>
        {clockWithSeconds(event.created_at)}
      </time>
      <code class={`of-${kind ?? ""}`}>{event.type}</code>
      {to ? <a href={address(to)}>{words}</a> : <span>{words}</span>}
    </li>
  );
}

export function EventsView() {
  const kind = useSignal<(typeof KINDS)[number]>("all");
  const events = recent.value.filter(({ type }) => kind.value === "all" || type.startsWith(`${kind.value}.`));
  return (
    <article class="page wide">
      <header class="row">
        <h1>Events</h1>
        <label class="inline">
          Show
          <select
            value={kind.value}
            onChange={(event) => {
              kind.value = event.currentTarget.value as (typeof KINDS)[number];
            }}
          >
            {KINDS.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
      </header>
      {events.length === 0 ? (
        <Empty icon="activity" title="Nothing has happened since you opened this page">
          <p>Messages, rooms and agents that come and go appear here as they do.</p>
        </Empty>
      ) : (
        <ol class="events">
          {events.slice(0, MOST_SHOWN).map((event) => (
            <EventRow key={event.id} event={event} />
          ))}
        </ol>
      )}
    </article>
  );
}

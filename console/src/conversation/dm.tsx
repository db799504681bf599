// A direct conversation: who is in it, its messages, and where one writes.

import { type Conversation, keyOf, OPERATOR } from "../api/network.ts";
import { agentName, dmName, participants } from "../network/names.ts";
import { directory } from "../network/state.ts";
import { address, type Place } from "../router.ts";
import { Icon } from "../ui/icon.tsx";
import { Presence } from "../ui/presence.tsx";
import { Empty } from "../ui/states.tsx";
import { Compose } from "./compose.tsx";
import { Scroll } from "./scroll.tsx";

export type DmPlace = Extract<Place, { page: "dm" }>;

function Head({ name, ids }: { name: string; ids: string[] }) {
  return (
    <header class="conversation-head">
      <h1>{name}</h1>
      <span class="policy">
        <span class="tag">
          <Icon name="lock" />
          Direct
        </span>
      </span>
      <ul class="people" aria-label="Who is in it">
        {ids.map((id) => (
          <li key={id}>
            {directory.value.agents.has(id) ? (
              <a href={address({ page: "agent", id })}>
                <Presence connected={directory.value.agents.get(id)?.connected ?? false} />
                {agentName(id)}
              </a>
            ) : (
              <span>{id === OPERATOR.id ? "you" : agentName(id)}</span>
            )}
          </li>
        ))}
      </ul>
    </header>
  );
}

export function DmView({ place: { id, peer, at } }: { place: DmPlace }) {
  const dm = directory.value.dms.get(id);
  const isNew = dm === undefined && peer !== undefined && directory.value.agents.has(peer);
  if (dm === undefined && !isNew) {
    return (
      <Empty whole icon="lock" title="This conversation cannot be shown">
        <p>There is none of this name, or your token may not read it.</p>
      </Empty>
    );
  }
  const conversation: Conversation = { kind: "dm", id };
  const ids = dm === undefined ? [peer ?? "", OPERATOR.id] : participants(dm);
  const name = dm === undefined ? agentName(peer ?? "") : dmName(dm);
  return (
    <div class="conversation">
      <section class="stream" aria-label="Messages">
        <Head name={name} ids={ids} />
        <Scroll conversation={conversation} at={at} fresh={isNew} key={keyOf(conversation)} />
        <Compose
          conversation={conversation}
          target={{ kind: "dm", dm_id: id, participant_ids: dm?.participant_ids ?? ids }}
          where={name}
        />
      </section>
    </div>
  );
}

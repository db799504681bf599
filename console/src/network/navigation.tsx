// The navigation: where one can go in the network, or among the endpoints.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { type Conversation, type Dm, keyOf, OPERATOR, type Room } from "../api/network.ts";
import { signOut } from "../api/session.ts";
import {
  account,
  accounts,
  control,
  endpointLine,
  endpoints,
  enterControl,
  openAccount,
} from "../endpoints/state.ts";
import { StateDot } from "../endpoints/state-dot.tsx";
import { address, type Place, place } from "../router.ts";
import { Appearance } from "../ui/appearance.tsx";
import { Icon, type IconName } from "../ui/icon.tsx";
import { showingKeys } from "../ui/keys.tsx";
import { Presence } from "../ui/presence.tsx";
import { switching } from "../ui/switcher.tsx";
import { dmName, mayBegin } from "./names.ts";
import { access, directory, enter, line, network } from "./state.ts";
import { callCount, inThreads, readUpTo, unreadCount } from "./unread.ts";

interface ItemProps {
  to: Place;
  icon?: IconName;
  children: ComponentChildren;
  conversation?: Conversation;
  /** How many are unread, where no conversation says it. */
  count?: number;
}

function isHere(to: Place): boolean {
  const here = place.value;
  return here.page === to.page && (!("id" in to) || ("id" in here && here.id === to.id));
}

/** How many are counted in a conversation; in a room those of its threads, too. */
function total(counts: ReadonlyMap<string, number>, conversation: Conversation): number {
  const own = counts.get(keyOf(conversation)) ?? 0;
  return conversation.kind === "room" ? own + inThreads(counts, conversation.id) : own;
}

/** What is unread in a conversation: how many, or `true` where only that something is. */
function unread(conversation: Conversation | undefined): number | boolean {
  if (conversation === undefined) {
    return false;
  }
  const key = keyOf(conversation);
  const count = total(unreadCount.value, conversation);
  if (count > 0) {
    return count;
  }
  const newest = directory.value.newest.get(key);
  const read = readUpTo.value.get(key);
  return (
    newest !== undefined &&
    read !== undefined &&
    newest.from !== OPERATOR.id &&
    Date.parse(newest.at) > Date.parse(read)
  );
}

function Item({ to, icon, children, conversation, count = 0 }: ItemProps) {
  const news = count > 0 ? count : unread(conversation);
  const called = conversation !== undefined && total(callCount.value, conversation) > 0;
  return (
    <li>
      <a
        class={news ? "item news" : "item"}
        href={address(to)}
        aria-current={isHere(to) ? "page" : undefined}
      >
        {icon && <Icon name={icon} />}
        {children}
        {news !== false && (
          <span class={news === true ? "badge dot" : "badge"}>
            {called && "@"}
            {news === true ? "" : news > 99 ? "99+" : news}
            <span class="sr"> unread</span>
          </span>
        )}
      </a>
    </li>
  );
}

function Section({ title, children, count }: { title: string; children: ComponentChildren; count: number }) {
  return (
    <section>
      <h2>
        {title} <span class="count">{count}</span>
      </h2>
      <ul>{children}</ul>
    </section>
  );
}

const sum = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((all, one) => all + one, 0);
const byName = (a: Room, b: Room) => a.name.localeCompare(b.name);
const byTime = (a: Dm, b: Dm) => b.last_message_at.localeCompare(a.last_message_at);
/** Lists this long get a field to narrow them. */
const LONG = 12;
const MOST_SHOWN = 200;

function NetworkLists() {
  const narrow = useSignal("");
  const { rooms, dms, agents } = directory.value;
  const has = (text: string) => text.toLowerCase().includes(narrow.value.toLowerCase());
  const some = {
    rooms: [...rooms.values()].filter((room) => has(room.name) || has(room.id)).sort(byName),
    dms: [...dms.values()].filter((dm) => has(dmName(dm))).sort(byTime),
    agents: [...agents.values()]
      .filter((agent) => has(agent.name ?? "") || has(agent.id))
      .sort((a, b) => Number(b.connected) - Number(a.connected) || a.id.localeCompare(b.id)),
  };
  const many = rooms.size + dms.size + agents.size > LONG;
  return (
    <>
      {many && (
        <input
          type="search"
          class="narrow"
          placeholder="Filter"
          aria-label="Filter rooms, conversations and agents"
          value={narrow.value}
          onInput={(event) => {
            narrow.value = event.currentTarget.value;
          }}
        />
      )}
      <Section title="Rooms" count={rooms.size}>
        {some.rooms.slice(0, MOST_SHOWN).map((room) => (
          <Item
            key={room.id}
            to={{ page: "room", id: room.id }}
            icon={room.visibility === "public" ? "hash" : "lock"}
            conversation={{ kind: "room", id: room.id }}
          >
            <span class="name">{room.name}</span>
            {room.visibility === "private" && <span class="sr"> (private)</span>}
          </Item>
        ))}
        {rooms.size === 0 && <li class="none">No rooms yet</li>}
      </Section>
      {network.value?.capabilities.direct_messages && (
        <Section title="Direct messages" count={dms.size}>
          {some.dms.slice(0, MOST_SHOWN).map((dm) => (
            <Item
              key={dm.id}
              to={{ page: "dm", id: dm.id }}
              icon="agent"
              conversation={{ kind: "dm", id: dm.id }}
            >
              <span class="name">{dmName(dm)}</span>
            </Item>
          ))}
          {dms.size === 0 && <li class="none">None yet</li>}
          {mayBegin() && agents.size > 0 && (
            <li>
              <button
                type="button"
                class="item begin"
                onClick={() => {
                  switching.value = "peers";
                }}
              >
                <Icon name="send" />
                New message
              </button>
            </li>
          )}
        </Section>
      )}
      <Section title="Agents" count={agents.size}>
        {some.agents.slice(0, MOST_SHOWN).map((agent) => (
          <Item key={agent.id} to={{ page: "agent", id: agent.id }}>
            <Presence connected={agent.connected} />
            <span class="name">{agent.name ?? agent.id}</span>
          </Item>
        ))}
        {agents.size === 0 && <li class="none">None registered</li>}
      </Section>
    </>
  );
}

function EndpointLists() {
  const all = [...(endpoints.value?.values() ?? [])].sort((a, b) => a.name.localeCompare(b.name));
  return (
    <>
      {accounts.value.length > 0 && (
        <label class="account">
          Account
          <select value={account.value} onChange={(event) => void openAccount(event.currentTarget.value)}>
            {accounts.value.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      <Section title="Endpoints" count={all.length}>
        {all.map((endpoint) => (
          <Item key={endpoint.id} to={{ page: "endpoint", id: endpoint.id, tab: "overview" }}>
            <StateDot state={endpoint.state} />
            <span class="name">{endpoint.name}</span>
          </Item>
        ))}
        {endpoints.value?.size === 0 && <li class="none">None yet</li>}
      </Section>
    </>
  );
}

async function leave(): Promise<void> {
  await signOut();
  await Promise.all([enter(), enterControl()]);
}

/** What the account that is shown is called. */
const accountName = (): string =>
  accounts.value.find(({ id }) => id === account.value)?.name ?? account.value;

const LINES = {
  connecting: "Connecting…",
  open: "Live",
  lost: "Connection lost. Trying again…",
  refused: "Signed out",
} as const;

export function Navigation({ endpoints: showEndpoints, bare }: { endpoints: boolean; bare: boolean }) {
  const inside = access.value === "in";
  const anybody = inside || control.value === "in";
  const state = showEndpoints ? endpointLine.value : line.value;
  return (
    <nav id="navigation" aria-label="Console">
      <header>
        <a class="brand" href={address({ page: "home" })}>
          <strong>MoltGhost</strong>
          <span class="of clip-line">{showEndpoints ? accountName() : network.value?.name}</span>
          {(showEndpoints ? control.value === "in" : inside) && (
            <span class={`line ${state}`} role="status">
              {LINES[state]}
            </span>
          )}
        </a>
      </header>
      <div class="switch">
        <a href={address({ page: "home" })} aria-current={showEndpoints ? undefined : "true"}>
          Network
        </a>
        <a href={address({ page: "endpoints" })} aria-current={showEndpoints ? "true" : undefined}>
          Endpoints
        </a>
      </div>
      {anybody && (
        <button
          type="button"
          class="go-to"
          onClick={() => {
            switching.value = "all";
          }}
        >
          <Icon name="go" />
          Go to…
          <kbd>Ctrl K</kbd>
        </button>
      )}
      {!showEndpoints && inside && (
        <ul class="tools">
          <Item to={{ page: "search", words: "", room: "" }} icon="search">
            <span class="name">Search messages</span>
            <kbd>/</kbd>
          </Item>
          <Item to={{ page: "mentions" }} icon="at" count={sum(callCount.value)}>
            <span class="name">Mentions</span>
          </Item>
          <Item to={{ page: "events" }} icon="activity">
            <span class="name">Events</span>
          </Item>
        </ul>
      )}
      <div class="lists">
        {showEndpoints ? control.value === "in" && <EndpointLists /> : !bare && inside && <NetworkLists />}
      </div>
      <footer>
        <Appearance />
        <button
          type="button"
          class="quiet keys-button"
          title="Keys"
          onClick={() => {
            showingKeys.value = true;
          }}
        >
          <Icon name="keyboard" />
          <span class="sr">Keys</span>
        </button>
        {anybody && (
          <button type="button" class="quiet" onClick={() => void leave()}>
            <Icon name="out" />
            Sign out
          </button>
        )}
      </footer>
    </nav>
  );
}

// Going somewhere by its name: rooms, conversations, agents, endpoints, their keys and pages in one list that is narrowed
// by typing; or among one kind of them alone.

import { signal, useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import { accountKeys, needAccountKeys } from "../endpoints/account-keys.ts";
import { control, endpoints } from "../endpoints/state.ts";
import { dmName, privateWith } from "../network/names.ts";
import { access, directory } from "../network/state.ts";
import { go, type Place } from "../router.ts";
import { Dialog } from "./dialog.tsx";
import { Icon, type IconName } from "./icon.tsx";

/** Among what one goes somewhere; `peers`: agents, to speak to one in private. */
type Among = "all" | "peers" | "keys";

/** What is being asked for, if anything is. */
export const switching = signal<Among | null>(null);

const ASKED: Record<Among, { title: string; none: string }> = {
  all: { title: "Go to", none: "Nothing is called so." },
  peers: { title: "New message", none: "No agent is called so." },
  keys: { title: "Find a key", none: "No valid key of this account is called so." },
};

/** What may be typed, as far as the reader is signed in to it. */
function hint(among: Among): string {
  switch (among) {
    case "peers":
      return "To which agent?";
    case "keys":
      return "The name of a key";
    default:
      return [
        ...(access.value === "in" ? ["room", "agent"] : []),
        ...(control.value === "in" ? ["endpoint", "key by its name"] : []),
        ...(access.value === "in" ? ["words"] : []),
      ]
        .join(", ")
        .replace(/^./, (first) => first.toUpperCase());
  }
}

interface Goal {
  key: string;
  name: string;
  kind: string;
  icon: IconName;
  to: Place;
}

const MOST_SHOWN = 9;

const goal = (kind: string, id: string, name: string, icon: IconName, to: Place): Goal => ({
  key: `${kind} ${id}`,
  name,
  kind,
  icon,
  to,
});

/** The keys, each leading to where it is rotated and revoked. */
const keyGoals = (): Goal[] =>
  accountKeys.value.map(({ id, name, agent }) =>
    goal(`Key of ${endpoints.value?.get(agent)?.name ?? agent}`, id, name, "key", {
      page: "endpoint",
      id: agent,
      tab: "keys",
    }),
  );

const peerGoals = (): Goal[] =>
  [...directory.value.agents.values()].flatMap(({ id, name }) => {
    const to = privateWith(id);
    return to === undefined ? [] : [goal("Agent", id, name ?? id, "agent", to)];
  });

function goals(among: Among): Goal[] {
  if (among !== "all") {
    return among === "keys" ? keyGoals() : peerGoals();
  }
  const { rooms, dms, agents } = directory.value;
  const inNetwork = access.value === "in";
  return [
    ...[...rooms.values()].map(({ id, name, visibility }) =>
      goal("Room", id, name, visibility === "public" ? "hash" : "lock", { page: "room", id }),
    ),
    ...[...dms.values()].map((dm) => goal("Direct", dm.id, dmName(dm), "send", { page: "dm", id: dm.id })),
    ...[...agents.values()].map(({ id, name }) =>
      goal("Agent", id, name ?? id, "agent", { page: "agent", id }),
    ),
    ...[...(endpoints.value?.values() ?? [])].map(({ id, name }) =>
      goal("Endpoint", id, name, "server", { page: "endpoint", id, tab: "overview" }),
    ),
    ...keyGoals(),
    ...(inNetwork
      ? [
          goal("Page", "mentions", "Mentions", "at", { page: "mentions" }),
          goal("Page", "events", "Events", "activity", { page: "events" }),
          goal("Page", "home", "Network", "hash", { page: "home" }),
        ]
      : []),
    goal("Page", "endpoints", "Endpoints", "server", { page: "endpoints" }),
  ];
}

/** Names that begin with the words first, then those in which a word begins with them, then those that hold them. */
function rank({ name, key }: Goal, words: string): number {
  const text = name.toLowerCase();
  if (text.startsWith(words)) {
    return 0;
  }
  if (text.split(/[^\p{L}\p{N}]+/u).some((word) => word.startsWith(words))) {
    return 1;
  }
  return text.includes(words) || key.toLowerCase().includes(words) ? 2 : 3;
}

function matching(among: Among, text: string): Goal[] {
  const words = text.trim().toLowerCase();
  const found = goals(among)
    .map((goal) => ({ goal, at: rank(goal, words) }))
    .filter(({ at }) => at < 3)
    .sort((a, b) => a.at - b.at)
    .map(({ goal }) => goal)
    .slice(0, MOST_SHOWN);
  const search: Goal = {
    key: "search",
    name: words === "" ? "Search messages" : `Search messages for “${text.trim()}”`,
    kind: "Search",
    icon: "search",
    to: { page: "search", words: text.trim(), room: "" },
  };
  return access.value === "in" && among === "all" ? [...found, search] : found;
}

function List({ among }: { among: Among }) {
  const text = useSignal("");
  const chosen = useSignal(0);
  const field = useRef<HTMLInputElement>(null);
  const list = useId();
  const found = matching(among, text.value);
  const at = Math.min(chosen.value, Math.max(0, found.length - 1));
  useEffect(() => {
    field.current?.focus();
    if (among !== "peers") {
      void needAccountKeys();
    }
  }, [among]);
  const take = (goal: Goal | undefined) => {
    if (goal !== undefined) {
      switching.value = null;
      go(goal.to);
    }
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const { length } = found;
      chosen.value = length === 0 ? 0 : (at + (event.key === "ArrowDown" ? 1 : length - 1)) % length;
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      take(found[at]);
    }
  };
  return (
    <>
      <input
        ref={field}
        type="text"
        // biome-ignore lint/a11y/noRedundantRoles: it has no list of the browser's own.
        role="combobox"
        list={undefined}
        aria-label="Where to"
        aria-expanded={found.length > 0}
        aria-controls={list}
        aria-activedescendant={found.length > 0 ? `${list}-${String(at)}` : undefined}
        placeholder={hint(among)}
        autocomplete="off"
        spellcheck={false}
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          chosen.value = 0;
        }}
        onKeyDown={onKey}
      />
      <div class="goals" id={list} role="listbox" aria-label="Places">
        {found.map((goal, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the field's, which keeps the focus.
          <div
            key={goal.key}
            id={`${list}-${String(index)}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            onClick={() => take(goal)}
          >
            <Icon name={goal.icon} />
            <span class="name">{goal.name}</span>
            <span class="muted">{goal.kind}</span>
          </div>
        ))}
        {found.length === 0 && <p class="muted none">{ASKED[among].none}</p>}
      </div>
    </>
  );
}

export function Switcher() {
  const among = switching.value;
  return among === null ? null : (
    <Dialog
      title={ASKED[among].title}
      kind="switcher"
      onClose={() => {
        switching.value = null;
      }}
    >
      <List among={among} />
    </Dialog>
  );
}

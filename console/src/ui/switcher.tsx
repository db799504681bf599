// Going somewhere by its name: rooms, conversations, agents, endpoints and pages in one list that is narrowed by typing.

import { signal, useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import { endpoints } from "../endpoints/state.ts";
import { dmName } from "../network/names.ts";
import { access, directory } from "../network/state.ts";
import { go, type Place } from "../router.ts";
import { Dialog } from "./dialog.tsx";
import { Icon, type IconName } from "./icon.tsx";

export const switching = signal(false);

interface Goal {
  key: string;
  name: string;
  kind: string;
  icon: IconName;
  to: Place;
}

const MOST_SHOWN = 9;

function goals(): Goal[] {
  const { rooms, dms, agents } = directory.value;
  const goal = (kind: string, id: string, name: string, icon: IconName, to: Place): Goal => ({
    key: `${kind} ${id}`,
    name,
    kind,
    icon,
    to,
  });
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

function matching(text: string): Goal[] {
  const words = text.trim().toLowerCase();
  const found = goals()
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
  return access.value === "in" ? [...found, search] : found;
}

function List() {
  const text = useSignal("");
  const chosen = useSignal(0);
  const field = useRef<HTMLInputElement>(null);
  const list = useId();
  const found = matching(text.value);
  const at = Math.min(chosen.value, Math.max(0, found.length - 1));
  useEffect(() => field.current?.focus(), []);
  const take = (goal: Goal | undefined) => {
    if (goal !== undefined) {
      switching.value = false;
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
        placeholder="Room, agent, endpoint or words"
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
        {found.length === 0 && <p class="muted none">Nothing is called so.</p>}
      </div>
    </>
  );
}

export function Switcher() {
  return switching.value ? (
    <Dialog
      title="Go to"
      kind="switcher"
      onClose={() => {
        switching.value = false;
      }}
    >
      <List />
    </Dialog>
  ) : null;
}

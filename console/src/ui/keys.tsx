// The keys that work anywhere, and the page that lists them.

import { signal } from "@preact/signals";
import { go, menuOpen } from "../router.ts";
import { Dialog } from "./dialog.tsx";
import { switching } from "./switcher.tsx";

export const showingKeys = signal(false);

const KEYS: [string, string][] = [
  ["Ctrl K", "Go to a room, an agent, an endpoint, a page"],
  ["/", "Search messages"],
  ["w", "Write a message"],
  ["j", "The next message"],
  ["k", "The message before"],
  ["Escape", "Close what is open beside or above the page"],
  ["?", "This list"],
];

/** The field of what is in front: a thread's before its room's. */
function write(): boolean {
  const fields = [...document.querySelectorAll<HTMLElement>(".compose textarea")];
  const field = fields.findLast((one) => one.offsetParent !== null);
  field?.focus();
  return field !== undefined;
}

/** Puts the focus on the message after or before the one that has it; without one on the last that is in view. */
function step(by: 1 | -1): boolean {
  const panes = [...document.querySelectorAll<HTMLElement>(".scroll")];
  const pane =
    document.activeElement?.closest(".scroll") ?? panes.findLast((one) => one.offsetParent !== null);
  const all = [...(pane?.querySelectorAll<HTMLElement>("[data-message]") ?? [])];
  const here = all.findIndex((one) => one.contains(document.activeElement));
  const bottom = pane?.getBoundingClientRect().bottom ?? 0;
  const next =
    here >= 0 ? all[here + by] : all.findLast((one) => one.getBoundingClientRect().bottom <= bottom);
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
  return all.length > 0;
}

/** What a key does where nobody is typing; false where it means nothing here. */
function plain(key: string): boolean {
  switch (key) {
    case "/":
      go({ page: "search", words: "", room: "" });
      return true;
    case "?":
      showingKeys.value = true;
      return true;
    case "w":
      return write();
    case "j":
      return step(1);
    case "k":
      return step(-1);
    default:
      return false;
  }
}

/** Takes a key that nothing else took. */
export function onKey(event: KeyboardEvent): void {
  const { key } = event;
  const target = event.target as Element | null;
  const above = document.querySelector("dialog[open]") !== null;
  if (key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
    event.preventDefault();
    switching.value = above ? null : "all";
    return;
  }
  if (above || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) {
    return;
  }
  if (key === "Escape") {
    menuOpen.value = false;
    if (target?.matches(".compose textarea")) {
      (target as HTMLElement).blur();
    }
  } else if (target?.closest("input, textarea, select") == null && plain(key)) {
    event.preventDefault();
  }
}

export function KeyList() {
  const close = () => {
    showingKeys.value = false;
  };
  return showingKeys.value ? (
    <Dialog title="Keys" onClose={close}>
      <dl class="key-list">
        {KEYS.map(([key, does]) => (
          <>
            <dt>
              {key.split(" ").map((one) => (
                <kbd key={one}>{one}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </>
        ))}
      </dl>
      <div class="actions">
        <button type="button" class="primary" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  ) : null;
}

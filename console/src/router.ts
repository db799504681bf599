// Where the reader is: the address, parsed. Every place of the console has one, so that it can be linked to.

import { signal } from "@preact/signals";

export type Tab = "overview" | "keys" | "limits" | "playground";

export type Place =
  | { page: "home" }
  | { page: "room"; id: string; thread?: string; at?: string }
  | { page: "dm"; id: string; at?: string }
  | { page: "agent"; id: string }
  | { page: "events" }
  | { page: "search"; words: string; room: string }
  | { page: "endpoints" }
  | { page: "endpoint"; id: string; tab: Tab }
  | { page: "nowhere" };

const ROOT = "/console/";
const TABS: readonly Tab[] = ["overview", "keys", "limits", "playground"];

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Reads an address. */
export function parse(path: string, query: string): Place {
  const params = new URLSearchParams(query);
  const at = params.get("at");
  const also = at === null ? {} : { at };
  const segments = path
    .slice(ROOT.length)
    .split("/")
    .filter((one) => one !== "")
    .map(decoded);
  const [page, id, sub, subId] = segments;
  if (page === undefined) {
    return { page: "home" };
  }
  if (page === "room" && id !== undefined) {
    return sub === "thread" && subId !== undefined
      ? { page: "room", id, thread: subId, ...also }
      : { page: "room", id, ...also };
  }
  if (page === "dm" && id !== undefined) {
    return { page: "dm", id, ...also };
  }
  if (page === "agent" && id !== undefined) {
    return { page: "agent", id };
  }
  if (page === "events") {
    return { page: "events" };
  }
  if (page === "search") {
    return { page: "search", words: params.get("q") ?? "", room: params.get("room") ?? "" };
  }
  if (page === "endpoints") {
    const tab = TABS.find((one) => one === sub) ?? "overview";
    return id === undefined ? { page: "endpoints" } : { page: "endpoint", id, tab };
  }
  return { page: "nowhere" };
}

/** The address of a place. */
export function address(place: Place): string {
  const segment = encodeURIComponent;
  const at = (message: string | undefined) => (message === undefined ? "" : `?at=${segment(message)}`);
  switch (place.page) {
    case "room": {
      const thread = place.thread === undefined ? "" : `/thread/${segment(place.thread)}`;
      return `${ROOT}room/${segment(place.id)}${thread}${at(place.at)}`;
    }
    case "dm":
      return `${ROOT}dm/${segment(place.id)}${at(place.at)}`;
    case "agent":
      return `${ROOT}agent/${segment(place.id)}`;
    case "search": {
      const room = place.room === "" ? "" : `&room=${segment(place.room)}`;
      return `${ROOT}search?q=${segment(place.words)}${room}`;
    }
    case "events":
    case "endpoints":
      return ROOT + place.page;
    case "endpoint":
      return `${ROOT}endpoints/${segment(place.id)}${place.tab === "overview" ? "" : `/${place.tab}`}`;
    default:
      return ROOT;
  }
}

const here = (): Place => parse(location.pathname, location.search);

/** Where the reader is now. */
export const place = signal<Place>(here());
/** Whether the navigation is shown where there is room for one thing only. */
export const menuOpen = signal(false);

/** Goes to a place. */
export function go(to: Place, how: "push" | "replace" = "push"): void {
  const url = address(to);
  if (how === "push") {
    history.pushState(null, "", url);
  } else {
    history.replaceState(null, "", url);
  }
  place.value = here();
  menuOpen.value = false;
}

/** Follows the browser's own moves, and takes plain clicks on links of ours. */
export function follow(): void {
  addEventListener("popstate", () => {
    place.value = here();
  });
  addEventListener("click", (event) => {
    const link = (event.target as Element | null)?.closest?.("a");
    const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (!link || !plain || event.defaultPrevented || link.target !== "" || link.origin !== location.origin) {
      return;
    }
    if (link.pathname.startsWith(ROOT)) {
      event.preventDefault();
      go(parse(link.pathname, link.search));
    }
  });
}

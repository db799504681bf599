// Where the reader is: the address, parsed. Every place of the console has one, so that it can be linked to.

import { signal } from "@preact/signals";

export type Tab = "overview" | "keys" | "limits" | "playground";

/** What stands beside a room. */
export type Panel = "threads" | "members";

export type Place =
  | { page: "home" }
  /** `parent`: the message that a thread answers which is not there yet. */
  | { page: "room"; id: string; thread?: string; parent?: string; panel?: Panel; at?: string }
  /** `peer`: who else is in a conversation that is not there yet. */
  | { page: "dm"; id: string; peer?: string; at?: string }
  | { page: "agent"; id: string }
  | { page: "events" }
  | { page: "mentions" }
  | { page: "search"; words: string; room: string }
  | { page: "endpoints" }
  | { page: "endpoint"; id: string; tab: Tab }
  | { page: "nowhere" };

const ROOT = "/console/";
const TABS: readonly Tab[] = ["overview", "keys", "limits", "playground"];
const PANELS: readonly Panel[] = ["threads", "members"];

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
  /** A parameter, where it is there, as a member of its own name. */
  const given = <N extends string>(name: N) => {
    const value = params.get(name);
    return (value === null ? {} : { [name]: value }) as { [name in N]?: string };
  };
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
    const panel = PANELS.find((one) => one === sub);
    return sub === "thread" && subId !== undefined
      ? { page: "room", id, thread: subId, ...given("parent"), ...given("at") }
      : { page: "room", id, ...(panel !== undefined && { panel }), ...given("at") };
  }
  if (page === "dm" && id !== undefined) {
    return { page: "dm", id, ...given("peer"), ...given("at") };
  }
  if (page === "agent" && id !== undefined) {
    return { page: "agent", id };
  }
  if (page === "events" || page === "mentions") {
    return { page };
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
  const query = (params: Record<string, string | undefined>) => {
    const pairs = Object.entries(params).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${segment(value)}`],
    );
    return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
  };
  switch (place.page) {
    case "room": {
      const { id, thread, panel, parent, at } = place;
      const beside =
        thread !== undefined ? `/thread/${segment(thread)}` : panel === undefined ? "" : `/${panel}`;
      return `${ROOT}room/${segment(id)}${beside}${query({ parent, at })}`;
    }
    case "dm":
      return `${ROOT}dm/${segment(place.id)}${query({ peer: place.peer, at: place.at })}`;
    case "agent":
      return `${ROOT}agent/${segment(place.id)}`;
    case "search": {
      return `${ROOT}search${query({ q: place.words, room: place.room === "" ? undefined : place.room })}`;
    }
    case "events":
    case "mentions":
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

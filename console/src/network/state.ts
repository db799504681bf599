// The network as this page knows it: read once, then kept by one stream of events.
//
// Invariant: no event makes a list be read again. A list is read when the page opens and when the stream says that it
// left something out (`stream.replay_gap`), and then once.

import { batch, computed, signal } from "@preact/signals";
import { Refused, words } from "../api/call.ts";
import {
  type Conversation,
  keyOf,
  type Message,
  type Network,
  type NetworkEvent,
  OPERATOR,
  readAgents,
  readDms,
  readMessages,
  readNetwork,
  readRooms,
  readThreads,
  type Thread,
} from "../api/network.ts";
import { callsOperator } from "../conversation/excerpt.ts";
import { Timeline } from "../conversation/timeline.ts";
import { type Directory, EMPTY, placeOf, reduce } from "../live/directory.ts";
import { Line, type LineState } from "../live/line.ts";
import type { ServerEvent } from "../live/sse.ts";
import { countUnread, openUnread, readUpTo } from "./unread.ts";

/** `out`: the network asks for a token that this browser does not hold. */
export type Access = "unknown" | "in" | "out" | "failed";

export const access = signal<Access>("unknown");
export const accessProblem = signal("");
export const network = signal<Network | null>(null);
export const directory = signal<Directory>(EMPTY);
/** Parts of the directory by themselves: who reads one of them is not drawn anew whenever anything is said. */
export const rooms = computed(() => directory.value.rooms);
export const agents = computed(() => directory.value.agents);
export const threads = computed(() => directory.value.threads);
/** Threads by the message that they answer. */
export const threadsOf = computed(() => {
  const by = new Map<string, Thread[]>();
  for (const thread of threads.value.values()) {
    if (thread.parent_message_id !== undefined) {
      by.set(thread.parent_message_id, [...(by.get(thread.parent_message_id) ?? []), thread]);
    }
  }
  return by;
});
export const line = signal<LineState>("connecting");
/** What happened lately, newest first. */
export const recent = signal<readonly NetworkEvent[]>([]);
/** Rooms in which nothing was said when they were looked up. */
export const silent = signal<ReadonlySet<string>>(new Set());
/** Whether the newest messages of the first rooms were looked up: before, a list by their time has no order. */
export const lookedUp = signal(false);
/** Rooms whose threads were read: one that is not known there is new. */
export const threadsKnown = signal<ReadonlySet<string>>(new Set());
/** Messages that called on the operator since the page was opened, newest first. */
export const calls = signal<readonly Message[]>([]);
/** Keys of the conversations that are being looked at. */
export const looking = signal<ReadonlySet<string>>(new Set());

const MOST_RECENT = 500;
const MOST_CALLS = 200;
const MOST_TIMELINES = 12;
/** Of how many rooms the newest message is looked up, so that what came while the page was shut shows. */
const MOST_LOOKED_UP = 40;
const LOOKED_UP_TOGETHER = 10;

const timelines = new Map<string, Timeline>();
const threadsRead = new Set<string>();
let open: Line | undefined;
let early: NetworkEvent[] | undefined;

/** The timeline of a conversation; those that were not looked at for long are let go. */
export function timelineOf(conversation: Conversation): Timeline {
  const key = keyOf(conversation);
  const found = timelines.get(key) ?? new Timeline(conversation);
  timelines.delete(key);
  timelines.set(key, found);
  for (const old of [...timelines.keys()].slice(0, -MOST_TIMELINES)) {
    timelines.delete(old);
  }
  return found;
}

/** Reads the threads of a room, once. */
export async function needThreads(room: string): Promise<void> {
  if (threadsRead.has(room)) {
    return;
  }
  threadsRead.add(room);
  try {
    const found = await readThreads(room);
    const threads = new Map(directory.value.threads);
    for (const thread of found) {
      threads.set(thread.id, thread);
    }
    directory.value = { ...directory.value, threads };
  } catch {
    threadsRead.delete(room);
  } finally {
    threadsKnown.value = new Set([...threadsKnown.value, room]);
  }
}

/** Opens the network, if this browser may. */
export async function enter(): Promise<void> {
  leave();
  access.value = "unknown";
  try {
    network.value = await readNetwork();
  } catch (error) {
    const refused = error instanceof Refused && (error.status === 401 || error.status === 403);
    accessProblem.value = words(error);
    access.value = refused ? "out" : "failed";
    return;
  }
  openUnread(network.value.id);
  if (network.value.capabilities.event_stream === "sse") {
    listen();
  } else {
    await readLists();
  }
}

/** Lets everything go. */
export function leave(): void {
  open?.close();
  open = undefined;
  early = undefined;
  timelines.clear();
  threadsRead.clear();
  batch(() => {
    directory.value = EMPTY;
    recent.value = [];
    calls.value = [];
    silent.value = new Set();
    lookedUp.value = false;
    threadsKnown.value = new Set();
    network.value = null;
  });
}

/** The stream first, the lists then: what happens in between is kept and folded into them. */
function listen(): void {
  early = [];
  let begun = false;
  open = new Line({
    url: "/v1/events/stream",
    onState: (state) => {
      line.value = state;
      if (state === "open" && !begun) {
        begun = true;
        void readLists();
      }
    },
    onEvent: (event) => take(event),
    onRefused: () => {
      accessProblem.value = "The token that this page was opened with was revoked or has ended.";
      access.value = "out";
    },
  });
}

async function readLists(): Promise<void> {
  try {
    const dms = network.value?.capabilities.direct_messages ? readDms().catch(() => []) : [];
    const [rooms, agents, conversations] = await Promise.all([readRooms(), readAgents(), dms]);
    const by = <T extends { id: string }>(items: T[]) => new Map(items.map((item) => [item.id, item]));
    const held = early ?? [];
    early = undefined;
    batch(() => {
      directory.value = {
        ...directory.value,
        rooms: by(rooms),
        agents: by(agents),
        dms: by(conversations),
      };
      access.value = "in";
      for (const event of held) {
        apply(event);
      }
    });
    void lookUpNewest();
  } catch (error) {
    const refused = error instanceof Refused && (error.status === 401 || error.status === 403);
    accessProblem.value = words(error);
    access.value = refused ? "out" : "failed";
  }
}

/** The newest message of some rooms, all shown at once: a list by their time is not put in order again and again. */
async function lookUp(ids: readonly string[]): Promise<void> {
  const pages = await Promise.all(
    ids.map(async (id) => await readMessages({ kind: "room", id }, { limit: 1 }).catch(() => undefined)),
  );
  batch(() => {
    for (const [at, page] of pages.entries()) {
      const message = page?.messages?.[0];
      if (message !== undefined) {
        directory.value = reduce(directory.value, {
          id: "",
          type: "message.created",
          created_at: "",
          message,
        });
      } else if (page !== undefined) {
        silent.value = new Set([...silent.value, ids[at] ?? ""]);
      }
    }
  });
}

/** What came while the page was shut: the newest message of rooms, those that were read before first. */
async function lookUpNewest(): Promise<void> {
  const read = (id: string) => Number(readUpTo.value.has(`room:${id}`));
  const rooms = [...directory.value.rooms.keys()].sort((a, b) => read(b) - read(a)).slice(0, MOST_LOOKED_UP);
  for (let at = 0; at < rooms.length; at += LOOKED_UP_TOGETHER) {
    await lookUp(rooms.slice(at, at + LOOKED_UP_TOGETHER));
    lookedUp.value = true;
  }
  lookedUp.value = true;
}

function take({ data }: ServerEvent): void {
  const event = JSON.parse(data) as NetworkEvent;
  if (event.type === "stream.replay_gap") {
    early = [];
    void afterGap();
  } else if (early !== undefined) {
    early.push(event);
  } else {
    batch(() => apply(event));
  }
}

/** Something was left out: the lists once, and each timeline on from where it is. */
async function afterGap(): Promise<void> {
  threadsRead.clear();
  await readLists();
  for (const timeline of timelines.values()) {
    await timeline.resume();
  }
}

function apply(event: NetworkEvent): void {
  directory.value = reduce(directory.value, event);
  recent.value = [event, ...recent.value.slice(0, MOST_RECENT - 1)];
  if (event.message !== undefined) {
    said(event.message);
  }
}

function said(message: Message): void {
  const key = placeOf(message);
  timelines.get(key)?.add(message);
  const called = callsOperator(message);
  if (called) {
    calls.value = [message, ...calls.value.slice(0, MOST_CALLS - 1)];
  }
  const seen = looking.value.has(key) && document.visibilityState === "visible";
  if (!seen && message.from.id !== OPERATOR.id) {
    countUnread(key, message.target.room_id, called);
  }
}

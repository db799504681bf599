// What was read, of each conversation: kept in this browser, for each network apart.

import { signal } from "@preact/signals";

const MOST = 2_000;
let storage = "";

/** Conversation key → time of the newest message that was read. */
export const readUpTo = signal<ReadonlyMap<string, string>>(new Map());
/** Conversation key → how many came since, as far as this page saw them. */
export const unreadCount = signal<ReadonlyMap<string, number>>(new Map());
/** The same, of those that call on the operator. */
export const callCount = signal<ReadonlyMap<string, number>>(new Map());
/** The rooms in which threads stand, as far as something in them is unread. */
const roomOfThread = new Map<string, string>();

/** Takes up what was kept for a network. */
export function openUnread(network: string): void {
  storage = `console.read.${network}`;
  try {
    const kept = JSON.parse(localStorage.getItem(storage) ?? "[]") as [string, string][];
    readUpTo.value = new Map(kept);
  } catch {
    readUpTo.value = new Map();
  }
}

/** A conversation was read up to a time. */
export function markRead(key: string, at: string): void {
  forget(unreadCount, key);
  forget(callCount, key);
  const known = readUpTo.value.get(key);
  if (known !== undefined && Date.parse(known) >= Date.parse(at)) {
    return;
  }
  const next = new Map(readUpTo.value);
  // The newest last: the oldest are let go.
  next.delete(key);
  next.set(key, at);
  readUpTo.value = new Map([...next].slice(-MOST));
  try {
    localStorage.setItem(storage, JSON.stringify([...readUpTo.value]));
  } catch {
    // Kept as long as the page.
  }
}

/** Whether a message that called on the operator while the page was open has not been read. */
export function unreadCall(key: string, at: string): boolean {
  return callCount.value.has(key) && Date.parse(at) > Date.parse(readUpTo.value.get(key) ?? "1970-01-01");
}

type Counts = typeof unreadCount;

function forget(counts: Counts, key: string): void {
  if (counts.value.has(key)) {
    const rest = new Map(counts.value);
    rest.delete(key);
    counts.value = rest;
  }
}

const count = (counts: Counts, key: string) => {
  counts.value = new Map(counts.value).set(key, (counts.value.get(key) ?? 0) + 1);
};

/** A message came that is not being looked at; `room` is where it stands, also of one in a thread. */
export function countUnread(key: string, room: string | undefined, calls: boolean): void {
  if (room !== undefined && key.startsWith("thread:")) {
    roomOfThread.set(key, room);
  }
  count(unreadCount, key);
  if (calls) {
    count(callCount, key);
  }
}

/** How many are counted in the threads of a room. */
export function inThreads(counts: ReadonlyMap<string, number>, room: string): number {
  let sum = 0;
  for (const [key, many] of counts) {
    sum += roomOfThread.get(key) === room ? many : 0;
  }
  return sum;
}

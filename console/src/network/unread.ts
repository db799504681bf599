// What was read, of each conversation: kept in this browser, for each network apart.

import { signal } from "@preact/signals";

const MOST = 2_000;
let storage = "";

/** Conversation key → time of the newest message that was read. */
export const readUpTo = signal<ReadonlyMap<string, string>>(new Map());
/** Conversation key → how many came since, as far as this page saw them. */
export const unreadCount = signal<ReadonlyMap<string, number>>(new Map());

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
  if (unreadCount.value.has(key)) {
    const counts = new Map(unreadCount.value);
    counts.delete(key);
    unreadCount.value = counts;
  }
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

/** A message came that is not being looked at. */
export function countUnread(key: string): void {
  unreadCount.value = new Map(unreadCount.value).set(key, (unreadCount.value.get(key) ?? 0) + 1);
}

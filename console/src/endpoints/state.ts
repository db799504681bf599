// The endpoints of an account as this page knows them: read once, then kept by the account's stream of events.

import { batch, signal } from "@preact/signals";
import { Refused, words } from "../api/call.ts";
import {
  type AccountEvent,
  type Endpoint,
  readAccounts,
  readEndpoint,
  readEndpoints,
  readSession,
  type Session,
} from "../api/control.ts";
import { Line, type LineState } from "../live/line.ts";
import type { ServerEvent } from "../live/sse.ts";

export const session = signal<Session | null>(null);
/** `unknown` until the server was asked. */
export const control = signal<"unknown" | "in" | "out" | "failed">("unknown");
export const controlProblem = signal("");
export const accounts = signal<readonly { id: string; name: string }[]>([]);
export const account = signal("");
export const endpoints = signal<ReadonlyMap<string, Endpoint> | null>(null);
export const endpointLine = signal<LineState>("connecting");
/** What happened lately in the account, newest first. */
export const happened = signal<readonly AccountEvent[]>([]);
/** Counts up when a key of any endpoint changes: lists of keys that are shown follow it. */
export const keyChanges = signal(0);

const MOST_HAPPENED = 100;
const READ_SOON_MS = 200;
const KEPT_ACCOUNT = "console.account";
let line: Line | undefined;

/** What the signed-in token may do. */
export const may = {
  /** Start, pause, restart, keys, limits. */
  operate: (): boolean => session.value !== null && session.value.role !== "viewer",
  /** Terminate. */
  administer: (): boolean => session.value?.role === "admin" || session.value?.role === "deployment",
};

function out(error: unknown): void {
  const refused = error instanceof Refused && (error.status === 401 || error.status === 403);
  controlProblem.value = words(error);
  control.value = refused ? "out" : "failed";
}

/** Asks who is signed in, and opens the account. */
export async function enterControl(): Promise<void> {
  leaveControl();
  control.value = "unknown";
  try {
    session.value = await readSession();
    if (session.value.account === null) {
      accounts.value = await readAccounts();
      const kept = sessionStorage.getItem(KEPT_ACCOUNT);
      const known = accounts.value.find(({ id }) => id === kept) ?? accounts.value[0];
      control.value = "in";
      await openAccount(known?.id ?? "");
    } else {
      control.value = "in";
      await openAccount(session.value.account);
    }
  } catch (error) {
    out(error);
  }
}

/** Shows an account; the stream is opened first, so that nothing is missed. */
export async function openAccount(id: string): Promise<void> {
  line?.close();
  batch(() => {
    account.value = id;
    endpoints.value = id === "" ? new Map() : null;
    happened.value = [];
  });
  if (id === "") {
    return;
  }
  sessionStorage.setItem(KEPT_ACCOUNT, id);
  line = new Line({
    url: `/api/v1/events?account=${encodeURIComponent(id)}`,
    onState: (state) => {
      endpointLine.value = state;
    },
    onEvent: take,
    onRefused: () => {
      controlProblem.value = "The token that you signed in with was revoked or has ended.";
      control.value = "out";
    },
  });
  try {
    const found = await readEndpoints(id);
    endpoints.value = new Map(found.map((endpoint) => [endpoint.id, endpoint]));
  } catch (error) {
    out(error);
  }
}

/** How often each endpoint was put: what was asked for before is older. */
const kept = new Map<string, number>();

/** Puts an endpoint as an answer told it. */
export function keep(endpoint: Endpoint): void {
  kept.set(endpoint.id, (kept.get(endpoint.id) ?? 0) + 1);
  const next = new Map(endpoints.value ?? []);
  next.set(endpoint.id, endpoint);
  endpoints.value = next;
}

function take({ data, type }: ServerEvent): void {
  if (type === "stream.end") {
    return;
  }
  const event = JSON.parse(data) as AccountEvent;
  happened.value = [event, ...happened.value.slice(0, MOST_HAPPENED - 1)];
  if (type === "stream.gap") {
    void openAccount(account.value);
    return;
  }
  if (type.startsWith("key.")) {
    keyChanges.value += 1;
  }
  const { agent, state } = event;
  if (agent === undefined || (state === undefined && !type.startsWith("replica."))) {
    return;
  }
  const known = endpoints.value?.get(agent);
  if (known !== undefined && state !== undefined) {
    // An address is in use as long as the endpoint runs; what a tunnel has says an event of its own.
    const links = known.links.map((link) =>
      link.type === "http" ? { ...link, up: state === "running" } : link,
    );
    keep({ ...known, state, links, reason: event.reason ?? null, since: event.created_at ?? known.since });
  }
  // What hangs on it (links, what to do next), and one that was made since: its document is read, the list is not.
  readSoon(agent);
}

const soon = new Set<string>();

/** Reads an endpoint anew; once for all that happened to it at once. */
export function readSoon(agent: string): void {
  if (soon.has(agent)) {
    return;
  }
  soon.add(agent);
  setTimeout(() => {
    soon.delete(agent);
    const before = kept.get(agent);
    void readEndpoint(agent).then(
      (found) => (kept.get(agent) === before ? keep(found) : readSoon(agent)),
      () => undefined,
    );
  }, READ_SOON_MS);
}

export function leaveControl(): void {
  line?.close();
  line = undefined;
  batch(() => {
    session.value = null;
    endpoints.value = null;
    accounts.value = [];
    account.value = "";
  });
}

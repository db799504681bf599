// The network's API as the console uses it (moltnet.md §2, §3).

import { call } from "./call.ts";

export interface Network {
  id: string;
  name: string;
  version: string;
  capabilities: {
    event_stream?: string;
    public_read: boolean;
    human_ingress: boolean;
    direct_messages: boolean;
  };
  console?: { can_send_human: boolean };
  warnings?: Warning[];
}

export interface Warning {
  severity: string;
  code: string;
  message: string;
  action?: string;
}

export interface Room {
  id: string;
  name: string;
  members?: string[];
  visibility: "private" | "public";
  write_policy: "members" | "registered_agents" | "operators";
  access?: { can_read: boolean; can_write: boolean };
  created_at: string;
}

export interface Thread {
  id: string;
  room_id: string;
  parent_message_id?: string;
  message_count: number;
  last_message_at: string;
}

export interface Dm {
  id: string;
  participant_ids?: string[];
  message_count: number;
  last_message_at: string;
}

export interface Agent {
  id: string;
  name?: string;
  fqid?: string;
  rooms?: string[];
  connected: boolean;
}

export interface Target {
  kind: "room" | "thread" | "dm";
  room_id?: string;
  thread_id?: string;
  parent_message_id?: string;
  dm_id?: string;
  participant_ids?: string[];
}

export interface Part {
  kind: string;
  text?: string;
  media_type?: string;
  url?: string;
  filename?: string;
  data?: Record<string, unknown>;
}

export interface Message {
  id: string;
  target: Target;
  from: { type: string; id: string; name?: string; network_id?: string; fqid?: string };
  parts: Part[];
  mentions?: string[];
  created_at: string;
}

/** An event of the stream (§8.1). */
export interface NetworkEvent {
  id: string;
  type: string;
  created_at: string;
  message?: Message;
  room?: Room;
  thread?: Thread;
  dm?: Dm;
  agent?: { agent_id: string; fqid?: string; name?: string; reason?: string };
}

export interface MessagePage {
  messages: Message[] | null;
  page: { has_more: boolean; next_before?: string; next_after?: string };
}

/** Most pages of a list that are read: 10,000 items. */
const MOST_PAGES = 20;

async function all<T>(path: string, name: string): Promise<T[]> {
  const items: T[] = [];
  let after = "";
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await call<Record<string, T[] | null> & { page: { next_after?: string } }>(
      `${path}?limit=500${after}`,
    );
    items.push(...(answer[name] ?? []));
    if (answer.page.next_after === undefined) {
      break;
    }
    after = `&after=${encodeURIComponent(answer.page.next_after)}`;
  }
  return items;
}

export const readNetwork = (): Promise<Network> => call("/v1/network");
export const readRooms = (): Promise<Room[]> => all("/v1/rooms", "rooms");
export const readRoom = (id: string): Promise<Room> => call(`/v1/rooms/${encodeURIComponent(id)}`);
export const readAgents = (): Promise<Agent[]> => all("/v1/agents", "agents");
export const readDms = (): Promise<Dm[]> => all("/v1/dms", "dms");
export const readThreads = (room: string): Promise<Thread[]> =>
  all(`/v1/rooms/${encodeURIComponent(room)}/threads`, "threads");
export const readThread = (id: string): Promise<Thread> => call(`/v1/threads/${encodeURIComponent(id)}`);

/** Which conversation a page of messages is of. */
export interface Conversation {
  kind: "room" | "thread" | "dm";
  id: string;
}

/** One name for a conversation, wherever it is a key. */
export const keyOf = ({ kind, id }: Conversation): string => `${kind}:${id}`;

export interface Cut {
  before?: string;
  after?: string;
  limit: number;
}

/** A page of messages, oldest first; without a cursor the newest. */
export function readMessages({ kind, id }: Conversation, cut: Cut): Promise<MessagePage> {
  const query = new URLSearchParams({ limit: String(cut.limit) });
  if (cut.before !== undefined) {
    query.set("before", cut.before);
  }
  if (cut.after !== undefined) {
    query.set("after", cut.after);
  }
  return call(`/v1/${kind}s/${encodeURIComponent(id)}/messages?${query}`);
}

/** Who speaks from the console. */
export const OPERATOR = { type: "human", id: "operator", name: "Operator" } as const;

/** Sends a text. The message's id is the sender's: sending again after a lost answer stores nothing twice. */
export function sendText(id: string, target: Target, text: string, mentions: string[]): Promise<unknown> {
  return call("/v1/messages", {
    method: "POST",
    body: {
      id,
      target,
      from: OPERATOR,
      parts: [{ kind: "text", text }],
      ...(mentions.length > 0 && { mentions }),
    },
  });
}

/** Searches what was said; see the operator's guide for the words that a search takes. */
export function search(words: string, room: string, before: string): Promise<MessagePage> {
  const query = new URLSearchParams({ q: words, limit: "20" });
  if (room !== "") {
    query.set("room_id", room);
  }
  if (before !== "") {
    query.set("before", before);
  }
  return call(`/v1/search?${query}`);
}

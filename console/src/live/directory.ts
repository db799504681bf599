// What the network holds, kept true by its events alone: a list is read once, and then folded.
//
// Invariant: `reduce` is pure and idempotent, and fold(events) over an older snapshot gives the newer one; so an event
// that is in the snapshot already, or comes twice, changes nothing.

import type { Agent, Dm, Message, NetworkEvent, Room, Thread } from "../api/network.ts";
import { excerpt } from "../conversation/excerpt.ts";

/** The newest message of a conversation. */
export interface Newest {
  id: string;
  at: string;
  from: string;
  /** Who said it, as people read it. */
  name: string;
  text: string;
}

const EXCERPT = 160;

export interface Directory {
  rooms: ReadonlyMap<string, Room>;
  dms: ReadonlyMap<string, Dm>;
  agents: ReadonlyMap<string, Agent>;
  /** Of rooms whose threads were read. */
  threads: ReadonlyMap<string, Thread>;
  /** By conversation key. */
  newest: ReadonlyMap<string, Newest>;
}

export const EMPTY: Directory = {
  rooms: new Map(),
  dms: new Map(),
  agents: new Map(),
  threads: new Map(),
  newest: new Map(),
};

function put<T>(map: ReadonlyMap<string, T>, key: string, value: T): ReadonlyMap<string, T> {
  return new Map(map).set(key, value);
}

function without<T>(map: ReadonlyMap<string, T>, key: string): ReadonlyMap<string, T> {
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}

/** Which conversation a message stands in, as a key. */
export function placeOf({ target }: Message): string {
  if (target.kind === "thread") {
    return `thread:${target.thread_id ?? ""}`;
  }
  return target.kind === "dm" ? `dm:${target.dm_id ?? ""}` : `room:${target.room_id ?? ""}`;
}

interface Counted {
  message_count: number;
  last_message_at: string;
}

function counted<T extends Counted>(map: ReadonlyMap<string, T>, id: string | undefined, at: string) {
  const found = id === undefined ? undefined : map.get(id);
  if (id === undefined || found === undefined || Date.parse(at) <= Date.parse(found.last_message_at)) {
    return map;
  }
  return put(map, id, { ...found, message_count: found.message_count + 1, last_message_at: at });
}

function said(directory: Directory, message: Message): Directory {
  const key = placeOf(message);
  const at = message.created_at;
  const known = directory.newest.get(key);
  const newest =
    known !== undefined && Date.parse(known.at) >= Date.parse(at)
      ? directory.newest
      : put(directory.newest, key, {
          id: message.id,
          at,
          from: message.from.id,
          name: message.from.name ?? message.from.id,
          text: excerpt(message, EXCERPT),
        });
  const { target } = message;
  return {
    ...directory,
    newest,
    threads: target.kind === "thread" ? counted(directory.threads, target.thread_id, at) : directory.threads,
    dms: target.kind === "dm" ? counted(directory.dms, target.dm_id, at) : directory.dms,
  };
}

function connected(directory: Directory, event: NetworkEvent, is: boolean): Directory {
  const { agent } = event;
  if (agent === undefined) {
    return directory;
  }
  const known: Agent = directory.agents.get(agent.agent_id) ?? {
    id: agent.agent_id,
    connected: is,
    rooms: [...directory.rooms.values()].filter((r) => r.members?.includes(agent.agent_id)).map((r) => r.id),
    ...(agent.name !== undefined && { name: agent.name }),
    ...(agent.fqid !== undefined && { fqid: agent.fqid }),
  };
  return { ...directory, agents: put(directory.agents, known.id, { ...known, connected: is }) };
}

/** A room as an event tells it, which leaves out what the reader may do there. */
function roomed(directory: Directory, room: Room): Directory {
  const access = room.access ?? directory.rooms.get(room.id)?.access;
  const now = access === undefined ? room : { ...room, access };
  const agents = new Map(directory.agents);
  for (const [id, agent] of agents) {
    const has = agent.rooms?.includes(room.id) ?? false;
    const member = room.members?.includes(id) ?? false;
    if (has !== member) {
      const rooms = (agent.rooms ?? []).filter((one) => one !== room.id);
      agents.set(id, { ...agent, rooms: member ? [...rooms, room.id].sort() : rooms });
    }
  }
  return { ...directory, agents, rooms: put(directory.rooms, room.id, now) };
}

/** The directory after an event. */
export function reduce(directory: Directory, event: NetworkEvent): Directory {
  switch (event.type) {
    case "message.created":
      return event.message === undefined ? directory : said(directory, event.message);
    case "thread.created":
      return event.thread === undefined || directory.threads.has(event.thread.id)
        ? directory
        : { ...directory, threads: put(directory.threads, event.thread.id, event.thread) };
    case "dm.created":
      return event.dm === undefined || directory.dms.has(event.dm.id)
        ? directory
        : { ...directory, dms: put(directory.dms, event.dm.id, event.dm) };
    case "room.created":
    case "room.members.updated":
      return event.room === undefined ? directory : roomed(directory, event.room);
    case "room.removed":
      return event.room === undefined
        ? directory
        : {
            ...roomed(directory, { ...event.room, members: [] }),
            rooms: without(directory.rooms, event.room.id),
          };
    case "agent.connected":
      return connected(directory, event, true);
    case "agent.disconnected":
      return connected(directory, event, false);
    case "agent.removed":
      return event.agent === undefined
        ? directory
        : { ...directory, agents: without(directory.agents, event.agent.agent_id) };
    default:
      return directory;
  }
}

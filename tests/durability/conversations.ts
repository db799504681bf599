// A conversation's object, asked as the Worker asks it.

import type { RunningWorker } from "../harness/index.ts";

export interface Stored {
  id: string;
  created_at: string;
}

type Outcome<T> = { Ok: T } | { Err: { status: number; message: string } };

/** What an object answered, or its refusal as an error. */
export function settled<T>(outcome: unknown): T {
  const known = outcome as Outcome<T>;
  if ("Ok" in known) {
    return known.Ok;
  }
  throw new Error(`${known.Err.status}: ${known.Err.message}`);
}

/** Room `general` of the network `home`. */
export const ROOM = "room:home:general";

const CALLER = { unauthenticated: true, scopes: 0, agent: null, principal: "anonymous" };

export function open(worker: RunningWorker): Promise<unknown> {
  const conversation = { kind: "room", network: "home", id: "general" };
  const state = { version: 1, name: "General", members: ["alpha"] };
  return worker.message("ROOM", ROOM, { Open: { conversation, created_at: 1, state } });
}

/** Posts a message; resolves once it is acknowledged. */
export async function post(worker: RunningWorker, id: string, text: string): Promise<void> {
  const message = {
    id,
    origin: { network_id: "home", message_id: id },
    target: { kind: "room", room_id: "general" },
    from: { type: "agent", id: "alpha", network_id: "home", fqid: "molt://home/agents/alpha" },
    parts: [{ kind: "text", text }],
  };
  const answer = await worker.message("ROOM", ROOM, { Post: { posts: [{ caller: CALLER, message }] } });
  const [own] = settled<unknown[]>(answer);
  settled(own);
}

/** Every message of the room, the oldest first. */
export async function history(worker: RunningWorker): Promise<Stored[]> {
  let all: Stored[] = [];
  let before: string | undefined;
  do {
    const page = { limit: 500, ...(before === undefined ? {} : { before }) };
    const answer = await worker.message("ROOM", ROOM, { Messages: { page } });
    const found = settled<{ messages: Stored[]; page: { next_before?: string } }>(answer);
    all = [...found.messages, ...all];
    before = found.page.next_before;
  } while (before !== undefined);
  return all;
}

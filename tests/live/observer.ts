// An observer of `GET /v1/events/stream`, of whichever server. What ours sends is judged by the contract as it comes.
//
// Invariant: what came stays in `events`, in order, until it is closed; a wait names what was waited for.

import assert from "node:assert/strict";
import { until } from "../harness/index.ts";
import { checkedFetch } from "../harness/openapi.ts";
import type { Server } from "../network/server.ts";
import { TOKENS, type TokenName, tokenValue } from "../network/setup.ts";

/** An event as clients read it. */
export interface NetworkEvent {
  id: string;
  type: string;
  network_id: string;
  created_at: string;
  message?: { id: string; created_at: string; target: { kind: string; room_id?: string; dm_id?: string } };
  room?: { id: string; members?: string[]; visibility: string; created_at: string };
  thread?: { id: string; message_count: number };
  dm?: { id: string; participant_ids?: string[]; message_count: number };
  agent?: { agent_id: string; reason?: string; fqid?: string; message_id?: string; error?: string };
  replay_gap?: { requested_event_id?: string; oldest_event_id?: string; newest_event_id?: string };
}

export interface Observing {
  /** A static token by its name, any other token as it is sent, or `null` for none. Default: the operator's. */
  as?: TokenName | (string & {}) | null;
  after?: string | undefined;
  /** Sends the cursor in the query. */
  inQuery?: boolean;
  headers?: Record<string, string>;
}

/** An open stream. */
export class Observer {
  readonly events: NetworkEvent[] = [];
  readonly comments: string[] = [];
  readonly headers: Headers;
  ended = false;
  failure: unknown;
  readonly #abort: AbortController;

  constructor(response: Response, abort: AbortController) {
    this.#abort = abort;
    this.headers = response.headers;
    assert.ok(response.body !== null);
    this.#read(response.body).catch((error) => {
      this.failure = error;
      this.ended = true;
    });
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of body) {
      const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
      rest = parts.pop() ?? "";
      for (const part of parts) {
        if (part.startsWith(":")) {
          this.comments.push(part);
        } else {
          this.events.push(parse(part));
        }
      }
    }
    this.ended = true;
  }

  /** Id of the newest event. */
  get last(): string {
    return this.events.at(-1)?.id ?? assert.fail("no event has come");
  }

  /** Ids of the messages that came. */
  get messages(): string[] {
    return this.events.flatMap(({ message }) => (message === undefined ? [] : [message.id]));
  }

  /** Types of the events about this room, thread, direct conversation or agent. */
  about(id: string): string[] {
    const names = (event: NetworkEvent) =>
      [
        event.room?.id,
        event.thread?.id,
        event.dm?.id,
        event.agent?.agent_id,
        event.message?.target.room_id,
        event.message?.target.dm_id,
      ].includes(id);
    return this.events.filter(names).map(({ type }) => type);
  }

  /** Waits until an event is there. */
  saw(what: string, test: (event: NetworkEvent) => boolean): Promise<NetworkEvent> {
    return until(what, () => {
      if (this.failure instanceof assert.AssertionError) {
        throw this.failure;
      }
      return this.events.find(test);
    });
  }

  /** Waits until a message is there. */
  sawMessage(id: string): Promise<NetworkEvent> {
    return this.saw(`the message ${id}`, ({ message }) => message?.id === id);
  }

  close(): void {
    this.#abort.abort();
  }
}

function parse(part: string): NetworkEvent {
  const lines = part.split("\n");
  assert.deepEqual(
    lines.map((line) => line.split(": ", 1)[0]),
    ["id", "event", "data"],
    part,
  );
  const [id, type, data] = lines.map((line) => line.slice(line.indexOf(": ") + 2));
  const event = JSON.parse(data ?? "") as NetworkEvent;
  assert.deepEqual([event.id, event.type], [id, type]);
  return event;
}

/** Asks for a stream. */
export async function request(server: Server, observing: Observing, signal: AbortSignal): Promise<Response> {
  const { as = "operator", after, inQuery, headers: more } = observing;
  const url = new URL("/v1/events/stream", server.url);
  const headers: Record<string, string> = { ...more };
  if (as !== null && server.mode !== "none") {
    headers.authorization = `Bearer ${as in TOKENS ? tokenValue(as as TokenName) : as}`;
  }
  if (after !== undefined && inQuery) {
    url.searchParams.set("last_event_id", after);
  } else if (after !== undefined) {
    headers["last-event-id"] = after;
  }
  const ask = server.target === "ours" ? checkedFetch : fetch;
  return await ask(url, { headers, signal });
}

/** Opens a stream and waits until it is open. */
export async function observe(server: Server, observing: Observing = {}): Promise<Observer> {
  const abort = new AbortController();
  const response = await request(server, observing, abort.signal);
  assert.equal(response.status, 200, response.status === 200 ? "" : await response.text());
  const observer = new Observer(response, abort);
  await until("the stream to open", () => observer.comments.length > 0);
  return observer;
}

/** The answer to a request that is refused: its status and its code. */
export async function refusal(server: Server, observing: Observing): Promise<[number, string]> {
  const abort = new AbortController();
  const response = await request(server, observing, abort.signal);
  assert.notEqual(response.status, 200);
  const { code } = (await response.json()) as { code: string };
  return [response.status, code];
}

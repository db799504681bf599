// A reader of `GET /events`, whose answer and events are judged by the contract as they come.
//
// Invariant: what came stays in `events`, in order; a wait for an event names what was waited for.

import assert from "node:assert/strict";
import { checkedFetch } from "../harness/openapi.ts";
import { until } from "../harness/until.ts";
import { OPERATOR_TOKEN } from "../harness/worker.ts";

/** One event as its reader sees it. */
export interface SeenEvent {
  id: string | null;
  event: string;
  data: Record<string, unknown>;
}

export interface WatchOptions {
  account?: string;
  token?: string;
  after?: string;
  /** Sends the cursor in the query, as a browser's first request would. */
  inQuery?: boolean;
}

/** A stream that is open. */
export class Watcher {
  readonly events: SeenEvent[] = [];
  comments = 0;
  ended = false;
  readonly #abort: AbortController;

  constructor(response: Response, abort: AbortController) {
    this.#abort = abort;
    assert.ok(response.body !== null);
    this.#read(response.body).catch(() => {
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
          this.comments += 1;
        } else {
          this.events.push(parse(part));
        }
      }
    }
    this.ended = true;
  }

  /** Id of the newest event. */
  get last(): string {
    return this.events.findLast(({ id }) => id !== null)?.id ?? assert.fail("no event has come");
  }

  /** What of an agent has come: the states, or the names of keys. */
  of(agent: string): string[] {
    return this.events
      .filter(({ data }) => data.agent === agent)
      .map(({ event, data }) =>
        event === "agent.state" ? String(data.state) : `${event} ${(data.key as { name: string }).name}`,
      );
  }

  /** Waits until an event is there. */
  saw(what: string, test: (event: SeenEvent) => boolean): Promise<SeenEvent> {
    return until(what, () => this.events.find(test));
  }

  close(): void {
    this.#abort.abort();
  }
}

function parse(part: string): SeenEvent {
  const field = (name: string) =>
    part
      .split("\n")
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2);
  const data = JSON.parse(field("data") ?? assert.fail(`no data: ${part}`)) as Record<string, unknown>;
  const [id, event] = [field("id") ?? null, field("event") ?? assert.fail(`no type: ${part}`)];
  assert.equal(id, data.id ?? null);
  assert.ok(event === data.type || event === "stream.end", part);
  return { id, event, data };
}

function request(url: string, { account, token, after, inQuery }: WatchOptions, signal: AbortSignal) {
  const asked = new URL("/api/v1/events", url);
  if (account !== undefined) {
    asked.searchParams.set("account", account);
  }
  if (after !== undefined && inQuery) {
    asked.searchParams.set("last_event_id", after);
  }
  const headers: Record<string, string> = { authorization: `Bearer ${token ?? OPERATOR_TOKEN}` };
  if (after !== undefined && !inQuery) {
    headers["last-event-id"] = after;
  }
  return checkedFetch(asked, { headers, signal });
}

/** Opens a stream and waits until it is open. */
export async function watch(url: string, options: WatchOptions): Promise<Watcher> {
  const abort = new AbortController();
  const response = await request(url, options, abort.signal);
  assert.equal(response.status, 200, response.status === 200 ? "" : await response.text());
  const watcher = new Watcher(response, abort);
  await until("the stream to open", () => watcher.comments > 0 || watcher.events.length > 0);
  return watcher;
}

/** The answer to a request that is refused. */
export async function refusal(url: string, options: WatchOptions) {
  const response = await request(url, options, new AbortController().signal);
  const { error } = (await response.json()) as { error: { code: string; param: string | null } };
  return { status: response.status, code: error.code, param: error.param };
}

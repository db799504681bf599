// One network under test, whichever server serves it: asks it, and makes rooms, agents and messages in it.
//
// Invariant: what a test makes has a name of its own, so that all tests of a setup share one server.

import assert from "node:assert/strict";
import {
  type Answer,
  ask,
  type RequestOptions,
  type RunningWorker,
  type WorkerOptions,
} from "../harness/index.ts";
import { expectDocumented } from "../harness/openapi.ts";
import { uniqueName } from "../harness/tenant.ts";
import type { Difference } from "./differences.ts";
import { type Running, startOriginal } from "./original.ts";
import { startOurs } from "./ours.ts";
import { NETWORK_ID, type Setup, TOKENS, type TokenName, tokenValue } from "./setup.ts";

export type Target = "original" | "ours";

export interface Asking extends RequestOptions {
  /** A static token by its name, any other token as it is sent, or `null` for none. Default: the operator's. */
  as?: TokenName | (string & {}) | null;
}

/** What a test sends; the rest is filled in. */
export interface Sending {
  id?: string;
  room?: string;
  target?: Record<string, unknown>;
  from?: Record<string, unknown> | string;
  text?: string;
  parts?: unknown;
  mentions?: string[];
  origin?: { network_id?: string; message_id?: string };
}

export interface Accepted {
  message_id: string;
  event_id: string;
  accepted: boolean;
  thread_created: boolean;
  dm_created: boolean;
}

export interface Registration {
  network_id: string;
  agent_id: string;
  actor_uid: string;
  actor_uri: string;
  display_name?: string;
  agent_token?: string;
  created_at: string;
  updated_at: string;
}

/** How a server is started with a setup. */
type Start = (setup: Setup) => Promise<Running & { worker?: RunningWorker }>;

/** A served network. */
export class Server {
  readonly target: Target;
  setup: Setup;
  readonly #start: Start;
  #running: Awaited<ReturnType<Start>> | undefined;

  /** Of the options the original knows `persist` alone. Ours may be started in another way than as a Worker alone. */
  constructor(target: Target, setup: Setup, options: WorkerOptions = {}, start?: Start) {
    this.target = target;
    this.setup = setup;
    const usual: Start = (wanted) =>
      target === "original" ? startOriginal(wanted, options.persist) : startOurs(wanted, options);
    this.#start = start ?? usual;
  }

  get mode(): Setup["mode"] {
    return this.setup.mode;
  }

  /** Whether anybody reads public rooms. */
  get publicRead(): boolean {
    return this.mode === "open" || this.setup.publicRead === true;
  }

  get url(): string {
    assert.ok(this.#running, "the server has not been started");
    return this.#running.url;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Our Worker itself, where it is the one under test. */
  get worker(): RunningWorker {
    assert.ok(this.#running?.worker, "this server is not ours");
    return this.#running.worker;
  }

  async start(): Promise<void> {
    this.#running = await this.#start(this.setup);
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
  }

  /** Ends the server and starts it with another setup; with `persist` on the same data. */
  async restart(setup: Setup): Promise<void> {
    await this.stop();
    this.setup = setup;
    await this.start();
  }

  /** What this server does where the two differ. */
  differs<T>(_difference: Difference, original: T, ours: T): T {
    return this.target === "original" ? original : ours;
  }

  /** Any request. What ours answers is judged by the contract, too. */
  async ask(path: string, asking: Asking = {}): Promise<Answer> {
    const { as, ...options } = asking;
    const headers = { ...options.headers };
    const name = as === undefined ? "operator" : as;
    if (name !== null && this.mode !== "none" && headers.authorization === undefined) {
      headers.authorization = `Bearer ${name in TOKENS ? tokenValue(name as TokenName) : name}`;
    }
    const url = new URL(path, this.url);
    const answer = await ask(url, { ...options, headers });
    if (this.target === "ours") {
      const method =
        options.method ?? (options.body === undefined && options.json === undefined ? "GET" : "POST");
      const { status, headers: received, bytes: body } = answer;
      expectDocumented({ method, url, host: options.host, status, headers: received, body });
    }
    return answer;
  }

  /** A request that must succeed with this status. */
  async ok<T>(status: number, path: string, asking: Asking = {}): Promise<T> {
    return ok<T>(await this.ask(path, asking), status);
  }

  /** A new room; its id. */
  async room(more: Record<string, unknown> = {}): Promise<string> {
    const id = uniqueName("room");
    await this.ok(201, "/v1/rooms", { json: { id, ...more } });
    return id;
  }

  /** A new agent, bound to the operator's token; its id. */
  async agent(prefix = "agent"): Promise<string> {
    const id = uniqueName(prefix);
    await this.register(id);
    return id;
  }

  /** Registers an agent with the operator's token, or another. */
  register(id: string, asking: Asking & { name?: string } = {}): Promise<Registration> {
    const { name, ...rest } = asking;
    const json = { requested_agent_id: id, ...(name === undefined ? {} : { name }) };
    return this.ok<Registration>(201, "/v1/agents/register", { ...rest, json });
  }

  /** The body of a message. */
  message(sending: Sending): Record<string, unknown> {
    const from = typeof sending.from === "string" ? { type: "agent", id: sending.from } : sending.from;
    return {
      ...(sending.id === undefined ? {} : { id: sending.id }),
      ...(sending.origin === undefined ? {} : { origin: sending.origin }),
      target: sending.target ?? { kind: "room", room_id: sending.room },
      from: from ?? { type: "human", id: "suite", name: "Suite" },
      parts: "parts" in sending ? sending.parts : [{ kind: "text", text: sending.text ?? "hello" }],
      ...(sending.mentions === undefined ? {} : { mentions: sending.mentions }),
    };
  }

  /** Posts a message; by default as a human with the operator's token, who may write anywhere. */
  post(sending: Sending, asking: Asking = {}): Promise<Answer> {
    return this.ask("/v1/messages", { ...asking, json: this.message(sending) });
  }

  /** Posts a message that must be accepted. */
  async send(sending: Sending, asking: Asking = {}): Promise<Accepted> {
    return ok<Accepted>(await this.post(sending, asking), 202);
  }

  /** Posts messages one after the other; their ids. */
  async sendMany(count: number, sending: Sending): Promise<string[]> {
    const ids: string[] = [];
    for (let index = 0; index < count; index += 1) {
      ids.push((await this.send({ ...sending, text: `message ${index}` })).message_id);
    }
    return ids;
  }

  /** The full name of a thing of this network. */
  fqid(kind: "rooms" | "threads" | "dms" | "agents" | "artifacts", id: string): string {
    return `molt://${NETWORK_ID}/${kind}/${id}`;
  }
}

/** The body of an answer with this status. */
export function ok<T>(answer: Answer, status = 200): T {
  assert.equal(answer.status, status, answer.text.slice(0, 500));
  return answer.json<T>();
}

const CODES: Record<number, string> = {
  400: "bad_request",
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  409: "conflict",
  422: "unprocessable_entity",
  429: "rate_limited",
  502: "bad_gateway",
  503: "service_unavailable",
};

/** The answer must be this refusal, in the envelope of every error. Returns its text. */
export function refused(answer: Answer, status: number, text?: string | RegExp): string {
  assert.equal(answer.status, status, answer.text.slice(0, 500));
  assert.equal(answer.header("content-type"), "application/json");
  const body = answer.json<Record<string, string>>();
  assert.deepEqual(Object.keys(body).sort(), ["code", "error", "request_id"]);
  assert.equal(body.code, CODES[status]);
  assert.equal(body.request_id, answer.header("x-request-id"));
  const error = body.error ?? "";
  if (typeof text === "string") {
    assert.equal(error, text);
  } else if (text !== undefined) {
    assert.match(error, text);
  }
  return error;
}

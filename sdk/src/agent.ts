// The agent as a program sees it.

import { agentAddress } from "./address.ts";
import { Deadline } from "./deadline.ts";
import type { ChatReply, Health, Message, Model, Status, Tool, ToolResult } from "./documents.ts";
import { chunkSource } from "./events.ts";
import { AgentSocket, type SocketLike } from "./socket.ts";
import { ChatStream, type OnChunk } from "./stream.ts";
import { type Call, type Fetch, json, marks, send } from "./transport.ts";

/** How to reach an agent. */
export interface AgentOptions {
  /** Id or alias. */
  agentId: string;
  /** A key of the agent, `molti_…`; it is sent in the `Authorization` header and nowhere else. */
  apiKey: string;
  /**
   * Where agents are served, `https://agent.moltghost.io` unless given; for a local Worker `http://127.0.0.1:8787`. The
   * agent's own address does as well.
   */
  endpoint?: string;
  /** Milliseconds for a whole call, its repetitions included: 10 minutes unless given. */
  timeoutMs?: number;
  /** Milliseconds of silence, without even a heartbeat, after which a stream counts as broken: 60 s unless given. */
  idleTimeoutMs?: number;
  /** How many times a call is sent again where that is safe: 2 unless given. */
  maxRetries?: number;
  /** Further headers of every call. */
  headers?: Record<string, string>;
  /** Instead of the global `fetch`. */
  fetch?: Fetch;
  /** Allows plain HTTP to a host that is not this machine: for networks that are encrypted otherwise. */
  allowHttp?: boolean;
}

/** What any call may set for itself. */
export interface CallOptions {
  /** Ends the call; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
  timeoutMs?: number;
  maxRetries?: number;
  headers?: Record<string, string>;
}

/** What a run may set; members that are not named here go to the agent as they are. */
export interface RunOptions extends CallOptions {
  /** Sent as `Idempotency-Key`. */
  idempotencyKey?: string;
  model?: string;
  tools?: readonly Tool[];
  /** Wall time of the run at the agent, in seconds. */
  timeout_seconds?: number;
  [member: string]: unknown;
}

/** What a chat may set. */
export interface ChatOptions extends RunOptions {
  stream?: boolean;
  /** Called for each piece of text of a stream. */
  onChunk?: OnChunk;
  temperature?: number;
  max_tokens?: number;
}

/** What a call of skills may set. */
export interface ToolsOptions extends RunOptions {
  /** For the skills. */
  arguments?: Record<string, unknown>;
}

/** What `connect` may be told. */
export interface ConnectOptions {
  /** Ends the attempt. */
  signal?: AbortSignal;
  /** Milliseconds until the socket is open: 30 s unless given. */
  timeoutMs?: number;
  /** The class of a WebSocket that takes headers as the package `ws` does; Node before 22 has none of its own. */
  WebSocket?: new (
    url: string,
    protocols: string[],
    options: { headers: Record<string, string> },
  ) => SocketLike;
}

const CONNECT_MS = 30_000;
const DEFAULT_ENDPOINT = "https://agent.moltghost.io";
const DEFAULT_TIMEOUT_MS = 600_000;
const DEFAULT_IDLE_MS = 60_000;
const DEFAULT_RETRIES = 2;

/** One agent, called with one key. */
export class MoltGhostAgent {
  /** Id or alias. */
  readonly agentId: string;
  /** What OpenAI's SDKs take as their base address. */
  readonly baseURL: string;
  readonly #key: string;
  readonly #options: AgentOptions;
  readonly #fetch: Fetch;

  /** @throws TypeError if an option cannot be used. */
  constructor(options: AgentOptions) {
    const { agentId, apiKey, endpoint = DEFAULT_ENDPOINT, allowHttp = false } = options;
    // Checked here, as an error of `fetch` would show the header.
    if (typeof apiKey !== "string" || !/^molti_[\x21-\x7e]+$/.test(apiKey)) {
      throw new TypeError("apiKey is a key of the agent, which begins with molti_ and has no blanks");
    }
    const address = agentAddress(endpoint, agentId, allowHttp);
    this.agentId = agentId;
    this.baseURL = `${address}/v1`;
    this.#key = apiKey;
    const { apiKey: _, ...rest } = options;
    this.#options = { ...rest, apiKey: "" };
    const given = options.fetch;
    this.#fetch = given ?? ((url, init) => globalThis.fetch(url, init));
  }

  /**
   * Talks to the agent: `chat("Hello")` or with a list of messages. With `stream: true` what is returned is a promise of
   * the whole answer, too, and also an async iterable of its chunks.
   *
   * @throws MoltGhostError as the promise's rejection, or the reason of `signal`.
   */
  chat(input: string | readonly Message[], options: ChatOptions & { stream: true }): ChatStream;
  chat(input: string | readonly Message[], options?: ChatOptions): Promise<ChatReply>;
  chat(input: string | readonly Message[], options: ChatOptions = {}): Promise<ChatReply> {
    const { onChunk, stream = false, ...rest } = options;
    const messages = typeof input === "string" ? [{ role: "user", content: input }] : input;
    const { body, call } = this.#run("/chat", { ...rest, messages, stream });
    if (!stream) {
      return this.#whole<ChatReply>({ ...call, body, accept: "application/json" }, rest);
    }
    const deadline = this.#deadline(rest);
    const source = send(this.#fetch, { ...call, body, accept: "text/event-stream" }, deadline).then(
      (response) => chunkSource(response, deadline, this.#options.idleTimeoutMs ?? DEFAULT_IDLE_MS),
    );
    return new ChatStream(source, deadline, onChunk);
  }

  /** Has the agent use its skills, those that `tools` names. */
  tools(prompt: string, options: ToolsOptions = {}): Promise<ToolResult> {
    const { body, call } = this.#run("/tools", { ...options, prompt });
    return this.#whole<ToolResult>({ ...call, body, accept: "application/json" }, options);
  }

  /** The agent's models. */
  async models(options: CallOptions = {}): Promise<Model[]> {
    return (await this.#read<{ data: Model[] }>("/models", options)).data;
  }

  /** How the agent does. */
  health(options: CallOptions = {}): Promise<Health> {
    return this.#read<Health>("/health", options);
  }

  /** Everything about the agent that the key may see: state, links, limits and what is left of them, usage. */
  status(options: CallOptions = {}): Promise<Status> {
    return this.#read<Status>("/status", options);
  }

  /**
   * Opens a socket to the agent. Node sends the key in a header; browsers, which cannot, and all others get a ticket
   * for it first.
   *
   * @throws MoltGhostError why the agent gives no socket.
   */
  async connect({
    signal,
    timeoutMs = CONNECT_MS,
    WebSocket: Given,
  }: ConnectOptions = {}): Promise<AgentSocket> {
    const deadline = new Deadline(signal, timeoutMs);
    const url = `${this.baseURL.replace(/^http/, "ws").slice(0, -"/v1".length)}/ws`;
    const headers = { ...this.#options.headers, authorization: `Bearer ${this.#key}` };
    const longest = this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    try {
      deadline.check();
      if (Given !== undefined) {
        return await this.#opened(() => new Given(url, [], { headers }), deadline, longest);
      }
      if (globalThis.WebSocket === undefined) {
        throw new TypeError("there is no WebSocket here: give connect() the class of the package ws");
      }
      if (isNode()) {
        const init = { headers } as unknown as string[];
        return await this.#opened(() => new globalThis.WebSocket(url, init), deadline, longest);
      }
      const { protocols } = await this.#ticket(deadline);
      return await AgentSocket.open(new globalThis.WebSocket(url, protocols), deadline, longest);
    } finally {
      deadline.done();
    }
  }

  /** Opens a socket; where that fails, asks for a ticket to learn why, since sockets do not say. */
  async #opened(make: () => SocketLike, deadline: Deadline, longest: number): Promise<AgentSocket> {
    try {
      return await AgentSocket.open(make(), deadline, longest);
    } catch (error) {
      deadline.check();
      await this.#ticket(deadline);
      throw error;
    }
  }

  async #ticket(deadline: Deadline): Promise<{ protocols: string[] }> {
    const call: Call = { ...this.#call("POST", "/ws-ticket", {}), accept: "application/json" };
    return await json(await send(this.#fetch, call, deadline), deadline);
  }

  #deadline({ signal, timeoutMs }: CallOptions): Deadline {
    return new Deadline(signal, timeoutMs ?? this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  }

  #call(method: Call["method"], path: string, options: CallOptions): Omit<Call, "accept"> {
    return {
      method,
      url: this.baseURL + path,
      headers: { ...this.#options.headers, ...options.headers, authorization: `Bearer ${this.#key}` },
      maxRetries: options.maxRetries ?? this.#options.maxRetries ?? DEFAULT_RETRIES,
    };
  }

  /** Parts what is for the SDK from what is for the agent. */
  #run(path: string, options: RunOptions): { body: Record<string, unknown>; call: Omit<Call, "accept"> } {
    const { signal: _signal, timeoutMs: _timeout, maxRetries, headers, idempotencyKey, ...body } = options;
    const all = idempotencyKey === undefined ? headers : { ...headers, "idempotency-key": idempotencyKey };
    const given: CallOptions = {};
    if (all !== undefined) {
      given.headers = all;
    }
    if (maxRetries !== undefined) {
      given.maxRetries = maxRetries;
    }
    return { body, call: this.#call("POST", path, given) };
  }

  async #whole<T extends object>(call: Call, options: CallOptions): Promise<T> {
    const deadline = this.#deadline(options);
    try {
      const response = await send(this.#fetch, call, deadline);
      return { ...(await json<T>(response, deadline)), ...marks(response.headers) };
    } finally {
      deadline.done();
    }
  }

  async #read<T>(path: string, options: CallOptions): Promise<T> {
    const deadline = this.#deadline(options);
    try {
      const call: Call = { ...this.#call("GET", path, options), accept: "application/json" };
      return await json<T>(await send(this.#fetch, call, deadline), deadline);
    } finally {
      deadline.done();
    }
  }
}

/** Node and what imitates it in full: the one place where a WebSocket takes headers without being asked how. */
function isNode(): boolean {
  const { process, Deno, WebSocketPair } = globalThis as unknown as Record<
    string,
    { versions?: { node?: string } }
  >;
  return process?.versions?.node !== undefined && Deno === undefined && WebSocketPair === undefined;
}

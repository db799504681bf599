// Chats over one WebSocket: no new connection for each, and any number at a time, told apart by their ids.
//
// Invariant: a run is never sent twice. When the socket goes, what was under way on it fails, and `connect()` makes
// another.

import { Deadline } from "./deadline.ts";
import type { ChatChunk, Usage } from "./documents.ts";
import { ConnectionError, type MoltGhostError } from "./errors.ts";
import { ChatStream, type ChunkSource, type OnChunk } from "./stream.ts";
import { problem } from "./transport.ts";

/** What is used of a WebSocket: browsers', Node's, that of the package `ws`. */
export interface SocketLike {
  send(text: string): void;
  close(code?: number, reason?: string): void;
  // biome-ignore lint/suspicious/noExplicitAny: each implementation has event types of its own
  addEventListener(type: "open" | "message" | "close" | "error", listener: (event: any) => void): void;
}

/** What the server says. */
interface Frame {
  id?: string | null;
  action?: string;
  content?: string;
  tool_calls?: NonNullable<ChatChunk["choices"][number]["delta"]["tool_calls"]>;
  done?: boolean;
  usage?: Usage | null;
  finish_reason?: string | null;
  error?: Record<string, unknown>;
}

/** A run that goes on. */
interface Run {
  chunks: ChatChunk[];
  failure: Error | null;
  over: boolean;
  wake: () => void;
}

/** An open socket; `connect()` of an agent makes it. */
export class AgentSocket {
  /** Resolves with the closing code and reason once the socket has closed, by whoever it was. */
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #socket: SocketLike;
  readonly #runs = new Map<string, Run>();
  readonly #pings: (() => void)[] = [];
  readonly #timeoutMs: number;
  #last = 0;
  #gone: MoltGhostError | null = null;

  private constructor(socket: SocketLike, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    socket.addEventListener("message", ({ data }: { data: unknown }) => this.#take(String(data)));
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }: { code: number; reason: unknown }) => {
        this.#end(broken(`the socket closed with ${code} ${String(reason ?? "")}`.trim()));
        resolve({ code, reason: String(reason ?? "") });
      });
    });
    socket.addEventListener("error", () => this.#end(broken("the socket broke")));
  }

  /** Waits until a socket is open. @throws ConnectionError if it never is, or what the deadline throws. */
  static async open(socket: SocketLike, deadline: Deadline, timeoutMs: number): Promise<AgentSocket> {
    const opened = new AgentSocket(socket, timeoutMs);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", () => reject(broken("the socket could not be opened")));
      socket.addEventListener("close", () => reject(broken("the socket could not be opened")));
      deadline.signal.addEventListener("abort", () => reject(deadline.signal.reason));
    }).catch((error: unknown) => {
      opened.close();
      throw error;
    });
    return opened;
  }

  /**
   * Talks to the agent, as `chat` of the agent does with `stream: true`. `created` and `model` of what comes are not
   * known here.
   */
  chat(
    input: string | readonly Record<string, unknown>[],
    options: Record<string, unknown> & {
      signal?: AbortSignal;
      timeoutMs?: number;
      onChunk?: OnChunk;
    } = {},
  ): ChatStream {
    const { signal, timeoutMs = this.#timeoutMs, onChunk, stream: _, ...body } = options;
    const messages = typeof input === "string" ? [{ role: "user", content: input }] : input;
    const deadline = new Deadline(signal, timeoutMs);
    this.#last += 1;
    const id = `r${this.#last}`;
    return new ChatStream(this.#begin(id, { ...body, messages }, deadline), deadline, onChunk);
  }

  /** Asks for a sign of life. @throws ConnectionError if the socket has closed. */
  async ping(): Promise<void> {
    this.#send({ action: "ping" });
    await new Promise<void>((resolve, reject) => {
      this.#pings.push(() => (this.#gone === null ? resolve() : reject(this.#gone)));
    });
  }

  /** Closes the socket; what goes on ends at the agent, too. */
  close(): void {
    this.#end(broken("the socket was closed here"));
    try {
      this.#socket.close(1000);
    } catch {
      // It was never open.
    }
  }

  async #begin(id: string, body: Record<string, unknown>, deadline: Deadline): Promise<ChunkSource> {
    deadline.check();
    const run: Run = { chunks: [], failure: null, over: false, wake: () => undefined };
    this.#send({ ...body, action: "message", id });
    this.#runs.set(id, run);
    deadline.signal.addEventListener("abort", () => {
      if (this.#runs.delete(id)) {
        run.over = true;
        run.wake();
        if (this.#gone === null) {
          this.#send({ action: "cancel", id });
        }
      }
    });
    return {
      marks: () => ({ requestId: null, runId: null }),
      cut: () => broken("the run ended before its last chunk"),
      async *chunks() {
        for (let at = 0; ; at += 1) {
          while (at >= run.chunks.length && !run.over) {
            await new Promise<void>((resolve) => {
              run.wake = resolve;
            });
          }
          deadline.check();
          const chunk = run.chunks[at];
          if (chunk === undefined) {
            break;
          }
          yield chunk;
        }
        if (run.failure !== null) {
          throw run.failure;
        }
      },
    };
  }

  #send(frame: Record<string, unknown>): void {
    if (this.#gone !== null) {
      throw this.#gone;
    }
    this.#socket.send(JSON.stringify(frame));
  }

  #take(text: string): void {
    let frame: Frame;
    try {
      frame = JSON.parse(text) as Frame;
    } catch {
      this.#end(broken("the server said something that is no JSON"));
      return;
    }
    if (frame.action === "pong") {
      this.#pings.shift()?.();
      return;
    }
    const run = this.#runs.get(frame.id ?? "");
    if (run === undefined) {
      return;
    }
    if (frame.error !== undefined) {
      run.failure = refused(frame.error);
    } else {
      run.chunks.push(chunk(frame));
    }
    if (frame.done === true || frame.error !== undefined) {
      this.#runs.delete(frame.id ?? "");
      run.over = true;
    }
    run.wake();
  }

  #end(why: MoltGhostError): void {
    this.#gone ??= why;
    for (const run of this.#runs.values()) {
      run.failure = this.#gone;
      run.over = true;
      run.wake();
    }
    this.#runs.clear();
    for (const settle of this.#pings.splice(0)) {
      settle();
    }
  }
}

/** A frame as the stream of `/v1/chat` would have it. */
function chunk({ id, content = "", tool_calls, done = false, usage, finish_reason }: Frame): ChatChunk {
  const delta = { content, ...(tool_calls === undefined ? {} : { tool_calls }) };
  return {
    id: id ?? "",
    object: "chat.completion.chunk",
    created: Math.floor(Date.now() / 1_000),
    model: "",
    choices: [{ index: 0, delta, finish_reason: finish_reason ?? null }],
    content,
    done,
    ...(usage === undefined ? {} : { usage }),
    ...(finish_reason === undefined ? {} : { finish_reason }),
  };
}

function refused({ retry_after_ms: wait, ...error }: Record<string, unknown>): MoltGhostError {
  const retryAfter = typeof wait === "number" ? wait / 1_000 : null;
  return problem(error, {
    status: null,
    requestId: null,
    runId: null,
    retryAfter,
    retryable: retryAfter !== null,
  });
}

function broken(message: string): ConnectionError {
  return new ConnectionError({ message, code: "socket_closed", type: "connection_error" });
}

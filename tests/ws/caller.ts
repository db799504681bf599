// A caller on `/ws`, as a client of its own speaks it.
//
// Invariant: every frame is kept in order until a test asks for it, and has one of the documented forms.

import assert from "node:assert/strict";
import WebSocket from "ws";
import { until } from "../harness/index.ts";

export interface Frame {
  id?: string | null;
  action?: string;
  content?: string;
  done?: boolean;
  usage?: { total_tokens: number } | null;
  finish_reason?: string | null;
  tool_calls?: unknown[];
  error?: { code: string; message: string; type: string; param: string | null; retry_after_ms?: number };
}

export interface Opening {
  key?: string;
  protocols?: string[];
  headers?: Record<string, string>;
}

/** An open socket. */
export class Caller {
  readonly frames: Frame[] = [];
  readonly socket: WebSocket;
  closed: { code: number; reason: string } | null = null;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data, binary) => {
      assert.equal(binary, false);
      const frame = JSON.parse(String(data)) as Frame;
      const piece = "content" in frame && frame.error === undefined;
      assert.ok(piece || frame.error !== undefined || frame.action === "pong", String(data));
      if (frame.done === true && frame.error === undefined) {
        assert.ok("usage" in frame && "finish_reason" in frame, String(data));
      }
      this.frames.push(frame);
    });
    socket.on("close", (code, reason) => {
      this.closed = { code, reason: String(reason) };
    });
    socket.on("error", () => undefined);
  }

  /** Opens a socket at an endpoint's address (`http://…/agents/<id>`). */
  static async open(url: string, { key, protocols, headers }: Opening): Promise<Caller> {
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/ws`, protocols ?? [], {
      headers: { ...(key === undefined ? {} : { authorization: `Bearer ${key}` }), ...headers },
    });
    const caller = new Caller(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("unexpected-response", (_, response) => {
        let body = "";
        response.on("data", (piece) => {
          body += String(piece);
        });
        response.on("end", () => reject(new Refused(response.statusCode ?? 0, body)));
      });
      socket.once("error", reject);
    });
    return caller;
  }

  send(frame: unknown): void {
    this.socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  ask(text: string, more: Record<string, unknown> = {}): void {
    this.send({ action: "message", messages: [{ role: "user", content: text }], ...more });
  }

  /** The last frame of a run, once it has come. */
  async last(id: string | null): Promise<Frame> {
    let found: Frame | undefined;
    await until(`the end of ${id}`, () => {
      found = this.frames.find((frame) => frame.done === true && frame.id === id);
      return found !== undefined;
    });
    return found ?? assert.fail();
  }

  /** What was said in a run so far. */
  text(id: string): string {
    return this.frames
      .filter((frame) => frame.id === id)
      .map(({ content }) => content ?? "")
      .join("");
  }

  async pong(): Promise<void> {
    const before = this.frames.length;
    this.send({ action: "ping" });
    await until("a pong", () => this.frames.slice(before).some(({ action }) => action === "pong"));
  }

  /** The code that the server closes with; its end of the connection may follow much later. */
  async code(): Promise<number> {
    await until("the socket to close", () => this.socket.readyState >= WebSocket.CLOSING);
    this.socket.terminate();
    await until("the end of the socket", () => this.closed !== null);
    return this.closed?.code ?? 0;
  }

  close(): void {
    this.socket.close();
  }
}

/** An upgrade that was refused. */
export class Refused extends Error {
  readonly status: number;
  readonly body: string;
  constructor(status: number, body: string) {
    super(`${status} ${body}`);
    this.status = status;
    this.body = body;
  }

  get code(): string {
    return (JSON.parse(this.body) as { error: { code: string } }).error.code;
  }
}

/** The status and code that an upgrade is refused with. */
export async function refusal(url: string, opening: Opening): Promise<[number, string]> {
  const refused = await Caller.open(url, opening).then(
    () => assert.fail("the socket was opened"),
    (error: unknown) => error,
  );
  assert.ok(refused instanceof Refused, String(refused));
  return [refused.status, refused.code];
}

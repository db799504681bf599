// One attachment of an agent, as a client of its own speaks it: frame by frame, and nothing by itself.
//
// Invariant: whatever came is kept in order until a test asks for it; PINGs apart, which are counted, and answered only
// where a test wants that.

import assert from "node:assert/strict";
import WebSocket from "ws";
import { until } from "../harness/index.ts";
import type { Server } from "../network/server.ts";
import { NETWORK_ID, TOKENS, type TokenName, tokenValue } from "../network/setup.ts";

export const VERSION = "moltnet.attach.v1";

export interface Frame {
  op: string;
  version?: string;
  heartbeat_interval_ms?: number;
  network_id?: string;
  agent_id?: string;
  actor_uid?: string;
  actor_uri?: string;
  agent_token?: string;
  cursor?: string;
  event?: Event;
  events?: Event[];
  error?: string;
}

export interface Event {
  id: string;
  type: string;
  message?: { id: string; parts: { text?: string }[]; target: Record<string, unknown> };
  agent?: Record<string, unknown>;
  replay_gap?: Record<string, string>;
  [member: string]: unknown;
}

export interface Opening {
  /** A static token by its name, any other as it is sent, or `null` for none. */
  as?: TokenName | (string & {}) | null;
  headers?: Record<string, string>;
}

export interface Identity {
  name?: string;
  cursor?: string;
  capabilities?: Record<string, unknown>;
  version?: string;
  network?: string;
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
}

/** What an attachment needs of a network: where it is, and whether it asks for tokens. */
export type Reached = Pick<Server, "url" | "mode">;

export class Attached {
  readonly #socket: WebSocket;
  readonly frames: Frame[] = [];
  pings = 0;
  /** Whether each PING is answered. */
  answers = false;
  closed: number | undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => {
      const frame = JSON.parse(String(data)) as Frame;
      assert.equal(frame.version, VERSION, String(data));
      if (frame.op === "PING") {
        this.pings += 1;
        if (this.answers) {
          this.send({ op: "PONG" });
        }
      } else {
        this.frames.push(frame);
      }
    });
    socket.on("close", (code) => {
      this.closed = code;
    });
    socket.on("error", () => {});
  }

  /** Opens a socket, which has not said who it is. */
  static async open(server: Reached, opening: Opening = {}): Promise<Attached> {
    const name = opening.as === undefined ? "attach" : opening.as;
    const headers = { ...opening.headers };
    if (name !== null && server.mode !== "none") {
      headers.authorization = `Bearer ${name in TOKENS ? tokenValue(name as TokenName) : name}`;
    }
    // The connection may stay a while after the close frames, which is nothing to wait for.
    const options = { headers, perMessageDeflate: false, closeTimeout: 500 };
    const socket = new WebSocket(`${server.url.replace(/^http/, "ws")}/v1/attach`, options);
    const attached = new Attached(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
      socket.once("unexpected-response", (_request, response) => {
        let body = "";
        response.on("data", (text: Buffer) => {
          body += text.toString();
        });
        response.on("end", () => reject(new Refused(response.statusCode ?? 0, body)));
      });
    });
    return attached;
  }

  /** Opens a socket and takes HELLO. */
  static async greeted(server: Reached, opening: Opening = {}): Promise<Attached> {
    const attached = await Attached.open(server, opening);
    assert.equal((await attached.next()).op, "HELLO");
    return attached;
  }

  /** An agent that is attached. */
  static async ready(
    server: Reached,
    agent: string,
    opening: Opening & Identity = {},
  ): Promise<Attached & { readyFrame: Frame }> {
    const attached = await Attached.greeted(server, opening);
    attached.identify(agent, opening);
    const frame = await attached.next();
    assert.equal(frame.op, "READY", JSON.stringify(frame));
    return Object.assign(attached, { readyFrame: frame });
  }

  /** Sends anything. */
  send(frame: Record<string, unknown> | string | Buffer): void {
    this.#socket.send(typeof frame === "string" || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
  }

  identify(agent: string, identity: Identity = {}): void {
    this.send({
      op: "IDENTIFY",
      version: identity.version ?? VERSION,
      network_id: identity.network ?? NETWORK_ID,
      agent: { type: "agent", id: agent, ...(identity.name === undefined ? {} : { name: identity.name }) },
      capabilities: identity.capabilities ?? { rooms: true },
      ...(identity.cursor === undefined ? {} : { cursor: identity.cursor }),
    });
  }

  ack(cursor: string | undefined): void {
    this.send({ op: "ACK", cursor });
  }

  /** The next frame that is no PING. */
  async next(): Promise<Frame> {
    await until("a frame", () => this.frames.length > 0 || this.closed !== undefined);
    const frame = this.frames.shift();
    assert.ok(frame, `the socket closed with ${this.closed} before a frame came`);
    return frame;
  }

  /** The next event of a type; those before it are dropped. */
  async event(type: string): Promise<Frame & { event: Event }> {
    for (;;) {
      const frame = await this.next();
      assert.equal(frame.op, "EVENT", JSON.stringify(frame));
      if (frame.event?.type === type) {
        return frame as Frame & { event: Event };
      }
    }
  }

  /** The next message, acknowledged; its text. */
  async message(): Promise<string> {
    const frame = await this.event("message.created");
    this.ack(frame.cursor);
    return frame.event.message?.parts[0]?.text ?? "";
  }

  /** It must be refused: an ERROR frame, and then the end. Returns the text. */
  async error(): Promise<string> {
    for (;;) {
      const frame = await this.next();
      if (frame.op === "ERROR") {
        await this.end();
        return frame.error ?? "";
      }
      assert.equal(frame.op, "EVENT", JSON.stringify(frame));
    }
  }

  /** Waits for the end; the close code. */
  async end(): Promise<number> {
    await until("the end of the socket", () => this.closed !== undefined);
    assert.ok(this.closed !== 1000 && this.closed !== 1001, `closed with ${this.closed}`);
    return this.closed ?? 0;
  }

  /** Closes the socket. */
  async close(code = 1000): Promise<void> {
    this.#socket.close(code);
    await until("the close", () => this.closed !== undefined);
  }

  /** Ends the connection without a word. */
  cut(): void {
    this.#socket.terminate();
  }

  /** Takes nothing from the connection, so that what is sent piles up at the other end. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}

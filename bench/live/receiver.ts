// Readers that do as little as they can with what comes, so that the servers are measured and not they: attachments and
// observers on plain sockets.
//
// Invariant: an event counts once all of it has come; the text of each message is `<number> <when it was posted> …`.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";

const VERSION = "moltnet.attach.v1";
const TEXT = Buffer.from('"text":"');
const MESSAGE = Buffer.from('"type":"message.created"');
const CURSOR = Buffer.from('"cursor":"');
const HEAD_END = Buffer.from("\r\n\r\n");

/** What has come to one reader. */
export abstract class Receiver {
  messages = 0;
  /** From post to receipt in milliseconds, of the messages since it was emptied. */
  readonly delays: number[] = [];
  /** Numbers of the messages in the order in which they came, where they are wanted. */
  readonly numbers: number[] = [];
  closed = false;
  protected readonly socket: Socket;
  protected rest: Buffer = Buffer.alloc(0);
  readonly #wanted: boolean;

  protected constructor(url: string, wanted: boolean) {
    const { hostname, port } = new URL(url);
    this.#wanted = wanted;
    this.socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.socket.on("error", () => undefined);
    this.socket.on("close", () => {
      this.closed = true;
    });
    this.socket.on("data", (bytes: Buffer) => {
      this.rest = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
      this.take();
    });
  }

  /** Takes what is whole of `rest`. */
  protected abstract take(): void;

  /** Notes the message whose text begins somewhere behind `from`. */
  protected note(bytes: Buffer, from: number): void {
    this.messages += 1;
    const at = bytes.indexOf(TEXT, from);
    if (at < 0) {
      return;
    }
    const [number, stamp] = bytes.toString("latin1", at + TEXT.length, at + TEXT.length + 48).split(" ", 2);
    this.delays.push(performance.now() - Number(stamp));
    if (this.#wanted) {
      this.numbers.push(Number(number));
    }
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Breaks off without a word. */
  cut(): void {
    this.socket.resetAndDestroy();
  }
}

export interface Attaching {
  agent: string;
  cursor?: string;
  eventsPerFrame?: number;
  /** Whether the numbers of messages are wanted. */
  wanted?: boolean;
  /** Whether each event is acknowledged. */
  acknowledges?: boolean;
}

/** An attached agent. */
export class Attachment extends Receiver {
  /** The cursor of the newest event. */
  cursor = "";
  #upgraded = false;
  readonly #attaching: Attaching;
  readonly #ready: Promise<void>;
  #resolve: () => void = () => undefined;

  private constructor(url: string, attaching: Attaching) {
    super(url, attaching.wanted === true);
    this.#attaching = attaching;
    this.cursor = attaching.cursor ?? "";
    this.#ready = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const { host } = new URL(url);
    const key = randomBytes(16).toString("base64");
    this.socket.write(
      `GET /v1/attach HTTP/1.1\r\nhost: ${host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n` +
        `sec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n\r\n`,
    );
  }

  static async open(url: string, attaching: Attaching): Promise<Attachment> {
    const attachment = new Attachment(url, attaching);
    const lost = once(attachment.socket, "close").then(() => {
      throw new Error("an attachment was closed before it was ready");
    });
    await Promise.race([attachment.#ready, lost]);
    return attachment;
  }

  protected take(): void {
    if (!this.#upgraded) {
      const end = this.rest.indexOf(HEAD_END);
      if (end < 0) {
        return;
      }
      if (!this.rest.toString("latin1", 0, end).includes(" 101 ")) {
        this.cut();
        return;
      }
      this.#upgraded = true;
      this.rest = this.rest.subarray(end + HEAD_END.length);
    }
    let at = 0;
    for (;;) {
      const [from, length] = frame(this.rest, at);
      if (length < 0 || from + length > this.rest.length) {
        break;
      }
      this.#frame(this.rest.subarray(from, from + length), (this.rest[at] ?? 0) & 0x0f);
      at = from + length;
    }
    this.rest = this.rest.subarray(at);
  }

  #frame(payload: Buffer, opcode: number): void {
    if (opcode !== 1) {
      return;
    }
    const op = payload.toString("latin1", 7, 12);
    if (op === "EVENT") {
      this.#event(payload);
    } else if (op.startsWith("PING")) {
      this.#send({ op: "PONG" });
    } else if (op === "HELLO") {
      const { agent, cursor = "", eventsPerFrame = 1 } = this.#attaching;
      this.#send({
        op: "IDENTIFY",
        version: VERSION,
        network_id: "local",
        agent: { type: "agent", id: agent },
        capabilities: eventsPerFrame > 1 ? { events_per_frame: eventsPerFrame } : {},
        cursor,
      });
    } else if (op === "READY") {
      this.#resolve();
    }
  }

  #event(payload: Buffer): void {
    let at = payload.indexOf(MESSAGE);
    while (at >= 0) {
      this.note(payload, at);
      at = payload.indexOf(MESSAGE, at + MESSAGE.length);
    }
    if (this.#attaching.acknowledges !== true && this.#attaching.wanted !== true) {
      return;
    }
    const cursor = payload.indexOf(CURSOR) + CURSOR.length;
    this.cursor = payload.toString("latin1", cursor, payload.indexOf('"', cursor));
    if (this.#attaching.acknowledges === true) {
      this.#send({ op: "ACK", cursor: this.cursor });
    }
  }

  #send(value: unknown): void {
    if (this.socket.writable) {
      this.socket.write(masked(JSON.stringify(value)));
    }
  }
}

/** An observer of the event stream. */
export class Observer extends Receiver {
  #ready = false;

  constructor(url: string, wanted = false) {
    super(url, wanted);
    this.socket.write(`GET /v1/events/stream HTTP/1.1\r\nhost: ${new URL(url).host}\r\n\r\n`);
  }

  get opened(): boolean {
    return this.#ready;
  }

  protected take(): void {
    this.#ready ||= this.rest.includes("stream-open");
    // Chunks begin between events, so that each event is whole between two empty lines.
    const end = this.rest.lastIndexOf("\n\n");
    if (end < 0) {
      return;
    }
    const whole = this.rest.subarray(0, end);
    let at = whole.indexOf(MESSAGE);
    while (at >= 0) {
      this.note(whole, at);
      at = whole.indexOf(MESSAGE, at + MESSAGE.length);
    }
    this.rest = this.rest.subarray(end);
  }
}

/** Where the payload of the frame at a place begins, and how long it is; -1 where the head is not whole. */
function frame(bytes: Buffer, at: number): [number, number] {
  const short = (bytes[at + 1] ?? 0) & 0x7f;
  if (bytes.length < at + 2 || (short === 126 && bytes.length < at + 4)) {
    return [at, -1];
  }
  if (short < 126) {
    return [at + 2, short];
  }
  if (short === 126) {
    return [at + 4, bytes.readUInt16BE(at + 2)];
  }
  return bytes.length < at + 10 ? [at, -1] : [at + 10, Number(bytes.readBigUInt64BE(at + 2))];
}

/** A text frame as clients send it, under a mask of zeros. */
function masked(text: string): Buffer {
  const body = Buffer.from(text);
  const short = body.length < 126;
  const head = short ? [0x81, 0x80 | body.length] : [0x81, 0x80 | 126, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), body]);
}

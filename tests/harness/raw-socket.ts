// A plain TCP connection that sends exactly the bytes it is given: malformed heads, bodies cut short,
// readers that stop reading.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { until } from "./until.ts";

export class RawSocket {
  readonly #socket: Socket;
  readonly #received: Buffer[] = [];
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => this.#received.push(bytes));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#closed = true;
    });
  }

  static async open(port: number, host = "127.0.0.1"): Promise<RawSocket> {
    const socket = connect({ port, host, noDelay: true });
    await once(socket, "connect");
    return new RawSocket(socket);
  }

  /** Resolves when the bytes were handed to the system. */
  write(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Everything that has arrived so far. */
  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  get text(): string {
    return this.received.toString("latin1");
  }

  /** The other side closed the connection, or this one did. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Waits until what has arrived contains the text; returns all of it. */
  async waitFor(text: string, deadlineMs?: number): Promise<string> {
    await until(`"${text}" on the socket`, () => this.text.includes(text), deadlineMs);
    return this.text;
  }

  async waitForClose(deadlineMs?: number): Promise<void> {
    await until("the socket's close", () => this.#closed, deadlineMs);
  }

  /** Stops reading: the other side's send buffer fills up. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Says that nothing more will be sent, and goes on reading. */
  finish(): void {
    this.#socket.end();
  }

  /** Resets the connection. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Sends the bytes on a connection of their own and returns all that comes back until it closes. */
export async function exchange(
  port: number,
  bytes: string | Uint8Array,
  deadlineMs?: number,
): Promise<string> {
  const socket = await RawSocket.open(port);
  try {
    await socket.write(bytes);
    await socket.waitForClose(deadlineMs);
    return socket.text;
  } finally {
    socket.close();
  }
}

// A connector for tests: one link to an endpoint, which it serves from a pod on this machine.
//
// Invariant: it sends no byte of a body that it has no room for, and notes what the endpoint says of room.

import http from "node:http";
import WebSocket from "ws";
import { until } from "../harness/index.ts";
import {
  ACCEPTED,
  BODY,
  END,
  type Frame,
  frame,
  frames,
  GOAWAY,
  HELLO,
  PING,
  PONG,
  REQUEST,
  RESET,
  RESPONSE,
  u32,
  WELCOME,
  WINDOW,
} from "./frames.ts";

const STREAM_WINDOW = 256 * 1024;
const LINK_WINDOW = 4 * 1024 * 1024;

export interface ConnectorOptions {
  replica?: string;
  weight?: number;
  region?: string;
  /** The host that is asked for, where it is not the address's. */
  host?: string;
  /** Takes a request instead of the pod; says whether it did. */
  takes?: (stream: number, head: string, connector: Connector) => boolean;
}

class Stream {
  request: http.ClientRequest | undefined;
  response: http.IncomingMessage | undefined;
  room = STREAM_WINDOW;
  waiting: Buffer[] = [];
  ended = false;
}

/** The upgrade was refused. */
export class Refused extends Error {
  readonly status: number;
  readonly body: string;
  constructor(status: number, body: string) {
    super(`${status} ${body}`);
    this.status = status;
    this.body = body;
  }
}

export class Connector {
  readonly socket: WebSocket;
  readonly streams = new Map<number, Stream>();
  /** Reasons of GOAWAY, and the code that the socket closed with. */
  goaways: number[] = [];
  closed: number | undefined;
  welcomed = false;
  /** Reasons of RESET that came. */
  resets: number[] = [];
  requests = 0;
  room = LINK_WINDOW;
  readonly #pod: string;
  readonly #options: ConnectorOptions;

  private constructor(socket: WebSocket, pod: string, options: ConnectorOptions) {
    this.socket = socket;
    this.#pod = pod;
    this.#options = options;
    socket.on("message", (data) => {
      for (const one of frames(data as Buffer)) this.#take(one);
    });
    socket.on("error", () => {});
    socket.on("close", (code) => {
      this.closed = code;
      for (const [id] of this.streams) this.#drop(id);
    });
  }

  /** Opens the socket, without a word. */
  static async dial(
    url: string,
    token: string | null,
    pod = "",
    options: ConnectorOptions = {},
  ): Promise<Connector> {
    const headers = {
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(options.host !== undefined && { host: options.host }),
    };
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/_connect`, { headers });
    const connector = new Connector(socket, pod, options);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
      socket.once("unexpected-response", (_, response) => {
        let body = "";
        response.on("data", (chunk) => {
          body += chunk;
        });
        response.on("end", () => reject(new Refused(response.statusCode ?? 0, body)));
      });
    });
    return connector;
  }

  /** Opens the socket and greets. */
  static async connect(
    url: string,
    token: string,
    pod: string,
    options: ConnectorOptions = {},
  ): Promise<Connector> {
    const connector = await Connector.dial(url, token, pod, options);
    const region = options.region === undefined ? "" : `region: ${options.region}\n`;
    const lines = `replica: ${options.replica ?? "default"}\nweight: ${options.weight ?? 1}\n${region}`;
    connector.send(frame(HELLO, 0, Buffer.concat([Buffer.from([1, 1]), Buffer.from(lines)])));
    await until("a word of the endpoint", () => connector.welcomed || connector.closed !== undefined);
    return connector;
  }

  send(...all: Buffer[]): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(Buffer.concat(all));
  }

  /** Breaks the connection without a word. */
  kill(): void {
    this.socket.terminate();
  }

  #take({ kind, stream: id, payload }: Frame): void {
    if (kind === WELCOME) this.welcomed = true;
    else if (kind === GOAWAY) this.goaways.push(payload.readUInt8(0));
    else if (kind === PING) this.send(frame(PONG, 0, payload));
    else if (kind === WINDOW && id === 0) {
      this.room = Math.min(LINK_WINDOW, this.room + payload.readUInt32BE());
      for (const one of this.streams.keys()) this.#flow(one);
    } else if (kind === REQUEST) this.#call(id, payload.toString());
    else this.#of(kind, id, payload);
  }

  #of(kind: number, id: number, payload: Buffer): void {
    const stream = this.streams.get(id);
    if (!stream) return;
    if (kind === BODY) {
      stream.request?.write(payload);
      this.send(frame(WINDOW, id, u32(payload.length)), frame(WINDOW, 0, u32(payload.length)));
    } else if (kind === END) {
      if (stream.request) {
        this.send(frame(ACCEPTED, id));
        stream.request.end();
      }
    } else if (kind === WINDOW) {
      stream.room += payload.readUInt32BE();
      this.#flow(id);
    } else if (kind === RESET) {
      this.resets.push(payload.readUInt8(0));
      this.#drop(id);
    }
  }

  #drop(id: number): void {
    const stream = this.streams.get(id);
    this.streams.delete(id);
    stream?.request?.destroy();
  }

  #call(id: number, head: string): void {
    this.requests += 1;
    const stream = new Stream();
    this.streams.set(id, stream);
    if (this.#options.takes?.(id, head, this)) return;
    const [first = "", ...lines] = head.split("\n").slice(0, -1);
    const [method, path] = first.split(" ");
    const headers = Object.fromEntries(
      lines.map((line) => {
        const colon = line.indexOf(": ");
        return [line.slice(0, colon), line.slice(colon + 2)];
      }),
    );
    const request = http.request(`${this.#pod}${path}`, { method: method ?? "GET", headers });
    stream.request = request;
    request.on("error", () => {
      if (!this.streams.delete(id)) return;
      this.send(frame(RESET, id, [stream.response ? 4 : 3]));
    });
    request.on("response", (response) => {
      stream.response = response;
      let told = `${response.statusCode}\n`;
      for (const [name, value] of Object.entries(response.headers)) {
        if (!["connection", "keep-alive", "transfer-encoding"].includes(name)) told += `${name}: ${value}\n`;
      }
      this.send(frame(RESPONSE, id, told));
      response.on("data", (chunk: Buffer) => {
        stream.waiting.push(chunk);
        this.#flow(id);
      });
      response.on("end", () => {
        stream.ended = response.complete;
        this.#flow(id);
      });
      response.on("error", () => {
        if (this.streams.delete(id)) this.send(frame(RESET, id, [4]));
      });
    });
  }

  /** Sends what there is room for. */
  #flow(id: number): void {
    const stream = this.streams.get(id);
    if (!stream) return;
    const out: Buffer[] = [];
    while (stream.waiting.length > 0 && stream.room > 0 && this.room > 0) {
      const chunk = stream.waiting[0] as Buffer;
      const size = Math.min(chunk.length, stream.room, this.room, 64 * 1024);
      out.push(frame(BODY, id, chunk.subarray(0, size)));
      if (size === chunk.length) stream.waiting.shift();
      else stream.waiting[0] = chunk.subarray(size);
      stream.room -= size;
      this.room -= size;
    }
    if (stream.waiting.length === 0 && stream.ended) {
      out.push(frame(END, id));
      this.streams.delete(id);
    }
    if (stream.waiting.length > 4) stream.response?.pause();
    else stream.response?.resume();
    if (out.length > 0) this.send(...out);
  }
}

// HTTP/1.1 requests with any Host header, which `fetch` forbids.
//
// Invariant: one request, one connection: nothing of one test leaks into another over a kept socket.

import {
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as send,
} from "node:http";
import { note } from "./issued.ts";

export interface RequestOptions {
  method?: string;
  /** Sent as the Host header; the URL's own host otherwise. */
  host?: string;
  headers?: Record<string, string | string[]>;
  body?: string | Uint8Array;
  /** Sent as a JSON body, with its content type. */
  json?: unknown;
  signal?: AbortSignal;
}

/** An answer read to its end. */
export class Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Names and values alternately, as they came. */
  readonly rawHeaders: readonly string[];
  readonly bytes: Buffer;

  constructor(message: IncomingMessage, bytes: Buffer) {
    this.status = message.statusCode ?? 0;
    this.headers = message.headers;
    this.rawHeaders = message.rawHeaders;
    this.bytes = bytes;
  }

  get text(): string {
    return this.bytes.toString("utf8");
  }

  /** The body as JSON; what it is, the caller knows. */
  json<T = unknown>(): T {
    return JSON.parse(this.text) as T;
  }

  header(name: string): string | undefined {
    const value = this.headers[name.toLowerCase()];
    return Array.isArray(value) ? value.join(", ") : value;
  }
}

/** An answer whose body is still coming. */
export interface OpenAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  /** The body as it arrives; breaking off the iteration closes the connection. */
  chunks: AsyncIterable<Buffer>;
  /** Closes the connection at once, as a caller does who goes away. */
  leave(): void;
}

function begin(url: string | URL, options: RequestOptions): ClientRequest {
  const headers: Record<string, string | string[]> = { ...options.headers };
  if (options.host !== undefined) {
    headers.host = options.host;
  }
  const body = options.json === undefined ? options.body : JSON.stringify(options.json);
  if (options.json !== undefined && headers["content-type"] === undefined) {
    headers["content-type"] = "application/json";
  }
  if (
    body !== undefined &&
    headers["content-length"] === undefined &&
    headers["transfer-encoding"] === undefined
  ) {
    headers["content-length"] = String(Buffer.byteLength(body));
  }
  const request = send(url, {
    method: options.method ?? (body === undefined ? "GET" : "POST"),
    headers,
    agent: false,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  request.end(body);
  return request;
}

function response(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once("response", resolve);
    request.once("error", reject);
  });
}

/** Sends a request and reads the whole answer. */
export async function ask(url: string | URL, options: RequestOptions = {}): Promise<Answer> {
  const message = await response(begin(url, options));
  const chunks: Buffer[] = [];
  for await (const chunk of message) {
    chunks.push(chunk as Buffer);
  }
  const answer = new Answer(message, Buffer.concat(chunks));
  note(answer.status, answer.header("content-type"), answer.text);
  return answer;
}

/** Sends a request and returns as soon as the answer's head is there. */
export async function open(url: string | URL, options: RequestOptions = {}): Promise<OpenAnswer> {
  const request = begin(url, options);
  const message = await response(request);
  // A connection that is closed under a reader is an error for that reader only.
  request.on("error", () => undefined);
  return {
    status: message.statusCode ?? 0,
    headers: message.headers,
    chunks: message,
    leave: () => request.destroy(),
  };
}

// A proxy that judges every answer that passes by the contract: for clients that are not ours to wrap, such as curl and
// the Python SDKs.
//
// Invariant: bytes pass unchanged and at once, and either side's leaving reaches the other. What was not as documented
// is kept until `close`, which throws it, so that no test passes by forgetting to ask.

import assert from "node:assert/strict";
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { eventCheck, expectBody, expectHead, type Observed } from "./answer.ts";

/** A running proxy. */
export interface CheckedProxy {
  /** Its address, without a slash at the end; paths are those of the target. */
  url: string;
  /** Answers judged so far. */
  readonly answers: number;
  /** What was not as documented. */
  failures: Error[];
  /** Stops it, and throws if there were failures. */
  close(): Promise<void>;
}

/** Starts a proxy in front of `target` on a free port. The Host header passes unless it names the proxy itself. */
export async function startCheckedProxy(target: string): Promise<CheckedProxy> {
  const failures: Error[] = [];
  let answers = 0;
  const server = createServer((incoming, outgoing) => {
    forward(target, incoming, outgoing, failures, () => {
      answers += 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get answers() {
      return answers;
    },
    failures,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      assert.deepEqual(
        failures.map((failure) => failure.message),
        [],
        "answers that are not as documented",
      );
    },
  };
}

function forward(
  target: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  failures: Error[],
  count: () => void,
): void {
  const url = new URL(incoming.url ?? "/", target);
  const named = incoming.headers.host ?? "";
  const host = named.startsWith("127.0.0.1:") || named.startsWith("localhost:") ? url.host : named;
  const headers = { ...incoming.headers, host };
  const method = incoming.method ?? "GET";
  const upstream = httpRequest(url, { method, headers, agent: false }, (response) => {
    count();
    outgoing.writeHead(response.statusCode ?? 502, response.rawHeaders);
    outgoing.flushHeaders();
    const answer: Observed = {
      method,
      url,
      host,
      status: response.statusCode ?? 0,
      headers: response.headers,
    };
    judge(answer, response, failures);
    response.pipe(outgoing);
    response.on("error", () => outgoing.destroy());
  });
  upstream.on("error", () => outgoing.destroy());
  outgoing.on("close", () => upstream.destroy());
  incoming.pipe(upstream);
}

function judge(answer: Observed, response: IncomingMessage, failures: Error[]): void {
  const attempt = (step: () => void): void => {
    try {
      step();
    } catch (error) {
      failures.push(error as Error);
      response.off("data", onData);
      response.off("end", onEnd);
    }
  };
  const pieces: Buffer[] = [];
  let onData = (piece: Buffer): void => {
    pieces.push(piece);
  };
  let onEnd = (): void => {};
  attempt(() => {
    const expected = expectHead(answer);
    if (expected.media?.type === "text/event-stream") {
      const check = eventCheck(answer, expected);
      onData = (piece) => attempt(() => check?.push(piece));
      onEnd = () => attempt(() => check?.end());
    } else {
      onEnd = () => attempt(() => expectBody(answer, expected, Buffer.concat(pieces)));
    }
    response.on("data", onData);
    response.on("end", onEnd);
  });
}

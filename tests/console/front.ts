// The original's console as it would stand on another server: its files from the original's own program, and the API,
// with the way in, from the server under test. A browser sees one origin.

import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Front {
  url: string;
  port: number;
  /** What the console asked the server for, in order: method and path. */
  asked: string[];
  close(): void;
}

/** Whether the original's program answers: the page and its files, but not the link that signs in. */
function isPage(url: string): boolean {
  const { pathname, searchParams } = new URL(url, "http://front");
  return pathname.startsWith("/console/") && !searchParams.has("access_token");
}

/** Puts the console of the server at `original` before the API of the server at `server`. */
export async function putFront(original: string, server: string): Promise<Front> {
  const asked: string[] = [];
  const http = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
    const path = incoming.url ?? "/";
    const page = isPage(path);
    if (!page) {
      asked.push(`${incoming.method ?? ""} ${path}`);
    }
    // The browser's own Host goes on: what a server makes of addresses and of who asks is to be true.
    const passed = request(
      new URL(path, page ? original : server),
      { method: incoming.method ?? "GET", headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        outgoing.flushHeaders();
        answer.pipe(outgoing);
      },
    );
    passed.on("error", () => outgoing.destroy());
    outgoing.on("close", () => passed.destroy());
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => {
    http.listen(0, "127.0.0.1", resolve);
  });
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    port,
    asked,
    close: () => {
      http.closeAllConnections();
      http.close();
    },
  };
}

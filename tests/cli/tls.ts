// TLS before a Worker or a pod: an authority of the test's own, a certificate by it, and a front that takes it off.
//
// Invariant: the authority is made for one run and trusted by nobody but the programs that are told to.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { createServer, type Server, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { scratch } from "../harness/index.ts";

/** An authority, and a server's certificate by it. */
export interface Trust {
  /** File with the authority's certificate. */
  ca: string;
  key: string;
  certificate: string;
}

/** Makes both, for these names (`DNS:…`, `IP:…`). */
export function trust(...names: string[]): Trust {
  const folder = scratch("tls");
  const openssl = (...args: string[]) =>
    execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test");
  openssl("req", "-new", ...curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=Server");
  writeFileSync(join(folder, "names"), `subjectAltName=${names.join(",")}\nbasicConstraints=CA:FALSE\n`);
  const by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"];
  openssl("x509", "-req", "-in", "server.csr", "-out", "server.pem", ...by);
  return {
    ca: join(folder, "ca.pem"),
    key: readFileSync(join(folder, "server.key"), "utf8"),
    certificate: readFileSync(join(folder, "server.pem"), "utf8"),
  };
}

/** A server that speaks TLS and passes everything on to another that does not. */
export class Front {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async to(behind: string, by: Trust, options: ServerOptions = {}): Promise<Front> {
    const forward = (incoming: IncomingMessage) =>
      request(new URL(incoming.url ?? "/", behind), {
        method: incoming.method,
        headers: { ...incoming.headers, "x-forwarded-proto": "https" },
      });
    const server = createServer({ key: by.key, cert: by.certificate, ...options }, (incoming, answer) => {
      const onward = forward(incoming);
      onward.on("response", (response) => {
        answer.writeHead(response.statusCode ?? 502, response.headers);
        response.pipe(answer);
      });
      onward.on("error", () => answer.destroy());
      answer.on("close", () => onward.destroy());
      incoming.pipe(onward);
    });
    server.on("upgrade", (incoming, socket: Duplex, head: Buffer) => {
      const onward = forward(incoming);
      const end = () => {
        socket.destroy();
        onward.destroy();
      };
      socket.on("error", end);
      onward.on("error", end);
      onward.on("response", (response) => {
        // No upgrade: the answer, and the end.
        socket.write(headOf(response));
        response.pipe(socket);
      });
      onward.on("upgrade", (response, far: Duplex, rest: Buffer) => {
        socket.write(headOf(response));
        far.on("error", end);
        far.on("close", end);
        socket.on("close", () => far.destroy());
        far.unshift(rest);
        socket.unshift(head);
        far.pipe(socket).pipe(far);
      });
      onward.end();
    });
    server.on("tlsClientError", () => undefined);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Front(server, (server.address() as AddressInfo).port);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function headOf({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}

// Raw workerd: `workerd serve` with a configuration of ours, for measurements and for kill tests that
// need nothing but objects.
//
// Invariant: `url` answers when `startRawWorkerd` returns.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { adopt, end } from "./child.ts";
import { BUILD, workerdProgram } from "./paths.ts";
import { discard, scratch } from "./scratch.ts";
import { KEY_PEPPER, OPERATOR_TOKEN } from "./worker.ts";
import { type RawWorkerd, SOCKET, workerdConfig } from "./workerd-config.ts";

export type { RawWorkerd, WorkerModule } from "./workerd-config.ts";

export interface RawOptions {
  /** Folder of the objects' data. Without one: a temporary folder, removed by `stop`. */
  persist?: string;
  /** Port of `url`. Default: a free one. */
  port?: number;
  /** Lets V8's inspector in, on a port of its own. */
  inspector?: boolean;
}

export interface RunningWorkerd {
  url: string;
  port: number;
  pid: number;
  /** Port of the inspector, where it was let in. */
  inspector: number | undefined;
  persist: string;
  /** What the runtime and the Worker printed, oldest first; only the last 200 lines. */
  printed: string[];
  stop(): Promise<void>;
  /** Ends it with SIGKILL; the folder stays for a restart. */
  kill9(): Promise<void>;
}

const START_MS = 30_000;
const KEPT_LINES = 200;

/** Our own Worker, as `wrangler.toml` binds it, D1 left out. */
export function builtWorker(vars: Record<string, string> = {}): RawWorkerd {
  return {
    modules: [
      { name: "index.js", path: join(BUILD, "index.js"), type: "esModule" },
      { name: "./index_bg.wasm", path: join(BUILD, "index_bg.wasm"), type: "wasm" },
    ],
    compatibilityDate: "2026-11-17",
    vars: { DOMAIN: "localhost", DEVELOPMENT: "on", OPERATOR_TOKEN, KEY_PEPPER, ...vars },
    json: { VERSION: { id: "raw", tag: "", timestamp: "2026-11-17T00:00:00.000Z" } },
    objects: { ACCOUNT: "Account", AGENT: "Agent", HUB: "Hub", NETWORK: "Network", ROOM: "Room" },
    self: ["SELF"],
  };
}

/** Ports of the socket and of the inspector, which is told first. */
function listening(
  child: ChildProcess,
  printed: string[],
): Promise<{ port: number; inspector: number | undefined }> {
  let inspector: number | undefined;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`workerd did not listen in ${START_MS} ms`)), START_MS);
    const control = createInterface({ input: child.stdio[3] as Readable });
    control.on("line", (line) => {
      const event = JSON.parse(line) as { event: string; socket?: string; port?: number };
      if (event.event === "listen-inspector") inspector = event.port;
      if (event.event === "listen" && event.socket === SOCKET && event.port !== undefined) {
        clearTimeout(timer);
        resolve({ port: event.port, inspector });
      }
    });
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`workerd ended early (${code ?? signal}):\n${printed.join("\n")}`));
    });
  });
}

/** Starts `workerd serve`. */
export async function startRawWorkerd(
  worker: RawWorkerd = builtWorker(),
  options: RawOptions = {},
): Promise<RunningWorkerd> {
  const persist = options.persist ?? scratch("workerd");
  const data = join(persist, "objects");
  mkdirSync(data, { recursive: true });
  const config = join(persist, "config.capnp");
  // It holds the secrets of the Worker.
  writeFileSync(config, workerdConfig(worker, data), { mode: 0o600 });
  const child = adopt(
    spawn(
      workerdProgram(),
      [
        "serve",
        config,
        "config",
        `--socket-addr=${SOCKET}=127.0.0.1:${options.port ?? 0}`,
        "--control-fd=3",
        "--experimental",
        // An embedded file with an absolute path is looked for below the import path.
        "--import-path=/",
        ...(options.inspector === true ? ["--inspector-addr=127.0.0.1:0"] : []),
      ],
      { stdio: ["ignore", "pipe", "pipe", "pipe"] },
    ),
  );
  const printed: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream as Readable }).on("line", (line) => {
      printed.push(line);
      if (printed.length > KEPT_LINES) {
        printed.shift();
      }
    });
  }
  const { port, inspector } = await listening(child, printed);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    inspector,
    pid: child.pid ?? 0,
    persist,
    printed,
    stop: async () => {
      await end(child);
      if (options.persist === undefined) {
        discard(persist);
      }
    },
    kill9: () => end(child, "SIGKILL"),
  };
}

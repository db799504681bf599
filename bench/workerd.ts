// Raw workerd: one Worker with its objects on the local disk, no wrangler and no Miniflare in front.

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, copyFileSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { adopt, end } from "../tests/harness/child.ts";
import { workerdProgram } from "../tests/harness/paths.ts";
import { logEnd } from "./step.ts";

export const COMPATIBILITY_DATE = "2026-11-17";
const START_MS = 20_000;

export interface WorkerdOptions {
  /** An empty folder for the configuration, the log and the objects' files. */
  folder: string;
  /** Where the modules are. */
  source: string;
  /** The main module first; `.wasm` is a Wasm module, anything else an ES module. */
  modules: string[];
  /** Text bindings: variables and secrets. */
  texts: Record<string, string>;
  /** Durable Object bindings and their classes, all with SQLite. */
  objects: Record<string, string>;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

function list(lines: string[]): string {
  return `[\n${lines.map((line) => `    (${line}),\n`).join("")}  ]`;
}

/** The configuration; embedded files must lie beside it. */
function configuration(options: WorkerdOptions): string {
  const modules = options.modules.map((name) => {
    const kind = name.endsWith(".wasm") ? "wasm" : "esModule";
    return `name = ${quoted(name)}, ${kind} = embed ${quoted(name)}`;
  });
  const bindings = [
    ...Object.entries(options.texts).map(([name, text]) => `name = ${quoted(name)}, text = ${quoted(text)}`),
    ...Object.entries(options.objects).map(
      ([name, className]) => `name = ${quoted(name)}, durableObjectNamespace = ${quoted(className)}`,
    ),
  ];
  const namespaces = Object.values(options.objects).map(
    (name) => `className = ${quoted(name)}, uniqueKey = ${quoted(`bench-${name}`)}, enableSql = true`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "internet", network = (allow = ["private"])),
    (name = "objects", disk = (path = ${quoted(join(options.folder, "objects"))}, writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = ${list(modules)},
  compatibilityDate = ${quoted(COMPATIBILITY_DATE)},
  bindings = ${list(bindings)},
  durableObjectNamespaces = ${list(namespaces)},
  durableObjectStorage = (localDisk = "objects"),
);
`;
}

/** The port that workerd tells on its control pipe. */
function port(child: ChildProcess, log: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`workerd ${why}${logEnd(log)}`));
    const timer = setTimeout(() => fail(`did not listen within ${START_MS} ms`), START_MS);
    child.once("error", (error) => fail(error.message));
    child.once("exit", (code, signal) => fail(`ended with ${code ?? signal}`));
    createInterface({ input: child.stdio[3] as Readable }).on("line", (line) => {
      const event = JSON.parse(line) as { event: string; port?: number };
      if (event.event === "listen" && event.port !== undefined) {
        clearTimeout(timer);
        resolve(event.port);
      }
    });
  });
}

/** Starts a Worker on a free port of the loopback address. */
export async function startWorkerd(
  options: WorkerdOptions,
): Promise<{ child: ChildProcess; url: string; log: string }> {
  for (const name of options.modules) {
    copyFileSync(join(options.source, name), join(options.folder, basename(name)));
  }
  mkdirSync(join(options.folder, "objects"));
  const config = join(options.folder, "config.capnp");
  writeFileSync(config, configuration(options));
  const log = join(options.folder, "workerd.log");
  // It writes into the file itself: what goes through this process would load that.
  const file = openSync(log, "a");
  const child = adopt(
    spawn(workerdProgram(), ["serve", "--control-fd=3", config], { stdio: ["ignore", file, file, "pipe"] }),
  );
  closeSync(file);
  try {
    return { child, log, url: `http://127.0.0.1:${await port(child, log)}` };
  } catch (error) {
    await end(child, "SIGKILL");
    throw error;
  }
}

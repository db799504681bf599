// The built Worker on the pinned workerd, with all its bindings, on ports of its own.
//
// Invariant: `url` is a socket of workerd itself: no proxy stands between a request and the Worker.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { end, hasEnded, isRunning } from "./child.ts";
import type { FromHost, HostCalls, HostOptions, ToHost, WorkerOptions } from "./host-protocol.ts";
import { expectNone, issue } from "./issued.ts";
import { BUILD, workerdProgram } from "./paths.ts";
import { type Answer, ask, type RequestOptions } from "./request.ts";
import { discard, scratch } from "./scratch.ts";
import { until } from "./until.ts";

export type { WorkerOptions } from "./host-protocol.ts";

/** The secrets of every test Worker: constant, as a restart on the same folder needs the same ones. */
export const OPERATOR_TOKEN = "operator-token-of-the-test-suites-000000000000";
export const KEY_PEPPER = "5f1d7a84e0c34b0f9a6d2c18b7e3f4905f1d7a84e0c34b0f9a6d2c18b7e3f490";
issue("the operator's token", OPERATOR_TOKEN);
issue("the pepper", KEY_PEPPER);

const USUAL_VARS: Record<string, string> = {
  OPERATOR_TOKEN,
  KEY_PEPPER,
  DEVELOPMENT: "on",
};

const START_MS = 60_000;

export interface ControlOptions extends RequestOptions {
  /** The bearer token; `null` sends none. Default: the operator's. */
  token?: string | null;
}

export interface LogLine {
  level: string;
  message: string;
}

/** A running Worker. */
export class RunningWorker {
  /** Straight to the Worker. */
  readonly url: string;
  readonly port: number;
  /** Through Miniflare's front, which turns `x-forwarded-proto: https` into an https URL. */
  readonly front: string;
  /** workerd's process id. */
  readonly pid: number;
  /** The data folder, for a restart. */
  readonly persist: string;
  /** What the Worker wrote to its console, oldest first. */
  readonly logs: LogLine[];
  readonly #host: ChildProcess;
  readonly #ownFolder: boolean;
  readonly #waiting: Map<number, (answer: Extract<FromHost, { type: "answer" }>) => void>;
  #calls = 0;

  constructor(
    host: ChildProcess,
    ready: Extract<FromHost, { type: "ready" }>,
    pid: number,
    persist: string,
    ownFolder: boolean,
    logs: LogLine[],
  ) {
    this.#host = host;
    this.#ownFolder = ownFolder;
    this.#waiting = new Map();
    this.url = ready.url;
    this.port = Number(new URL(ready.url).port);
    this.front = ready.front;
    this.pid = pid;
    this.persist = persist;
    this.logs = logs;
    host.on("message", (message: FromHost) => {
      if (message.type === "answer") {
        this.#waiting.get(message.id)?.(message);
      }
    });
    host.once("exit", () => {
      for (const [id, settle] of this.#waiting) {
        settle({ type: "answer", id, error: "the Worker's process has ended" });
      }
    });
  }

  #call<C extends keyof HostCalls>(call: C, args: HostCalls[C]): Promise<unknown> {
    this.#calls += 1;
    const id = this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ value, error }) => {
        this.#waiting.delete(id);
        if (error === undefined) {
          resolve(value);
        } else {
          reject(new Error(`${call}: ${error}`));
        }
      });
      this.#host.send({ type: "call", id, call, args } as ToHost, (error) => {
        if (error) {
          this.#waiting.delete(id);
          reject(error);
        }
      });
    });
  }

  /** A request to any path, with any Host. */
  ask(path: string, options: RequestOptions = {}): Promise<Answer> {
    return ask(new URL(path, this.url), options);
  }

  /** The same as if it had come over TLS. */
  askOverHttps(path: string, options: RequestOptions = {}): Promise<Answer> {
    return ask(new URL(path, this.front), {
      ...options,
      headers: { ...options.headers, "x-forwarded-proto": "https" },
    });
  }

  /** A call of the control API: `control("/agents", { json: {…} })`. */
  control(path: string, options: ControlOptions = {}): Promise<Answer> {
    const { token, ...rest } = options;
    const headers = { ...rest.headers };
    if (token !== null && headers.authorization === undefined) {
      headers.authorization = `Bearer ${token ?? OPERATOR_TOKEN}`;
    }
    return ask(new URL(`/api/v1${path}`, this.url), { ...rest, headers });
  }

  /** Drops the object from memory, as the platform does; the next request builds it anew from its storage. */
  async evict(
    className: string,
    name: string,
    webSockets: "close" | "hibernate" = "hibernate",
  ): Promise<void> {
    await this.#call("evict", { className, name, webSockets });
  }

  /** Ids of the class's objects that have left anything on disk. */
  async objects(className: string): Promise<string[]> {
    return (await this.#call("objects", { className })) as string[];
  }

  /** Rows of the database `DB`. */
  async d1(query: string, ...values: unknown[]): Promise<Record<string, unknown>[]> {
    return (await this.#call("d1", { database: "DB", query, values })) as Record<string, unknown>[];
  }

  /** Rows of the database `SEARCH`. */
  async searched(query: string, ...values: unknown[]): Promise<Record<string, unknown>[]> {
    return (await this.#call("d1", { database: "SEARCH", query, values })) as Record<string, unknown>[];
  }

  /** What an object answers to a message, as the Worker itself would send it. */
  async message(binding: string, name: string, ask: unknown): Promise<unknown> {
    const text = JSON.stringify({ v: 1, ask });
    return JSON.parse((await this.#call("message", { binding, name, text })) as string);
  }

  /** Ends the Worker in good order, and searches what it leaves behind for secrets. */
  async stop(): Promise<void> {
    if (this.#host.exitCode === null && this.#host.signalCode === null) {
      const ended = once(this.#host, "exit");
      this.#call("stop", {}).catch(() => undefined);
      await ended;
    }
    await until("workerd's end", () => !isRunning(this.pid));
    expectNone(this.persist, this.logs);
    if (this.#ownFolder) {
      discard(this.persist);
    }
  }

  /** Ends workerd with SIGKILL, as a power cut does; the folder stays for a restart. */
  async kill9(): Promise<void> {
    // First the owner is frozen: it would start another workerd.
    this.#host.kill("SIGSTOP");
    process.kill(this.pid, "SIGKILL");
    await end(this.#host, "SIGKILL");
    await until("workerd's end", () => !isRunning(this.pid));
  }
}

function complete(options: WorkerOptions, persist: string): HostOptions {
  const vars: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...USUAL_VARS, ...options.vars })) {
    if (value !== undefined) {
      vars[name] = value;
    }
  }
  return {
    persist,
    vars,
    d1: options.d1 ?? "ok",
    outbound: options.outbound ?? null,
    entry: options.entry ?? null,
    port: options.port ?? 0,
  };
}

function ready(host: ChildProcess, errors: () => string): Promise<Extract<FromHost, { type: "ready" }>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the Worker did not start in ${START_MS} ms`)), START_MS);
    host.on("message", (message: FromHost) => {
      if (message.type === "ready") {
        clearTimeout(timer);
        resolve(message);
      } else if (message.type === "failed") {
        clearTimeout(timer);
        reject(new Error(message.message));
      }
    });
    host.once("exit", (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`the Worker's process ended early (${code ?? signal}): ${errors()}`));
    });
  });
}

/** Starts the built Worker. */
export async function startWorker(options: WorkerOptions = {}): Promise<RunningWorker> {
  if (!existsSync(join(BUILD, "index_bg.wasm"))) {
    throw new Error("there is no built Worker: run scripts/build-worker");
  }
  const persist = options.persist ?? scratch("worker");
  const control = scratch("host");
  const pidFile = join(control, "pid");
  const here = fileURLToPath(new URL(".", import.meta.url));
  const host = fork(join(here, "host.ts"), [], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    execArgv: ["--disable-warning=ExperimentalWarning"],
    env: {
      ...process.env,
      MINIFLARE_WORKERD_PATH: join(here, "workerd-with-pid"),
      MOLTGHOST_WORKERD_PROGRAM: workerdProgram(),
      MOLTGHOST_WORKERD_PID_FILE: pidFile,
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_SEND_METRICS: "false",
    },
  });
  let printed = "";
  const keep = (text: Buffer) => {
    printed = (printed + text.toString()).slice(-4_000);
  };
  host.stdout?.on("data", keep);
  host.stderr?.on("data", keep);
  const logs: LogLine[] = [];
  host.on("message", (message: FromHost) => {
    if (message.type === "log") {
      logs.push({ level: message.level, message: message.message });
    }
  });
  host.send({ type: "start", options: complete(options, persist) } satisfies ToHost);
  try {
    const addresses = await ready(host, () => printed);
    const pid = Number(readFileSync(pidFile, "utf8"));
    return new RunningWorker(host, addresses, pid, persist, options.persist === undefined, logs);
  } catch (error) {
    // It ends workerd, too, when nobody listens any more.
    if (!hasEnded(host)) {
      const ended = once(host, "exit");
      host.disconnect();
      await ended;
    }
    throw error;
  } finally {
    discard(control);
  }
}

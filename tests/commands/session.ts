// `make run` as a program under test: a state folder and a port of its own, so that it disturbs neither another
// suite nor a developer's own run.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hasEnded, ROOT, until } from "../harness/index.ts";

const READY_MS = 240_000;

export interface Printed {
  agent: string;
  key: string;
  operatorToken: string;
}

export class Session {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #state: string;
  #output = "";

  constructor(
    state: string,
    port: number,
    environment: Record<string, string> = {},
    [command = "", ...args]: string[] = [join(ROOT, "scripts/run")],
  ) {
    this.port = port;
    this.#state = state;
    this.#child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, ...environment, MOLTGHOST_STATE: state, PORT: String(port) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (bytes: Buffer) => {
        this.#output += bytes.toString();
      });
    }
  }

  get output(): string {
    return this.#output;
  }

  /** Waits for the lines to paste, or for an early end. */
  async ready(): Promise<Printed> {
    const [, agent, key] = await until(
      `the printed lines; so far:\n${this.#output}`,
      () => {
        if (hasEnded(this.#child)) {
          throw new Error(`make run has ended:\n${this.#output}`);
        }
        return /^curl -N http:\/\/(\w+)\.agent\.localhost:\d+\/v1\/chat -H "Authorization: Bearer (\w+)"/m.exec(
          this.#output,
        );
      },
      READY_MS,
    );
    const control = await until("the control line", () =>
      /\/api\/v1\/agents\?account=demo -H "Authorization: Bearer (\S+)"/.exec(this.#output),
    );
    return { agent: agent ?? "", key: key ?? "", operatorToken: control[1] ?? "" };
  }

  /** Its exit status, or the signal that ended it. */
  async end(signal?: NodeJS.Signals): Promise<number | string> {
    if (!hasEnded(this.#child)) {
      const ended = once(this.#child, "exit");
      if (signal !== undefined) {
        this.#child.kill(signal);
      }
      await ended;
    }
    return this.#child.exitCode ?? this.#child.signalCode ?? -1;
  }

  /** Everything that runs on its behalf. */
  processes(): { pid: number; command: string }[] {
    return processesOf(this.#state);
  }
}

/** Everything that runs with a state folder: each process inherits its name. Linux only. */
export function processesOf(state: string): { pid: number; command: string }[] {
  const mark = `MOLTGHOST_STATE=${state}\0`;
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, "latin1");
      const command = readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ");
      return environment.includes(mark) && command !== "" ? [{ pid: Number(pid), command }] : [];
    } catch {
      // It ended in between.
      return [];
    }
  });
}

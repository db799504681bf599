// Programs that run for as long as `make run` does.
//
// Invariant: each has a process group of its own, so that stopping it takes its children too (workerd,
// esbuild, a build that a changed file has begun); whatever is left of a group after the grace time is
// killed.

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { ROOT, STATE, StepError } from "./step.ts";

const GRACE_MS = 6_000;
const LOGS = join(STATE, "logs");

export interface End {
  name: string;
  how: string;
  log: string;
}

export class Program {
  readonly name: string;
  readonly log: string;
  readonly ended: Promise<End>;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  #end: End | undefined;
  #wake: () => void = () => undefined;

  constructor(name: string, child: ChildProcess, log: string) {
    this.name = name;
    this.log = log;
    this.#child = child;
    const file = openSync(log, "w", 0o600);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (bytes: Buffer) => {
        if (this.#end === undefined) {
          writeSync(file, bytes);
        }
      });
    }
    if (child.stdout) {
      createInterface({ input: child.stdout }).on("line", (line) => {
        if (this.#lines.length === 0) {
          this.#lines.push(line);
          this.#wake();
        }
      });
    }
    this.ended = new Promise((resolve) => {
      const settle = (how: string) => {
        if (this.#end === undefined) {
          this.#end = { name, how, log };
          closeSync(file);
          this.#wake();
          resolve(this.#end);
        }
      };
      child.once("close", (code, signal) => settle(String(code ?? signal)));
      child.once("error", (error) => settle(error.message));
    });
  }

  assertRunning(): void {
    if (this.#end !== undefined) {
      throw new StepError(`${this.name} ended (${this.#end.how})`, `See ${this.log}`);
    }
  }

  /** The first line on its stdout. */
  async firstLine(): Promise<string> {
    while (this.#lines[0] === undefined) {
      this.assertRunning();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#lines[0];
  }

  /** Sends a signal to the whole group; false when nobody of it is left. */
  signal(signal: NodeJS.Signals | 0): boolean {
    if (this.#child.pid === undefined) {
      return false;
    }
    try {
      process.kill(-this.#child.pid, signal);
      return true;
    } catch {
      return false;
    }
  }
}

const programs: Program[] = [];

/** Starts a program; what it prints goes into a log, and with `speaks` its stderr to whoever runs this. */
export function start(
  name: string,
  command: string,
  args: string[],
  environment: NodeJS.ProcessEnv = {},
  speaks = false,
): Program {
  mkdirSync(LOGS, { recursive: true });
  const child = spawn(command, args, {
    cwd: ROOT,
    detached: true,
    stdio: ["ignore", "pipe", speaks ? "inherit" : "pipe"],
    env: { ...process.env, ...environment },
  });
  const program = new Program(name, child, join(LOGS, `${name.replaceAll(" ", "-")}.log`));
  programs.push(program);
  return program;
}

/** Ends all of them, the last first, and returns when no process of theirs is left. */
export async function stopAll(): Promise<void> {
  const left = new Set([...programs].reverse());
  for (const program of left) {
    program.signal("SIGTERM");
  }
  const end = performance.now() + GRACE_MS;
  while (left.size > 0) {
    for (const program of left) {
      if (!program.signal(performance.now() < end ? 0 : "SIGKILL")) {
        left.delete(program);
      }
    }
    if (left.size > 0) {
      await sleep(50);
    }
  }
}

// The real connector, beside a real pod.
//
// Invariant: it does not outlive the suite; nothing that it prints holds a secret.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { adopt, end, hasEnded, type RunningWorker, until } from "../harness/index.ts";
import { foundIn } from "../harness/issued.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";
import { moltghost, Terminal } from "./program.ts";

/** One line of `connect --json`. */
export interface Told {
  time: string;
  event: string;
  [member: string]: unknown;
}

/** A running `moltghost connect --json`. */
export class Connector {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";

  constructor(terminal: Terminal, args: string[], env: Record<string, string> = {}) {
    this.child = adopt(
      spawn(moltghost(), ["connect", ...args, "--json"], {
        env: { HOME: terminal.home, PATH: process.env.PATH, ...terminal.environment, ...env },
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
    this.child.stdout?.on("data", (bytes: Buffer) => {
      this.stdout += bytes.toString();
    });
    this.child.stderr?.on("data", (bytes: Buffer) => {
      this.stderr += bytes.toString();
    });
  }

  /** What it has told so far. */
  get told(): Told[] {
    const whole = this.stdout.slice(0, this.stdout.lastIndexOf("\n") + 1);
    return whole
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Told);
  }

  /** The nth event of a kind. */
  saw(event: string, times = 1): Promise<Told> {
    return until(`${event} (${times}); so far:\n${this.stdout}${this.stderr}`, () => {
      return this.told.filter((told) => told.event === event)[times - 1];
    });
  }

  /** Sends a signal. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits for its end; answers the exit code. */
  async ended(): Promise<number | null> {
    await until("the connector's end", () => hasEnded(this.child), 30_000);
    assert.deepEqual(foundIn(this.stdout + this.stderr), [], "it tells secrets");
    return this.child.exitCode;
  }

  /** Ends it, whatever it is doing. */
  async kill(): Promise<void> {
    await end(this.child, "SIGKILL");
  }

  /** Memory that it holds, in bytes. */
  memory(peak = false): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, "utf8");
    const line = new RegExp(`^${peak ? "VmHWM" : "VmRSS"}:\\s+(\\d+) kB$`, "m").exec(status);
    return Number(line?.[1]) * 1024;
  }
}

/** An agent that is served over a tunnel, and a terminal that holds its connect token. */
export async function tunnelled(worker: RunningWorker): Promise<{ one: Tenant; terminal: Terminal }> {
  const one = await tenant(worker, null);
  const { connect_token } = one.agent as unknown as { connect_token: string };
  const terminal = new Terminal({ MOLTGHOST_API: worker.url, MOLTGHOST_CONNECT_TOKEN: connect_token });
  return { one, terminal };
}

/** Waits until an agent runs. */
export async function running(one: Tenant): Promise<void> {
  await until("the agent to run", async () => (await one.shown()).state === "running");
}

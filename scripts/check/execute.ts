// Runs one job: its output goes to a log.
//
// Invariant: the job has a process group of its own, and nothing of the group is left when this resolves.

import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ROOT } from "../local/step.ts";
import { WRANGLER_ENVIRONMENT } from "../local/wrangler.ts";
import type { Job } from "./parts.ts";

const GRACE_MS = 6_000;
const LINE = 100;
const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*[A-Za-z]`, "g");

/** What a job has come to. */
export interface Result {
  good: boolean;
  output: string;
  seconds: number;
}

/** A job under way. */
export interface Running {
  /** The last line that it printed. */
  lastLine(): string;
  /** Resolves when it has ended. */
  ended: Promise<Result>;
}

const groups = new Set<number>();
let stopped = false;

/** Whether {@link interrupt} was called: nothing may begin any more. */
export function stopping(): boolean {
  return stopped;
}

function signal(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}

/** Ends a group, children and all. */
async function end(group: number): Promise<void> {
  const last = performance.now() + GRACE_MS;
  signal(group, "SIGTERM");
  while (signal(group, performance.now() < last ? 0 : "SIGKILL")) {
    await sleep(50);
  }
}

/** Ends what runs, children and all, for good. */
export async function interrupt(): Promise<void> {
  stopped = true;
  await Promise.all([...groups].map(end));
}

function lastLine(output: string): string {
  const lines = output.slice(-2_000).split(/[\r\n]/);
  return (lines.findLast((line) => line.trim() !== "") ?? "").trim().slice(0, LINE);
}

/** Starts a job. */
export function execute(job: Job, log: string): Running {
  const begun = performance.now();
  const [command = "", ...args] = job.command;
  const child = spawn(command, args, {
    cwd: ROOT,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      ...WRANGLER_ENVIRONMENT,
      CARGO_TERM_COLOR: "never",
      NO_COLOR: "1",
      ...job.environment,
    },
  });
  const group = child.pid;
  if (group !== undefined) {
    groups.add(group);
  }
  const file = createWriteStream(log);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      file.write(text);
      output += text.replace(ESCAPES, "");
    });
  }
  const status = new Promise<number>((resolve) => {
    child.once("error", (error) => {
      output += `${error.message}\n`;
      resolve(127);
    });
    child.once("close", (code) => resolve(code ?? 1));
  });
  const ended = status.then(async (code) => {
    const seconds = Math.round((performance.now() - begun) / 1000);
    if (group !== undefined) {
      await end(group);
      groups.delete(group);
    }
    await new Promise((resolve) => file.end(resolve));
    return { good: code === 0, output, seconds };
  });
  return { lastLine: () => lastLine(output), ended };
}

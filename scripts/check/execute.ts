// Runs one part: its output goes to a log, its progress to the terminal.
//
// Invariant: the part has a process group of its own, and nothing of the group is left when this resolves.

import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ROOT } from "../local/step.ts";
import { WRANGLER_ENVIRONMENT } from "../local/wrangler.ts";
import type { Part } from "./parts.ts";

const PROGRESS_MS = 15_000;
const GRACE_MS = 6_000;
const LINE = 100;
const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*[A-Za-z]`, "g");

export interface Result {
  good: boolean;
  output: string;
  seconds: number;
}

let group: number | undefined;

function signal(signal: NodeJS.Signals | 0): boolean {
  try {
    return group !== undefined && process.kill(-group, signal);
  } catch {
    return false;
  }
}

/** Ends what runs, children and all. */
export async function interrupt(): Promise<void> {
  const end = performance.now() + GRACE_MS;
  signal("SIGTERM");
  while (signal(performance.now() < end ? 0 : "SIGKILL")) {
    await sleep(50);
  }
}

function lastLine(output: string): string {
  const lines = output.slice(-2_000).split(/[\r\n]/);
  return (lines.findLast((line) => line.trim() !== "") ?? "").trim().slice(0, LINE);
}

export async function execute(part: Part, log: string): Promise<Result> {
  const begun = performance.now();
  const seconds = () => Math.round((performance.now() - begun) / 1000);
  const [command = "", ...args] = part.command;
  const child = spawn(command, args, {
    cwd: ROOT,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      ...WRANGLER_ENVIRONMENT,
      CARGO_TERM_COLOR: "never",
      NO_COLOR: "1",
      ...part.environment,
    },
  });
  group = child.pid;
  const file = createWriteStream(log);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      file.write(text);
      output += text.replace(ESCAPES, "");
    });
  }
  const timer = setInterval(() => {
    process.stderr.write(`    … ${String(seconds()).padStart(4)} s  ${lastLine(output)}\n`);
  }, PROGRESS_MS);
  const status = await new Promise<number>((resolve) => {
    child.once("error", (error) => {
      output += `${error.message}\n`;
      resolve(127);
    });
    child.once("close", (code) => resolve(code ?? 1));
  });
  clearInterval(timer);
  await interrupt();
  group = undefined;
  await new Promise((resolve) => file.end(resolve));
  return { good: status === 0, output, seconds: seconds() };
}

// Steps that take a while before the measuring: said when they begin, their output shown only if they fail.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { adopt } from "../tests/harness/child.ts";

const REMIND_MS = 10_000;
/** How much of a failed step's output is shown. */
const SHOWN = 4_000;

/** Says something to whoever watches. Standard output is kept for the results. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** The end of a log file, to go with an error: the file itself is gone when this process has ended. */
export function logEnd(path: string | undefined): string {
  try {
    return path === undefined ? "" : `\n${readFileSync(path, "utf8").slice(-SHOWN)}`;
  } catch {
    return "";
  }
}

/** Runs a program to its end. */
export async function runStep(
  label: string,
  program: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<void> {
  say(`· ${label}`);
  const began = performance.now();
  const seconds = () => Math.round((performance.now() - began) / 1000);
  const reminder = setInterval(() => say(`  … ${label}: ${seconds()} s`), REMIND_MS);
  const child = adopt(spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] }));
  let output = "";
  const keep = (data: Buffer) => {
    output = (output + data.toString()).slice(-SHOWN);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  const problem = await new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(code === 0 ? undefined : `ended with ${code ?? signal}`));
  });
  clearInterval(reminder);
  if (problem !== undefined) {
    throw new Error(`${label}: ${program} ${problem}\n${output}`);
  }
}

// The load generator and the upstream: one native program (bench/load), built when it has changed.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { adopt, end } from "../tests/harness/child.ts";
import { ROOT } from "../tests/harness/paths.ts";
import type { Running } from "./programs/program.ts";
import { runStep } from "./step.ts";

/** A built load generator, for whoever has one; else it is built here. */
const GIVEN = process.env.MOLTGHOST_BENCH_LOAD;
const PROGRAM =
  GIVEN ?? join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "release", "moltghost-bench-load");

export interface Times {
  count: number;
  mean_us: number;
  p50_us: number;
  p90_us: number;
  p99_us: number;
  max_us: number;
}

/** What the load generator prints; see bench/load/src/record.rs. */
export interface Report {
  seconds: number;
  calls: number;
  calls_per_second: number;
  chunks: number;
  chunks_per_second: number;
  unserved: number;
  errors: Record<string, number>;
  total: Times | null;
  first: Times | null;
  delay: Times | null;
  late: Times | null;
}

export async function buildLoad(): Promise<void> {
  if (GIVEN === undefined) {
    const args = ["build", "--release", "--quiet", "-p", "moltghost-bench-load"];
    await runStep("Building the load generator", "cargo", args, { cwd: ROOT });
  }
}

/** Starts the upstream; it also ends by itself when this process is gone. */
export async function startUpstream(): Promise<{ child: ChildProcess; port: number }> {
  const child = adopt(
    spawn(PROGRAM, ["upstream", "--exit-with-stdin"], { stdio: ["pipe", "pipe", "inherit"] }),
  );
  try {
    if (child.stdout === null) {
      throw new Error("the upstream has no output");
    }
    const lines = createInterface({ input: child.stdout });
    const failed = new Promise<never>((_, reject) => {
      child.once("error", reject);
      child.once("exit", () => reject(new Error("the upstream ended before it listened")));
    });
    const [line] = (await Promise.race([once(lines, "line"), failed])) as [string];
    return { child, port: (JSON.parse(line) as { port: number }).port };
  } catch (error) {
    await end(child, "SIGKILL");
    throw error;
  }
}

/** The load generator's command line against a program. */
export function loadArguments(running: Running, load: string[], seconds: number, warmup: number): string[] {
  const headers = Object.entries(running.headers).flatMap(([name, value]) => [
    "--header",
    `${name}: ${value}`,
  ]);
  const [command = "", ...rest] = load;
  return [
    command,
    "--url",
    running.url,
    ...headers,
    "--model",
    running.model,
    "--seconds",
    String(seconds),
    "--warmup",
    String(warmup),
    ...rest,
  ];
}

/** The same as a line to paste into a shell. */
export function loadLine(args: string[]): string {
  return [PROGRAM, ...args].map((part) => (/^[\w./:=-]+$/.test(part) ? part : `'${part}'`)).join(" ");
}

/** Runs one slice. */
export async function measure(args: string[]): Promise<Report> {
  const child = adopt(spawn(PROGRAM, args, { stdio: ["ignore", "pipe", "pipe"] }));
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (data: Buffer) => {
    stdout += data.toString();
  });
  child.stderr?.on("data", (data: Buffer) => {
    stderr += data.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) {
    throw new Error(`the load generator failed: ${stderr.trim()}`);
  }
  return JSON.parse(stdout) as Report;
}

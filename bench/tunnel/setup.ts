// What the tunnel is measured on: the built Worker on raw workerd, one agent with an http origin and one behind the real
// connector, over the same pod.
//
// Invariant: every program that is started here has ended after `stop`.

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adopt, end } from "../../tests/harness/child.ts";
import { ROOT } from "../../tests/harness/paths.ts";
import { type Tenant, tenant } from "../../tests/harness/tenant.ts";
import { until } from "../../tests/harness/until.ts";
import { builtWorker, type RunningWorkerd, startRawWorkerd } from "../../tests/harness/workerd.ts";
import { loadArguments, measure, type Report } from "../load.ts";
import { MODEL } from "../programs/program.ts";
import { runStep } from "../step.ts";

/** A connector that was built elsewhere, else it is built here. */
const GIVEN = process.env.MOLTGHOST_BIN;
const PROGRAM = GIVEN ?? join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "release", "moltghost");

export async function buildConnector(): Promise<void> {
  if (GIVEN === undefined) {
    await runStep(
      "Building the connector",
      "cargo",
      ["build", "--release", "--quiet", "-p", "moltghost-cli"],
      {
        cwd: ROOT,
      },
    );
  }
}

/** The two ways to one pod. */
export class Ways {
  readonly worker: RunningWorkerd;
  readonly connector: ChildProcess;
  readonly http: Tenant;
  readonly tunnel: Tenant;

  private constructor(worker: RunningWorkerd, connector: ChildProcess, http: Tenant, tunnel: Tenant) {
    this.worker = worker;
    this.connector = connector;
    this.http = http;
    this.tunnel = tunnel;
  }

  /** `inspector`: whether V8's inspector is let in. */
  static async to(pod: string, inspector = false): Promise<Ways> {
    const worker = await startRawWorkerd(builtWorker({ CALL_LOG: "off" }), { inspector });
    const http = await tenant(worker, { url: pod });
    const tunnel = await tenant(worker, null);
    const { connect_token } = tunnel.agent as unknown as { connect_token: string };
    const connector = adopt(
      spawn(PROGRAM, ["connect", tunnel.id, "--to", pod, "--quiet"], {
        env: { HOME: worker.persist, MOLTGHOST_API: worker.url, MOLTGHOST_CONNECT_TOKEN: connect_token },
        stdio: ["ignore", "ignore", "inherit"],
      }),
    );
    await until("the agent behind the tunnel to run", async () => (await tunnel.shown()).state === "running");
    return new Ways(worker, connector, http, tunnel);
  }

  async stop(): Promise<void> {
    await end(this.connector);
    await this.worker.stop();
  }
}

/** One slice of the load generator against an agent. */
export async function slice(one: Tenant, load: string[], seconds: number, warmup = 0.3): Promise<Report> {
  const headers = { authorization: `Bearer ${one.key}` };
  const url = `${one.url}/v1/chat/completions`;
  const report = await measure(
    loadArguments(
      { url, headers, model: MODEL, child: undefined as unknown as ChildProcess },
      load,
      seconds,
      warmup,
    ),
  );
  if (Object.keys(report.errors).length > 0) {
    throw new Error(`calls failed: ${JSON.stringify(report.errors)}`);
  }
  return report;
}

export const CHAT = "/v1/chat/completions";

export const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** Reads a stream of so many bytes; answers how many came. */
export async function readLarge(one: Tenant, bytes: number): Promise<number> {
  const json = {
    stream: true,
    messages: [{ role: "user", content: "x" }],
    metadata: { pod: { huge_bytes: bytes } },
  };
  const answer = await one.open(CHAT, { json });
  let size = 0;
  for await (const chunk of answer.chunks) size += chunk.length;
  return size;
}

function status(pid: number | undefined): string {
  return readFileSync(`/proc/${pid}/status`, "utf8");
}

/** Memory of a process in bytes: now, or the most since it was asked to forget. */
export function memory(pid: number | undefined, peak = false): number {
  const line = new RegExp(`^${peak ? "VmHWM" : "VmRSS"}:\\s+(\\d+) kB$`, "m");
  return Number(line.exec(status(pid))?.[1] ?? Number.NaN) * 1024;
}

/** Has the system forget how much memory a process has had at most. */
export function forgetPeak(pid: number | undefined): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

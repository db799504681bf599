// The servers that live delivery is measured on: ours, the original, and the least that this platform can do. None asks
// who anybody is.

import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { end } from "../../tests/harness/child.ts";
import { discard, scratch } from "../../tests/harness/scratch.ts";
import { control } from "../../tests/harness/tenant.ts";
import { OPERATOR_TOKEN } from "../../tests/harness/worker.ts";
import { builtWorker, type RunningWorkerd, startRawWorkerd } from "../../tests/harness/workerd.ts";
import { MOLTNET, startOriginal } from "../../tests/network/original.ts";
import { type RunningOurs, setUp, startOurs, variables } from "../../tests/network/ours.ts";
import { NONE } from "../../tests/network/setup.ts";
import { say } from "../step.ts";
import { startWorkerd } from "../workerd.ts";

export const ROOM = "busy";
const SENDER = "sender";
const FILLER = "x".repeat(100);

/** A server under test. */
export interface Target {
  name: "ours" | "original" | "floor";
  url: string;
  /** The process that does the work. */
  pid?: number | undefined;
}

const folder = scratch(`live-${randomUUID().slice(0, 8)}`);
const ends: (() => Promise<unknown>)[] = [];
const connections = new Agent({ keepAlive: true, maxSockets: 64 });

/** Ends everything that was started here. */
export async function stopAll(): Promise<void> {
  connections.destroy();
  await Promise.all(ends.map((stop) => stop()));
  discard(folder);
}

/** Asks with JSON; the status. */
function ask(url: string, path: string, json: unknown): Promise<number> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const body = JSON.stringify(json);
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const asked = request({ hostname, port, path, method: "POST", headers, agent: connections }, (answer) => {
      answer.resume();
      answer.once("end", () => resolve(answer.statusCode ?? 0));
      answer.once("error", reject);
    });
    asked.once("error", reject);
    asked.end(body);
  });
}

/** Posts the message of this number to the busy room; the server must accept it. */
export async function post(url: string, number: number, filler = FILLER): Promise<void> {
  const status = await ask(url, "/v1/messages", {
    target: { kind: "room", room_id: ROOM },
    from: { type: "agent", id: SENDER },
    parts: [{ kind: "text", text: `${number} ${performance.now()} ${filler}` }],
  });
  if (status !== 202) {
    throw new Error(`a post was answered with ${status}`);
  }
}

async function withRoom(target: Target): Promise<Target> {
  await ask(target.url, "/v1/rooms", { id: ROOM, members: [SENDER] });
  return target;
}

const MOST = { CALL_LOG: "off", STREAMS: "30000", STREAMS_PER_IDENTITY: "30000", ATTACHMENTS: "30000" };
const MOST_POSTS = { posts_per_minute: 10_000_000, registrations_per_hour: 10_000_000, agents: 100_000 };

/** Our Worker; `worker` kills and evicts. */
export async function ours(vars: Record<string, string> = {}): Promise<Target & RunningOurs> {
  const persist = join(folder, `ours-${ends.length}`);
  const running = await startOurs(NONE, { persist, vars: { ...MOST, ...vars } });
  ends.push(() => running.worker.kill9());
  await running.worker.control("/network/limits", { method: "PATCH", json: MOST_POSTS });
  const target = { ...running, name: "ours" as const, pid: running.worker.pid };
  await withRoom(target);
  return target;
}

/** How our Worker runs alone. */
export interface Alone {
  /** Whether V8's inspector is let in. */
  inspector?: boolean;
  /** Whether `inside.js` stands before it. */
  attachesInside?: boolean;
}

/** Our Worker on raw workerd: one process, nothing before it, and no D1. */
export async function oursRaw(alone: Alone = {}): Promise<Target & { worker: RunningWorkerd }> {
  const persist = join(folder, `raw-${ends.length}`);
  const built = builtWorker({ ...variables(NONE), ...MOST });
  if (alone.attachesInside === true) {
    const path = fileURLToPath(new URL("inside.js", import.meta.url));
    built.modules.unshift({ name: "inside.js", path, type: "esModule" });
  }
  const worker = await startRawWorkerd(built, { persist, inspector: alone.inspector === true });
  ends.push(() => worker.kill9());
  await setUp(worker.url, OPERATOR_TOKEN, NONE);
  const answer = await control(worker, "/network/limits", { method: "PATCH", json: MOST_POSTS });
  if (answer.status !== 200) {
    throw new Error(`the limits were answered with ${answer.status}: ${answer.text}`);
  }
  const target = { name: "ours" as const, url: worker.url, pid: worker.pid, worker };
  await withRoom(target);
  return target;
}

/** The original, if `MOLTNET_BIN` names it. */
export async function original(): Promise<Target[]> {
  if (MOLTNET === undefined) {
    say("left out: the original, since MOLTNET_BIN is not set");
    return [];
  }
  const persist = join(folder, `original-${ends.length}`);
  mkdirSync(persist);
  const { url, stop } = await startOriginal(NONE, persist);
  ends.push(stop);
  return [await withRoom({ name: "original", url })];
}

/** Two bare JavaScript objects. */
export async function floor(): Promise<Target> {
  const own = join(folder, `floor-${ends.length}`);
  mkdirSync(own);
  const { child, url } = await startWorkerd({
    folder: own,
    source: fileURLToPath(new URL(".", import.meta.url)),
    modules: ["floor.js"],
    texts: {},
    objects: { HUB: "Hub", ROOM: "Room" },
  });
  ends.push(() => end(child));
  return { name: "floor", url, pid: child.pid };
}

/** Memory of a process in bytes, as far as it is in the machine's own. */
export function memory(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid ?? "self"}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}

// Ten thousand attachments that say and hear nothing for a while, and are all there afterwards.
//
// workerd opens two files for each socket of a client, so a machine that allows a program 20,000 files has no room for
// all: those beyond are attached from inside the process, which needs no file.

import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../tests/harness/until.ts";
import { attachments, close, dry, received } from "./load.ts";
import { memory, oursRaw, post } from "./servers.ts";
import { judge, tell } from "./verdict.ts";

const SOCKETS = Number(process.env.SOCKETS ?? 10_000);
const MS = Number(process.env.SECONDS ?? 60) * 1_000;

/** Files that the server opens for each socket, and those that it has beside. */
const FILES = 2;
const OTHER_FILES = 400;

/** How many clients' sockets a program may hold here. */
function room(): number {
  const limits = readFileSync("/proc/self/limits", "utf8");
  const files = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  return Math.floor((files - OTHER_FILES) / FILES);
}

/** What the attachments inside the process have come to. */
interface Inside {
  ready: number;
  open: number;
  messages: number;
}

/** Attaches so many from inside, until `leaving`; the newest state of them. */
async function inside(url: string, count: number, leaving: AbortSignal): Promise<() => Inside> {
  let held: Inside = { ready: 0, open: 0, messages: 0 };
  if (count > 0) {
    const answer = await fetch(`${url}/bench/inside?count=${count}`, { signal: leaving });
    if (!answer.ok || answer.body === null) {
      throw new Error(`the attachments inside were answered with ${answer.status}`);
    }
    const lines = createInterface({ input: Readable.fromWeb(answer.body as never) });
    lines.on("line", (line) => {
      held = JSON.parse(line) as Inside;
    });
    lines.on("error", (error) => {
      if (!leaving.aborted) throw error;
    });
    await until("the attachments inside to be ready", () => held.ready === count, 120_000);
  }
  return () => held;
}

export async function idle(): Promise<void> {
  const direct = Math.min(SOCKETS, room());
  const target = await oursRaw({ attachesInside: true });
  const before = memory(target.pid);
  const began = performance.now();
  const all = await attachments(target, direct);
  const leaving = new AbortController();
  const held = await inside(target.url, SOCKETS - direct, leaving.signal);
  tell(`${SOCKETS} attachments`, `opened in ${((performance.now() - began) / 1_000).toFixed(1)} s`);
  tell("of clients / from inside the process", `${direct} / ${SOCKETS - direct}`);
  tell("files open in the server", String(readdirSync(`/proc/${target.pid}/fd`).length));
  tell("memory for each", `${((memory(target.pid) - before) / SOCKETS / 1024).toFixed(1)} KiB`);
  await sleep(MS);
  const open = all.filter(({ closed }) => !closed).length + held().open;
  judge(`open after ${MS / 1_000} s`, String(open), String(SOCKETS), open === SOCKETS);
  await post(target.url, 1);
  await dry(all);
  await until("those inside to have it", () => held().messages === SOCKETS - direct);
  const got = received(all) + held().messages;
  judge("got a message then", String(got), String(SOCKETS), got === SOCKETS);
  leaving.abort();
  close(all);
}

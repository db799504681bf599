// Ten thousand attachments that say and hear nothing for a while, and are all there afterwards.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { attachments, close, dry, received } from "./load.ts";
import { memory, ours, post } from "./servers.ts";
import { judge, tell } from "./verdict.ts";

const SOCKETS = Number(process.env.SOCKETS ?? 10_000);
const MS = Number(process.env.SECONDS ?? 60) * 1_000;

/** Files that the server opens for each socket. */
const FILES = 2;

/** How many files a program may have open here. */
function files(): number {
  const limits = readFileSync("/proc/self/limits", "utf8");
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
}

export async function idle(): Promise<void> {
  const needed = FILES * SOCKETS + 1_000;
  if (files() < needed) {
    throw new Error(
      `${SOCKETS} sockets need ${needed} open files: run "ulimit -n ${needed}" before, or set SOCKETS`,
    );
  }
  const target = await ours();
  const before = memory(target.pid);
  const began = performance.now();
  const all = await attachments(target, SOCKETS);
  tell(`${SOCKETS} attachments`, `opened in ${((performance.now() - began) / 1_000).toFixed(1)} s`);
  tell("memory for each", `${((memory(target.pid) - before) / SOCKETS / 1024).toFixed(1)} KiB`);
  await sleep(MS);
  const open = all.filter(({ closed }) => !closed).length;
  judge(`open after ${MS / 1_000} s`, String(open), String(SOCKETS), open === SOCKETS);
  await post(target.url, 1);
  await dry(all);
  judge("got a message then", String(received(all)), String(SOCKETS), received(all) === SOCKETS);
  close(all);
}

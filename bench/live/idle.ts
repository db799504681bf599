// Ten thousand attachments that say and hear nothing for a while, and are all there afterwards.

import { setTimeout as sleep } from "node:timers/promises";
import { attachments, close, dry, received } from "./load.ts";
import { memory, ours, post } from "./servers.ts";
import { judge, tell } from "./verdict.ts";

const SOCKETS = Number(process.env.SOCKETS ?? 10_000);
const MS = Number(process.env.SECONDS ?? 60) * 1_000;

export async function idle(): Promise<void> {
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

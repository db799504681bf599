// One reader that stops reading, over WebSocket and over SSE: what that costs the others, whether it has everything
// once it reads again, and what the server's memory holds for it.

import { setTimeout as sleep } from "node:timers/promises";
import { Heap } from "../heap.ts";
import { attachments, close, delays, dry, median, observers, paced, quantile } from "./load.ts";
import { Attachment, Observer, type Receiver } from "./receiver.ts";
import { memory, original, ours, oursRaw, type Target } from "./servers.ts";
import { judge, tell } from "./verdict.ts";

const OTHERS = 15;
const RATE = 50;
const ROUNDS = Number(process.env.ROUNDS ?? 9);
const SLICE_MS = Number(process.env.SECONDS ?? 6) * 1_000;
/** How many stop for the measurement of memory, and how much of it each may cost. */
const MANY = Number(process.env.STALLED ?? 16);
const HELD_ROUNDS = 7;
const MOST_BYTES = 2 ** 20;
const FILLER = "x".repeat(20_000);
const BURST_MS = 3_000;
const BURST_FILLER = "x".repeat(100_000);

interface Stall {
  /** The others' p99 over all rounds without the stalled reader and with it, in milliseconds, and the ratio. */
  without: number;
  with_: number;
  share: number;
  lost: number;
}

/** More than what the system keeps on a connection, so that the server sees who does not read. */
async function burst(target: Target): Promise<number> {
  return await paced(target, RATE, BURST_MS, BURST_FILLER);
}

async function measure(target: Target, others: Receiver[], stalled: Receiver): Promise<Stall> {
  let posts = 0;
  const slice = async (): Promise<number[]> => {
    posts += await burst(target);
    await dry(others);
    delays(others);
    posts += await paced(target, RATE, SLICE_MS, FILLER);
    await dry(others);
    return delays(others);
  };
  const paused = async (): Promise<number[]> => {
    await dry([stalled]);
    stalled.pause();
    const late = await slice();
    stalled.resume();
    await sleep(500);
    await dry([stalled]);
    return late;
  };
  await slice();
  await dry([stalled]);
  const came = stalled.messages;
  posts = 0;
  const [without, with_]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    // Which comes first alternates.
    if (round % 2 === 0) {
      without.push(...(await slice()));
      with_.push(...(await paused()));
    } else {
      with_.push(...(await paused()));
      without.push(...(await slice()));
    }
  }
  await dry([stalled]);
  const p99 = [quantile(without, 0.99), quantile(with_, 0.99)] as const;
  return {
    without: p99[0],
    with_: p99[1],
    share: p99[1] / p99[0],
    lost: posts - (stalled.messages - came),
  };
}

/** In bytes for each reader. */
interface Held {
  /** What V8 keeps alive. */
  alive: number;
  /** By how much more the whole process grows, with what the runtime itself holds for sockets. */
  process: number;
}

/**
 * What the server's memory holds for each of many stalled readers: how much more it grows by while they are stalled than
 * while they read. V8 collects garbage before each look, as its moods outweigh what is looked for. What they do not read
 * is more than may be kept for them.
 */
async function held(target: Target, heap: Heap, stalled: Receiver[]): Promise<Held> {
  const look = async (): Promise<Held> => ({ alive: await heap.live(), process: memory(target.pid) });
  const slice = async (): Promise<Held> => {
    const before = await look();
    await burst(target);
    const after = await look();
    return { alive: after.alive - before.alive, process: after.process - before.process };
  };
  const [alive, whole]: [number[], number[]] = [[], []];
  for (let round = 0; round <= HELD_ROUNDS; round += 1) {
    const without = await slice();
    await dry(stalled);
    for (const reader of stalled) {
      reader.pause();
    }
    const with_ = await slice();
    for (const reader of stalled) {
      reader.resume();
    }
    await sleep(500);
    await dry(stalled);
    // The first warms up.
    if (round > 0) {
      alive.push((with_.alive - without.alive) / stalled.length);
      whole.push((with_.process - without.process) / stalled.length);
    }
  }
  return { alive: Math.max(...alive), process: median(whole) };
}

function report(title: string, own: boolean, { without, with_, share, lost }: Stall): void {
  const moved = `${((share - 1) * 100).toFixed(0)} %`;
  const figure = `${moved} (${without.toFixed(1)} → ${with_.toFixed(1)} ms)`;
  if (!own) {
    tell(`${title}: the others' p99`, figure);
    tell(`${title}: lost by the stalled reader`, String(lost));
    return;
  }
  judge(`${title}: the others' p99`, figure, "< 10 %", share < 1.1);
  judge(`${title}: lost by the stalled reader`, String(lost), "0", lost === 0);
}

function reportHeld(title: string, { alive, process: whole }: Held): void {
  const kib = (bytes: number): string => `${(bytes / 1024).toFixed(0)} KiB`;
  const each = `${title}: for each of ${MANY} stalled`;
  judge(`${each}, alive at most`, kib(alive), "≤ 1 MiB", alive <= MOST_BYTES);
  judge(`${each}, the process`, kib(whole), "≤ 1 MiB", whole <= MOST_BYTES);
}

export async function stalled(): Promise<void> {
  for (const target of [await ours(), ...(await original())]) {
    const own = target.name === "ours";
    const agents = await attachments(target, OTHERS);
    const agent = await Attachment.open(target.url, { agent: "stalled" });
    report(`${target.name}, attachment`, own, await measure(target, agents, agent));
    close([...agents, agent]);
    await sleep(1_000);
    const watchers = await observers(target, OTHERS);
    const watcher = new Observer(target.url);
    report(`${target.name}, observer`, own, await measure(target, watchers, watcher));
    close([...watchers, watcher]);
  }
  const target = await oursRaw({ inspector: true });
  const heap = await Heap.open(target.worker.inspector ?? 0);
  const many = await attachments(target, MANY);
  reportHeld("ours, attachment", await held(target, heap, many));
  close(many);
  await sleep(1_000);
  const more = await observers(target, MANY);
  reportHeld("ours, observer", await held(target, heap, more));
  close(more);
  heap.close();
}

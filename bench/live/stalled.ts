// One reader that stops reading, over WebSocket and over SSE: what that costs the others, whether it has everything
// once it reads again, and what the server's memory holds for it. The last is measured with many that stop at the same
// time, as a collector's moods outweigh what one of them costs.

import { setTimeout as sleep } from "node:timers/promises";
import { attachments, close, delays, dry, median, observers, paced, quantile } from "./load.ts";
import { Attachment, Observer, type Receiver } from "./receiver.ts";
import { memory, original, ours, type Target } from "./servers.ts";
import { judge, tell } from "./verdict.ts";

const OTHERS = 15;
const RATE = 50;
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SLICE_MS = Number(process.env.SECONDS ?? 3) * 1_000;
/** How many stop for the measurement of memory, and how much of it each may cost. */
const MANY = Number(process.env.STALLED ?? 16);
const MOST_BYTES = 2 ** 20;
const FILLER = "x".repeat(20_000);
const BURST_MS = 3_000;
const BURST_FILLER = "x".repeat(100_000);

interface Stall {
  /** The others' p99 without the stalled reader and with it, and the ratio, each in the median. */
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
  const slice = async (): Promise<number> => {
    posts += await burst(target);
    await dry(others);
    delays(others);
    posts += await paced(target, RATE, SLICE_MS, FILLER);
    await dry(others);
    return quantile(delays(others), 0.99);
  };
  const paused = async (): Promise<number> => {
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
  const pairs: [number, number][] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    // Which comes first alternates.
    const first = round % 2 === 0 ? await slice() : await paused();
    const second = round % 2 === 0 ? await paused() : await slice();
    pairs.push(round % 2 === 0 ? [first, second] : [second, first]);
  }
  await dry([stalled]);
  return {
    without: median(pairs.map(([without]) => without)),
    with_: median(pairs.map(([, with_]) => with_)),
    share: median(pairs.map(([without, with_]) => with_ / without)),
    lost: posts - (stalled.messages - came),
  };
}

/**
 * What the server's memory holds for each of many stalled readers, in bytes: how much more it grows by while they are
 * stalled than while they read, in the median of the rounds. What they read is more than it may keep for them.
 */
async function held(target: Target, stalled: Receiver[]): Promise<number> {
  const slice = async (): Promise<number> => {
    const before = memory(target.pid);
    await burst(target);
    return memory(target.pid) - before;
  };
  const each: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
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
      each.push((with_ - without) / stalled.length);
    }
  }
  return median(each);
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

function reportHeld(title: string, bytes: number): void {
  const figure = `${(bytes / 1024).toFixed(0)} KiB`;
  judge(`${title}: memory for each of ${MANY} stalled`, figure, "≤ 1 MiB", bytes <= MOST_BYTES);
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
    if (own) {
      const many = await attachments(target, MANY);
      reportHeld(`${target.name}, attachment`, await held(target, many));
      close(many);
      await sleep(1_000);
      const more = await observers(target, MANY);
      reportHeld(`${target.name}, observer`, await held(target, more));
      close(more);
    }
  }
}

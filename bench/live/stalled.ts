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
const MANY = Number(process.env.STALLED ?? 40);
const MOST_BYTES = 2 ** 20;
const FILLER = "x".repeat(20_000);

interface Stall {
  /** The others' p99 with the stalled reader over that without, in the median. */
  share: number;
  lost: number;
}

async function measure(target: Target, others: Receiver[], stalled: Receiver): Promise<Stall> {
  const slice = async (): Promise<number> => {
    delays(others);
    await paced(target, RATE, SLICE_MS, FILLER);
    await dry(others);
    return quantile(delays(others), 0.99);
  };
  await slice();
  const shares: number[] = [];
  let missed = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const without = await slice();
    await dry([stalled]);
    const came = stalled.messages;
    stalled.pause();
    const with_ = await slice();
    stalled.resume();
    await sleep(500);
    await dry([stalled]);
    shares.push(with_ / without);
    missed += (SLICE_MS / 1000) * RATE - (stalled.messages - came);
  }
  return { share: median(shares), lost: missed };
}

/**
 * What the server's memory holds for each of many stalled readers, in bytes: how much more it grows by while they are
 * stalled than while they read, in the median of the rounds. What they read is more than it may keep for them.
 */
async function held(target: Target, stalled: Receiver[]): Promise<number> {
  const slice = async (): Promise<number> => {
    const before = memory(target.pid);
    await paced(target, RATE, SLICE_MS, FILLER);
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

function report(title: string, own: boolean, { share, lost }: Stall): void {
  const figure = `${((share - 1) * 100).toFixed(0)} %`;
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

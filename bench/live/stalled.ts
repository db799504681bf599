// One reader that stops reading, over WebSocket and over SSE: what that costs the others, and whether it has everything
// once it reads again.

import { setTimeout as sleep } from "node:timers/promises";
import { attachments, close, delays, dry, median, observers, paced, quantile } from "./load.ts";
import { Attachment, Observer, type Receiver } from "./receiver.ts";
import { memory, original, ours, type Target } from "./servers.ts";
import { judge, tell } from "./verdict.ts";

const OTHERS = 15;
const RATE = 50;
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SLICE_MS = Number(process.env.SECONDS ?? 3) * 1_000;
const FILLER = "x".repeat(20_000);

interface Stall {
  /** The others' p99 with the stalled reader over that without, in the median. */
  share: number;
  lost: number;
  /** What the server's memory grew by while it was stalled. */
  grown: number;
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
  let [missed, grown] = [0, 0];
  for (let round = 0; round < ROUNDS; round += 1) {
    const without = await slice();
    await dry([stalled]);
    const [came, before] = [stalled.messages, memory(target.pid)];
    stalled.pause();
    const with_ = await slice();
    grown = Math.max(grown, memory(target.pid) - before);
    stalled.resume();
    await sleep(500);
    await dry([stalled]);
    shares.push(with_ / without);
    missed += (SLICE_MS / 1000) * RATE - (stalled.messages - came);
  }
  return { share: median(shares), lost: missed, grown };
}

function report(title: string, own: boolean, { share, lost, grown }: Stall): void {
  const figure = `${((share - 1) * 100).toFixed(0)} %`;
  if (!own) {
    tell(`${title}: the others' p99`, figure);
    tell(`${title}: lost by the stalled reader`, String(lost));
    return;
  }
  judge(`${title}: the others' p99`, figure, "< 10 %", share < 1.1);
  judge(`${title}: lost by the stalled reader`, String(lost), "0", lost === 0);
  tell(`${title}: memory grew by at most`, `${(grown / 2 ** 20).toFixed(1)} MiB, collector and all`);
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
}

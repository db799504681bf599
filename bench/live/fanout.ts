// Deliveries a second from one busy room to many attachments, interleaved: ours, bare objects, the original.

import { attachments, close, delays, dry, flood, median, quantile, received } from "./load.ts";
import type { Attachment } from "./receiver.ts";
import { floor, original, ours, type Target } from "./servers.ts";
import { judge, tell } from "./verdict.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SLICE_MS = Number(process.env.SECONDS ?? 1.5) * 1_000;
const WRITERS = Number(process.env.WRITERS ?? 8);

interface Slice {
  rate: number;
  p50: number;
  p99: number;
  lost: number;
}

async function slice(target: Target, readers: Attachment[]): Promise<Slice> {
  const [before, began] = [received(readers), performance.now()];
  delays(readers);
  const posts = await flood(target, WRITERS, SLICE_MS);
  const last = await dry(readers);
  const came = received(readers) - before;
  const late = delays(readers);
  return {
    rate: came / ((last - began) / 1_000),
    p50: quantile(late, 0.5),
    p99: quantile(late, 0.99),
    lost: posts * readers.length - came,
  };
}

/** Interleaved slices by the target's title. */
async function rounds(fields: Map<string, [Target, Attachment[]]>): Promise<Map<string, Slice[]>> {
  const slices = new Map<string, Slice[]>();
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [title, [target, readers]] of fields) {
      const one = await slice(target, readers);
      // The first warms up.
      if (round > 0) {
        slices.set(title, [...(slices.get(title) ?? []), one]);
      }
    }
  }
  for (const [title, list] of slices) {
    const of = (name: keyof Slice) => median(list.map((one) => one[name]));
    const lost = list.reduce((sum, one) => sum + one.lost, 0);
    const [rate, p50, p99] = [of("rate").toFixed(0), of("p50").toFixed(0), of("p99").toFixed(0)];
    tell(title, `${rate.padStart(6)} deliveries/s, p50 ${p50} ms, p99 ${p99} ms, ${lost} lost`);
  }
  for (const [, [, readers]] of fields) {
    close(readers);
  }
  return slices;
}

/** The median of the ratios within each round. */
function ratio(slices: Map<string, Slice[]>, one: string, other: string): number {
  const base = slices.get(other) ?? [];
  return median((slices.get(one) ?? []).map(({ rate }, round) => rate / (base[round]?.rate ?? Number.NaN)));
}

const lostBy = (slices: Map<string, Slice[]>, one: string): number =>
  (slices.get(one) ?? []).reduce((sum, { lost }) => sum + lost, 0);

/** Single frames to 100 and to 500. */
export async function fanout(): Promise<void> {
  const targets = [await floor(), await ours(), ...(await original())];
  for (const count of [100, 500]) {
    const fields = new Map<string, [Target, Attachment[]]>();
    for (const target of targets) {
      fields.set(`${target.name}, ${count} attachments`, [target, await attachments(target, count)]);
    }
    const slices = await rounds(fields);
    const own = `ours, ${count} attachments`;
    const share = ratio(slices, own, `floor, ${count} attachments`);
    judge(`ours / floor at ${count}`, share.toFixed(2), "≥ 0.9", share >= 0.9);
    const lost = lostBy(slices, own);
    judge(`ours lost at ${count}`, String(lost), "0", lost === 0);
  }
}

/** 500 attachments that asked for several events in a frame, and the original's. */
export async function several(): Promise<void> {
  const count = 500;
  const fields = new Map<string, [Target, Attachment[]]>();
  const own = await ours();
  fields.set("ours, several events in a frame", [own, await attachments(own, count, 256)]);
  for (const target of await original()) {
    fields.set("the original", [target, await attachments(target, count)]);
  }
  const slices = await rounds(fields);
  if (fields.size > 1) {
    const share = ratio(slices, "ours, several events in a frame", "the original");
    judge("ours / the original", share.toFixed(2), "≥ 2", share >= 2);
  }
  const lost = lostBy(slices, "ours, several events in a frame");
  judge("ours lost", String(lost), "0", lost === 0);
}

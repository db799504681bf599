// Posting, and waiting for what follows from it.

import { setTimeout as sleep } from "node:timers/promises";
import { many } from "../../tests/harness/together.ts";
import { until } from "../../tests/harness/until.ts";
import { Attachment, Observer, type Receiver } from "./receiver.ts";
import { post, type Target } from "./servers.ts";

/** How long nothing must come for everything to have come. */
const DRY_MS = 1_000;

/** How many open at the same time. */
const OPENING = 50;

export const quantile = (list: readonly number[], part: number): number =>
  list.toSorted((a, b) => a - b)[Math.floor((list.length - 1) * part)] ?? Number.NaN;

export const median = (list: readonly number[]): number => quantile(list, 0.5);

export function attachments(target: Target, count: number, eventsPerFrame = 1): Promise<Attachment[]> {
  return many(count, OPENING, (n) => Attachment.open(target.url, { agent: `reader-${n}`, eventsPerFrame }));
}

export async function observers(target: Target, count: number): Promise<Observer[]> {
  return await many(count, OPENING, async () => {
    const observer = new Observer(target.url);
    await until("a stream to open", () => observer.opened, 60_000);
    return observer;
  });
}

/** Posts as fast as so many writers can for a while; how many. */
export async function flood(target: Target, writers: number, ms: number): Promise<number> {
  const end = performance.now() + ms;
  let posts = 0;
  const writer = async (): Promise<void> => {
    while (performance.now() < end) {
      posts += 1;
      await post(target.url, posts);
    }
  };
  await Promise.all(Array.from({ length: writers }, writer));
  return posts;
}

/** Posts at a fixed rate, whether those before were answered or not; how many. */
export async function paced(target: Target, perSecond: number, ms: number, filler?: string): Promise<number> {
  const began = performance.now();
  const all: Promise<void>[] = [];
  for (let n = 0; n < (ms / 1000) * perSecond; n += 1) {
    const due = began + (n * 1000) / perSecond;
    const early = due - performance.now();
    if (early > 0) {
      await sleep(early);
    }
    all.push(post(target.url, n + 1, filler));
  }
  await Promise.all(all);
  return all.length;
}

export const received = (receivers: Receiver[]): number =>
  receivers.reduce((sum, { messages }) => sum + messages, 0);

/** Waits until nothing comes any more; when the last came. */
export async function dry(receivers: Receiver[]): Promise<number> {
  let [last, at] = [received(receivers), performance.now()];
  await until(
    "the readers to have everything",
    () => {
      const now = received(receivers);
      if (now !== last) {
        [last, at] = [now, performance.now()];
      }
      return performance.now() - at > DRY_MS;
    },
    120_000,
  );
  return at;
}

/** Empties what was noted of delays. */
export function delays(receivers: Receiver[]): number[] {
  return receivers.flatMap((receiver) => receiver.delays.splice(0));
}

export function close(receivers: Receiver[]): void {
  for (const receiver of receivers) {
    receiver.cut();
  }
}

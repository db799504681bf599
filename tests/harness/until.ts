// Waiting for a condition instead of a fixed time.
//
// Invariant: a wait that ends without its condition throws, naming what was waited for.

import { setTimeout as sleep } from "node:timers/promises";

/** How long `until` waits unless told otherwise; generous, as CI machines stall. */
const DEADLINE_MS = 15_000;
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 100;

/**
 * Asks again and again until the probe gives something that is neither `undefined`, `null` nor `false`.
 * A probe that throws is asked again too; its last error is the timeout's cause.
 */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  deadlineMs = DEADLINE_MS,
): Promise<Exclude<T, undefined | null | false>> {
  const end = performance.now() + deadlineMs;
  let pause = FIRST_PAUSE_MS;
  let cause: unknown;
  for (;;) {
    try {
      const found = await probe();
      if (found !== undefined && found !== null && found !== false) {
        return found as Exclude<T, undefined | null | false>;
      }
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= end) {
      throw new Error(`waited ${deadlineMs} ms in vain for ${what}`, { cause });
    }
    await sleep(pause);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

// The fixed loads of this run: half of what the floor can do, plain, and half of what the twin can do, streamed.
//
// The floor passes streams on natively, at several times the rate that anything can which has to read them; half of
// its streamed maximum would drown every program that counts usage.

import { median } from "./figures.ts";
import { loadArguments, measure } from "./load.ts";
import type { Running } from "./programs/program.ts";
import { TESTS } from "./tests.ts";

const TRIES = 3;
const SECONDS = 1.5;
const WARMUP_S = 0.7;

/** Half the calls per second that a program answers in a saturation test. */
export async function halfOfMaximum(running: Running, test: "plain-max" | "stream-max"): Promise<number> {
  const load = TESTS.find(({ name }) => name === test)?.load({ plain: 0, stream: 0 }) ?? [];
  const rates = [];
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const report = await measure(loadArguments(running, load, SECONDS, WARMUP_S));
    rates.push(report.calls_per_second);
  }
  return (median(rates) ?? 0) / 2;
}

// The interleaved run: rounds of tests, in each test every program for one short slice, in an order that rotates.
//
// Invariant: the slices of a test and round either all count or none does. Before and after them the upstream is
// asked alone; where its own p99 is above the limit, the machine was busy with something else, and the test is
// repeated a bounded number of times.

import { setTimeout as sleep } from "node:timers/promises";
import { figuresOf, type Result, resultOf, type Slice } from "./figures.ts";
import { loadArguments, measure } from "./load.ts";
import { cpuTime, watchSteal } from "./machine.ts";
import { PEERS } from "./programs/list.ts";
import type { Running } from "./programs/program.ts";
import { say } from "./step.ts";
import type { Rates, Test } from "./tests.ts";

const WARMUP_S = 0.3;
const PROBE_S = 0.5;
/** How often a test of a round is tried until it is given up. */
const TRIES = 4;
/** How often the upstream is asked before a try, until the machine is calm. */
const PROBES = 6;
const PAUSE_MS = 1_000;

export interface Plan {
  tests: Test[];
  rounds: number;
  seconds: number;
  rates: Rates;
  noiseMs: number;
  /** Asked before and after the slices of a test. */
  upstream: Running;
  running: Map<string, Running>;
}

export interface Outcome {
  /** test → program → result */
  results: Map<string, Map<string, Result>>;
  /** What was thrown away, and why. */
  discarded: { test: string; round: number; upstreamP99Ms: number; stolen: number | undefined }[];
  /** Rounds that count, by test. */
  valid: Map<string, number>;
  /** Other people's programs that broke down on the way. */
  lost: string[];
}

async function slice(running: Running, test: Test, plan: Plan): Promise<Slice> {
  const before = cpuTime(running.child.pid);
  const report = await measure(loadArguments(running, test.load(plan.rates), plan.seconds, WARMUP_S));
  const after = cpuTime(running.child.pid);
  const used = before === undefined || after === undefined ? undefined : after - before;
  return { report, figures: figuresOf(report, used, WARMUP_S) };
}

/** The upstream's own p99, milliseconds. */
async function probe(plan: Plan): Promise<number> {
  const load = ["closed", "--connections", "1"];
  const report = await measure(loadArguments(plan.upstream, load, PROBE_S, 0.1));
  return (report.total?.p99_us ?? Number.POSITIVE_INFINITY) / 1e3;
}

/** Waits, for a while, until the machine is calm; returns the upstream's p99 of the last time it was asked. */
async function calm(plan: Plan, stopped: () => boolean): Promise<number> {
  for (let asked = 1; ; asked++) {
    const noise = await probe(plan);
    if (noise <= plan.noiseMs || asked === PROBES || stopped()) {
      return noise;
    }
    await sleep(PAUSE_MS);
  }
}

function rotated<T>(list: T[], by: number): T[] {
  const at = by % Math.max(list.length, 1);
  return [...list.slice(at), ...list.slice(0, at)];
}

/** One try of one test: every program's slice, and how busy the machine was meanwhile. */
async function attempt(plan: Plan, test: Test, shift: number, lost: string[], stopped: () => boolean) {
  const stolen = watchSteal();
  const taken = new Map<string, Slice>();
  let noise = await calm(plan, stopped);
  if (noise <= plan.noiseMs) {
    for (const [name, running] of rotated([...plan.running], shift)) {
      if (stopped()) {
        break;
      }
      try {
        taken.set(name, await slice(running, test, plan));
      } catch (error) {
        if (!PEERS.includes(name)) {
          throw error;
        }
        plan.running.delete(name);
        lost.push(`${name} broke down in ${test.name}: ${error instanceof Error ? error.message : error}`);
        say(`  ${lost.at(-1)}`);
      }
    }
    noise = Math.max(noise, await probe(plan));
  }
  return { taken, noise, stolen: stolen() };
}

/** Runs everything; `stopped` ends it after the slice that runs. */
export async function runRounds(plan: Plan, stopped: () => boolean): Promise<Outcome> {
  const slices = new Map(plan.tests.map((test) => [test.name, new Map<string, Slice[]>()]));
  const outcome: Outcome = { results: new Map(), discarded: [], valid: new Map(), lost: [] };
  const began = performance.now();
  for (let round = 1; round <= plan.rounds; round++) {
    for (const [number, test] of plan.tests.entries()) {
      for (let tries = 1; tries <= TRIES && !stopped(); tries++) {
        const seconds = Math.round((performance.now() - began) / 1000);
        say(`  round ${round}/${plan.rounds} · ${test.title}${tries > 1 ? " (again)" : ""} · ${seconds} s`);
        const { taken, noise, stolen } = await attempt(plan, test, round + number, outcome.lost, stopped);
        if (noise > plan.noiseMs) {
          outcome.discarded.push({ test: test.name, round, upstreamP99Ms: noise, stolen });
          say(`  thrown away: the upstream alone had a p99 of ${noise.toFixed(1)} ms`);
          continue;
        }
        for (const [name, one] of taken) {
          const known = slices.get(test.name);
          known?.set(name, [...(known.get(name) ?? []), one]);
        }
        outcome.valid.set(test.name, (outcome.valid.get(test.name) ?? 0) + 1);
        break;
      }
    }
  }
  for (const [test, programs] of slices) {
    outcome.results.set(test, new Map([...programs].map(([name, all]) => [name, resultOf(all)])));
  }
  return outcome;
}

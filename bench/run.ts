// `make bench`: see arguments.ts for its help and docs/performance.md for what it measures.
//
// Invariant: every program that is started here has ended when this one ends, also on Ctrl-C.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { end } from "../tests/harness/child.ts";
import { scratch } from "../tests/harness/scratch.ts";
import { HELP, type Options, readArguments, UsageError } from "./arguments.ts";
import { judge } from "./bars.ts";
import { buildLoad, loadArguments, loadLine, measure } from "./load.ts";
import { preflight } from "./preflight.ts";
import { PEERS, PROGRAMS } from "./programs/list.ts";
import { type Running, Unavailable } from "./programs/program.ts";
import { halfOfMaximum } from "./rates.ts";
import { writeResults } from "./results.ts";
import { runRounds } from "./rounds.ts";
import { say } from "./step.ts";
import { testTable, verdictTable } from "./table.ts";
import { type Rates, TESTS } from "./tests.ts";

const WARM_S = 3;

/** All programs that are up, and those that could not be had. */
interface Field {
  running: Map<string, Running>;
  left: string[];
}

function needed(options: Options): string[] {
  const names = new Set(["upstream", ...options.programs]);
  if (!options.seedOnly && options.tests.includes("plain-16") && options.rate === undefined) {
    names.add("floor");
  }
  if (!options.seedOnly && options.tests.includes("stream-16") && options.streamRate === undefined) {
    names.add("twin");
  }
  return Object.keys(PROGRAMS).filter((name) => names.has(name));
}

async function startAll(options: Options, stopped: () => boolean): Promise<Field> {
  await buildLoad();
  const folder = scratch("bench");
  const field: Field = { running: new Map(), left: [] };
  for (const name of needed(options)) {
    const program = PROGRAMS[name];
    if (program === undefined || stopped()) {
      continue;
    }
    try {
      if (name !== "ours" || options.build) {
        await program.prepare?.();
      }
      say(`· Starting ${program.title}`);
      const own = join(folder, name);
      mkdirSync(own);
      const upstream = new URL(field.running.get("upstream")?.url ?? "http://127.0.0.1").origin;
      const running = await program.start({ upstream, folder: own });
      await preflight(name, running);
      field.running.set(name, running);
    } catch (error) {
      if (!(error instanceof Unavailable) || !PEERS.includes(name)) {
        throw error;
      }
      field.left.push(`${program.title}: ${error.message.split("\n")[0]}`);
      say(`  left out: ${error.message}`);
    }
  }
  return field;
}

/** Lets every program's own compilers see both kinds of call before anything counts. */
async function warm(field: Field, stopped: () => boolean): Promise<void> {
  say("· Warming up");
  for (const running of stopped() ? [] : field.running.values()) {
    for (const load of [
      ["closed", "--connections", "16"],
      ["closed", "--connections", "16", "--stream"],
    ]) {
      await measure(loadArguments(running, load, WARM_S, 0));
    }
  }
}

async function findRates(options: Options, field: Field): Promise<Rates> {
  const floor = field.running.get("floor");
  const twin = field.running.get("twin");
  const plain = options.tests.includes("plain-16");
  const stream = options.tests.includes("stream-16");
  const rates = {
    plain: options.rate ?? (plain && floor ? await halfOfMaximum(floor, "plain-max") : 0),
    stream: options.streamRate ?? (stream && twin ? await halfOfMaximum(twin, "stream-max") : 0),
  };
  say(`· Fixed loads: ${rates.plain.toFixed(0)} plain and ${rates.stream.toFixed(0)} streamed calls/s`);
  return rates;
}

async function seedOnly(field: Field, stopped: () => boolean): Promise<void> {
  for (const [name, running] of field.running) {
    const headers = { "content-type": "application/json", ...running.headers };
    const lines = Object.entries(headers).map(([header, value]) => ` -H '${header}: ${value}'`);
    const body = `{"model":"${running.model}","messages":[{"role":"user","content":"bench:chunks=5;interval_us=200000"}],"stream":true}`;
    const load = loadArguments(running, ["closed", "--connections", "16"], 10, 1);
    process.stdout.write(
      `\n${PROGRAMS[name]?.title} (process ${running.child.pid})\n` +
        `  curl -N ${running.url}${lines.join("")} -d '${body}'\n  ${loadLine(load)}\n`,
    );
  }
  say("\nCtrl-C ends them.");
  while (!stopped()) {
    await sleep(200);
  }
}

async function run(options: Options, stopped: () => boolean): Promise<number> {
  const field = await startAll(options, stopped);
  const upstream = field.running.get("upstream");
  try {
    if (options.seedOnly || upstream === undefined) {
      await seedOnly(field, stopped);
      return 0;
    }
    await warm(field, stopped);
    const rates = await findRates(options, field);
    const tests = TESTS.filter((test) => options.tests.includes(test.name));
    const chosen = [...field.running].filter(([name]) => options.programs.includes(name));
    const { rounds, seconds, noiseMs } = options;
    const plan = { tests, rounds, seconds, rates, noiseMs, upstream, running: new Map(chosen) };
    const outcome = await runRounds(plan, stopped);
    if (stopped()) {
      say("Stopped: nothing is judged.");
      return 130;
    }
    process.stdout.write(`\n${tests.map((test) => testTable(test, outcome)).join("\n\n")}\n`);
    const verdicts = options.programs.includes("ours") ? judge(outcome, options.tests) : [];
    process.stdout.write(`\n${verdictTable(verdicts)}\n`);
    const left = [...field.left, ...outcome.lost];
    for (const text of left) {
      process.stdout.write(`left out: ${text}\n`);
    }
    if (outcome.discarded.length > 0) {
      process.stdout.write(`${outcome.discarded.length} tests of a round were thrown away as too noisy\n`);
    }
    say(`Results: ${writeResults(options, rates, outcome, verdicts, left)}`);
    return verdicts.every(({ passed }) => passed === true) ? 0 : 1;
  } finally {
    await Promise.all([...field.running.values()].map(({ child }) => end(child)));
  }
}

async function main(): Promise<number> {
  let options: Options | undefined;
  try {
    options = readArguments(process.argv.slice(2));
  } catch (error) {
    if (error instanceof UsageError) {
      say(`${error.message}\nTry --help.`);
      return 2;
    }
    throw error;
  }
  if (options === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  let stops = 0;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      stops += 1;
      if (stops > 1) {
        // Everything that was started ends with this process.
        process.exit(130);
      }
      say("Stopping.");
    });
  }
  try {
    return await run(options, () => stops > 0);
  } catch (error) {
    if (stops > 0) {
      return 130;
    }
    say(`✗ ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

process.exit(await main());

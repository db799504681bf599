// `make test` after the installation: runs the parts, several at a time, and adds up what they count.
//
// Invariant: the last line is `N passed, N failed`, and the exit status is 0 only if the second N is. A part that
// fails without a failed test, or cannot run because the build failed, counts as one failure.

import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { ROOT } from "../local/step.ts";
import { interrupt, type Result } from "./execute.ts";
import { type Job, type Part, parts } from "./parts.ts";
import { type Listener, type Progress, runAll } from "./pool.ts";

const LOGS = join(ROOT, "target", "test-logs");
const KEPT_RUNS = 5;
const TAIL_LINES = 60;
const PROGRESS_MS = 15_000;
const SLOWEST = 8;

const total = { passed: 0, failed: 0 };

function summary(): string {
  return `${total.passed} passed, ${total.failed} failed`;
}

function logFolder(): string {
  mkdirSync(LOGS, { recursive: true });
  for (const old of readdirSync(LOGS).sort().slice(0, -KEPT_RUNS)) {
    rmSync(join(LOGS, old), { recursive: true, force: true });
  }
  const started = new Date().toISOString().replace(/[:.]/g, "-");
  const folder = join(LOGS, `${started}-${process.pid}`);
  mkdirSync(folder);
  return folder;
}

function chosen(all: Part[]): Part[] {
  const only = (process.env.ONLY ?? "").split(/[ ,]+/).filter((name) => name !== "");
  const unknown = only.filter((name) => !all.some((part) => part.name === name));
  if (unknown.length > 0) {
    console.error(
      `✗ no part is named ${unknown.join(", ")}; there are: ${all.map((part) => part.name).join(" ")}`,
    );
    total.failed += 1;
    return [];
  }
  return only.length === 0 ? all : all.filter((part) => only.includes(part.name));
}

/** The end of the log, or, of node's runner, the list of the tests that failed. */
function tail({ output }: Result): string {
  const lines = output.trimEnd().split("\n");
  const list = lines.findIndex((line) => line.startsWith("✖ failing tests"));
  const from = list === -1 ? lines.length - TAIL_LINES : list;
  return lines
    .slice(Math.max(0, from))
    .slice(0, 4 * TAIL_LINES)
    .map((line) => `  | ${line}`)
    .join("\n");
}

/** The parts' own way of telling what happens. */
class Teller implements Listener {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  log(part: Part, { name }: Job): string {
    const file = name === undefined ? part.name : `${part.name}-${name.replace(/[^\w.-]/g, "-")}`;
    return join(this.#folder, `${file}.log`);
  }

  begins({ part }: Progress): void {
    console.error(`· ${part.label}`);
  }

  cannot({ part }: Progress, missing: Part): void {
    total.failed += 1;
    console.error(`✗ ${part.label}: not run, as this failed: ${missing.label}`);
  }

  ends({ part, results, begun = 0 }: Progress): boolean {
    const counts = { passed: 0, failed: 0 };
    const tails: string[] = [];
    for (const [job, result] of results) {
      const own = part.counts(result.output);
      // A runner may fail without a failed test, and so may a part that has none.
      const failed = result.good ? own.failed : Math.max(own.failed, 1);
      counts.passed += own.passed;
      counts.failed += failed;
      if (failed > 0) {
        const named = job.name === undefined ? "" : `  ${job.name}:\n`;
        tails.push(`${named}${tail(result)}\n  The whole log: ${relative(ROOT, this.log(part, job))}`);
      }
    }
    total.passed += counts.passed;
    total.failed += counts.failed;
    const tests =
      counts.passed + counts.failed === 0 ? "" : `: ${counts.passed} passed, ${counts.failed} failed`;
    const seconds = Math.round((performance.now() - begun) / 1000);
    console.error(`${counts.failed === 0 ? "✓" : "✗"} ${part.label}${tests} (${seconds} s)`);
    for (const text of tails) {
      console.error(text);
    }
    if (counts.failed === 0 && part.name === "size") {
      console.error([...results.values()].map(({ output }) => `  ${output.trim()}`).join("\n"));
    }
    return counts.failed === 0;
  }
}

/** One line of what is going on. */
function underWay(all: Progress[]): string {
  const parts = all.flatMap(({ part, running, results }) => {
    const [one] = running.values();
    if (one === undefined) {
      return [];
    }
    const last = part.jobs.length === 1 ? `: ${one.lastLine()}` : ` ${results.size}/${part.jobs.length}`;
    return [`${part.name}${last}`];
  });
  return parts.join(" · ");
}

/** Where the time went, of parts with many jobs. */
function slowest(all: Progress[]): string {
  const jobs = all.flatMap(({ results }) => [...results]);
  return jobs
    .filter(([{ name }]) => name !== undefined)
    .sort(([, one], [, other]) => other.seconds - one.seconds)
    .slice(0, SLOWEST)
    .map(([{ name }, { seconds }]) => `${name} ${seconds} s`)
    .join(", ");
}

async function main(): Promise<void> {
  const all = parts();
  const run = chosen(all);
  const folder = logFolder();
  const begun = performance.now();
  // A single part that needs the Worker, or the command line, gets it all the same.
  for (const name of new Set(run.flatMap(({ needs = [] }) => needs))) {
    if (!run.some((part) => part.name === name)) {
      run.unshift(...all.filter((part) => part.name === name));
    }
  }
  const { progress, done } = runAll(
    run.filter(({ leftOut }) => leftOut === undefined),
    new Teller(folder),
  );
  const seconds = () => Math.round((performance.now() - begun) / 1000);
  const timer = setInterval(() => {
    console.error(`    … ${String(seconds()).padStart(4)} s  ${underWay(progress)}`);
  }, PROGRESS_MS);
  await done;
  clearInterval(timer);
  const slow = slowest(progress);
  if (slow !== "") {
    console.error(`· slowest: ${slow}`);
  }
  console.error(`· ${seconds()} s in all; logs: ${relative(ROOT, folder)}`);
  for (const { label, leftOut } of run) {
    if (leftOut !== undefined) {
      console.error(`left out: ${label}: ${leftOut}`);
    }
  }
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    void interrupt().then(() => {
      console.error("\n✗ interrupted");
      total.failed += 1;
      console.log(summary());
      process.exit(130);
    });
  });
}

await main();
console.log(summary());
process.exitCode = total.failed === 0 ? 0 : 1;

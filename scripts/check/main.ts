// `make test` after the installation: runs the parts one after the other and adds up what they count.
//
// Invariant: the last line is `N passed, N failed`, and the exit status is 0 only if the second N is. A part that
// fails without a failed test, or cannot run because the build failed, counts as one failure.

import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { ROOT } from "../local/step.ts";
import { execute, interrupt, type Result } from "./execute.ts";
import { type Part, parts } from "./parts.ts";

const LOGS = join(ROOT, "target", "test-logs");
const KEPT_RUNS = 5;
const TAIL_LINES = 60;

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

function report(part: Part, result: Result, log: string): void {
  const counts = part.counts(result.output);
  // A runner may fail without a failed test, and so may a part that has none.
  const failed = result.good ? counts.failed : Math.max(counts.failed, 1);
  total.passed += counts.passed;
  total.failed += failed;
  const tests =
    counts.passed + counts.failed === 0 ? "" : `: ${counts.passed} passed, ${counts.failed} failed`;
  console.error(`${failed === 0 ? "✓" : "✗"} ${part.label}${tests} (${result.seconds} s)`);
  if (failed > 0) {
    console.error(`${tail(result)}\n  The whole log: ${relative(ROOT, log)}`);
  } else if (part.name === "size") {
    console.error(`  ${result.output.trim()}`);
  }
}

async function main(): Promise<void> {
  const all = parts();
  const run = chosen(all);
  const folder = logFolder();
  const left: string[] = [];
  const begun = performance.now();
  // A single part that needs the Worker, or the command line, gets it all the same.
  for (const [needed, name] of [
    [run.some((part) => part.needsProgram), "program"],
    [run.some((part) => part.needsBuild), "build"],
  ] as const) {
    if (needed && !run.some((part) => part.name === name)) {
      run.unshift(...all.filter((part) => part.name === name));
    }
  }
  let built = true;
  for (const part of run) {
    if (part.leftOut !== undefined) {
      left.push(`left out: ${part.label}: ${part.leftOut}`);
      continue;
    }
    if (part.needsBuild && !built) {
      total.failed += 1;
      console.error(`✗ ${part.label}: not run, as the Worker could not be built`);
      continue;
    }
    console.error(`· ${part.label}`);
    const log = join(folder, `${part.name}.log`);
    const result = await execute(part, log);
    report(part, result, log);
    built = built && (part.name !== "build" || result.good);
  }
  console.error(
    `· ${Math.round((performance.now() - begun) / 1000)} s in all; logs: ${relative(ROOT, folder)}`,
  );
  for (const line of left) {
    console.error(line);
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

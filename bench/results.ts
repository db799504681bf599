// The results as a file, so that a later run can be held against an earlier one.

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { ROOT } from "../tests/harness/paths.ts";
import type { Options } from "./arguments.ts";
import type { Verdict } from "./bars.ts";
import { compare } from "./figures.ts";
import { PROGRAMS } from "./programs/list.ts";
import type { Outcome } from "./rounds.ts";
import type { Rates } from "./tests.ts";

const FOLDER = join(ROOT, "bench", "results");

function commit(): string | undefined {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty"], {
      cwd: ROOT,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return undefined;
  }
}

/** Everything that was measured, one object for each test and program. */
function tests(outcome: Outcome): Record<string, unknown> {
  return Object.fromEntries(
    [...outcome.results].map(([test, programs]) => [
      test,
      {
        rounds: outcome.valid.get(test) ?? 0,
        programs: Object.fromEntries(
          [...programs].map(([name, result]) => {
            const ratios = (other: string) => {
              const to = programs.get(other);
              const figures = Object.keys(result.figures) as (keyof typeof result.figures)[];
              return (
                to &&
                Object.fromEntries(
                  figures.map((figure) => [figure, compare(result, to, figure, (one, base) => one / base)]),
                )
              );
            };
            const { figures, errors, unserved } = result;
            const rounds = result.slices.map((slice) => slice.figures);
            return [
              name,
              { figures, toTwin: ratios("twin"), toFloor: ratios("floor"), errors, unserved, rounds },
            ];
          }),
        ),
      },
    ]),
  );
}

/** Writes the results; returns the file's name. */
export function writeResults(
  options: Options,
  rates: Rates,
  outcome: Outcome,
  verdicts: Verdict[],
  left: string[],
) {
  const time = new Date().toISOString();
  const results = {
    version: 1,
    time,
    commit: commit(),
    machine: {
      cpu: cpus()[0]?.model,
      cpus: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      system: `${process.platform} ${release()}`,
    },
    options,
    rates,
    programs: Object.fromEntries(options.programs.map((name) => [name, PROGRAMS[name]?.title])),
    leftOut: left,
    discarded: outcome.discarded,
    tests: tests(outcome),
    verdicts,
  };
  const text = `${JSON.stringify(results, null, 2)}\n`;
  mkdirSync(FOLDER, { recursive: true });
  const file = join(FOLDER, `${time.replaceAll(/[:.]/g, "-")}.json`);
  writeFileSync(file, text);
  if (options.json !== undefined) {
    writeFileSync(options.json, text);
  }
  return file;
}

// The command line of `make bench`.

import { parseArgs } from "node:util";
import { PROGRAMS } from "./programs/list.ts";
import { TESTS } from "./tests.ts";

export const HELP = `Measures our Worker beside the programs it is compared with, in one interleaved run.

  make bench ARGS='--quick'          or          node bench/run.ts --quick

  --programs A,B     only these programs (floor and twin are started all the same where a rate needs them):
                     ${Object.keys(PROGRAMS).join(", ")}
  --only A,B         only these tests:
                     ${TESTS.map((test) => test.name).join(", ")}
  --rounds N         rounds that must succeed (7)
  --seconds S        length of a slice (2)
  --quick            two rounds of 0.7 s slices: shows that everything works, proves nothing
  --rate N           calls per second of plain-16 instead of half the floor's maximum
  --stream-rate N    calls per second of stream-16 instead of half the twin's maximum
  --noise MS         throw a slice away when the upstream alone has a p99 above this (2)
  --json FILE        write the results there too (always: bench/results/)
  --no-build         take build/ as it is
  --seed-only        start and seed the programs (ours, unless --programs says otherwise), print how to attack
                     them by hand, and wait for Ctrl-C
  --help

The exit status is 1 when a bar is missed or could not be judged.
`;

export interface Options {
  programs: string[];
  tests: string[];
  rounds: number;
  seconds: number;
  rate: number | undefined;
  streamRate: number | undefined;
  noiseMs: number;
  json: string | undefined;
  build: boolean;
  seedOnly: boolean;
}

/** What is wrong with the command line. */
export class UsageError extends Error {}

function names(given: string | undefined, known: string[], what: string): string[] {
  if (given === undefined) {
    return known;
  }
  const chosen = given.split(",").filter((name) => name !== "");
  const unknown = chosen.filter((name) => !known.includes(name));
  if (unknown.length > 0 || chosen.length === 0) {
    throw new UsageError(
      `unknown ${what}: ${unknown.join(", ") || "none named"}; known: ${known.join(", ")}`,
    );
  }
  return known.filter((name) => chosen.includes(name));
}

function positive(given: string | undefined, name: string): number | undefined {
  if (given === undefined) {
    return undefined;
  }
  const value = Number(given);
  if (!(value > 0)) {
    throw new UsageError(`--${name} must be a number above 0, not ${given}`);
  }
  return value;
}

/** Reads the command line; `undefined` asks for the help text. */
export function readArguments(args: string[]): Options | undefined {
  let values: Record<string, string | boolean | undefined>;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        programs: { type: "string" },
        only: { type: "string" },
        rounds: { type: "string" },
        seconds: { type: "string" },
        quick: { type: "boolean" },
        rate: { type: "string" },
        "stream-rate": { type: "string" },
        noise: { type: "string" },
        json: { type: "string" },
        "no-build": { type: "boolean" },
        "seed-only": { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  if (values.help === true) {
    return undefined;
  }
  const text = (name: string) => (typeof values[name] === "string" ? values[name] : undefined);
  const quick = values.quick === true;
  const seedOnly = values["seed-only"] === true;
  return {
    programs: names(text("programs") ?? (seedOnly ? "ours" : undefined), Object.keys(PROGRAMS), "program"),
    tests: names(
      text("only"),
      TESTS.map((test) => test.name),
      "test",
    ),
    rounds: Math.ceil(positive(text("rounds"), "rounds") ?? (quick ? 2 : 7)),
    seconds: positive(text("seconds"), "seconds") ?? (quick ? 0.7 : 2),
    rate: positive(text("rate"), "rate"),
    streamRate: positive(text("stream-rate"), "stream-rate"),
    noiseMs: positive(text("noise"), "noise") ?? 2,
    json: text("json"),
    build: values["no-build"] !== true,
    seedOnly,
  };
}

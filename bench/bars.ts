// The bars: what ours has to reach beside the other programs.
//
// A ratio is the median over rounds of the ratio of two slices of one round. A bar that cannot be judged (a program
// was not run, every slice was thrown away) is neither passed nor failed, and says why.

import { compare, type Result } from "./figures.ts";
import type { Outcome } from "./rounds.ts";
import { type Figure, HIGHER_IS_BETTER } from "./tests.ts";

/** Fewer rounds than this say too little on a machine that others use too. */
const LEAST_ROUNDS = 5;

export interface Verdict {
  bar: string;
  /** What was measured, in words. */
  measured: string;
  passed: boolean | undefined;
}

type Check = (get: (test: string, program: string) => Result | undefined) => Verdict;

const ratio = (one: number, other: number) => one / other;
const difference = (one: number, other: number) => one - other;

function unknown(bar: string): Verdict {
  return { bar, measured: "not measured", passed: undefined };
}

/** Ours against another program, by a ratio at most (or, where more is better, at least) `bound`. */
function against(other: string, test: string, figure: Figure, bound: number): Check {
  const least = HIGHER_IS_BETTER.has(figure);
  const bar = `${test} ${figure} ${least ? "≥" : "≤"} ${bound} × ${other}`;
  return (get) => {
    const [ours, theirs] = [get(test, "ours"), get(test, other)];
    const value = ours && theirs && compare(ours, theirs, figure, ratio);
    if (value === undefined) {
      return unknown(bar);
    }
    return { bar, measured: `${value.toFixed(2)} ×`, passed: least ? value >= bound : value <= bound };
  };
}

/** Ours at most `bound` milliseconds above another program. */
function above(other: string, test: string, figure: Figure, bound: number): Check {
  const bar = `${test} ${figure} ≤ ${other} + ${bound} ms`;
  return (get) => {
    const [ours, theirs] = [get(test, "ours"), get(test, other)];
    const value = ours && theirs && compare(ours, theirs, figure, difference);
    if (value === undefined) {
      return unknown(bar);
    }
    return { bar, measured: `+ ${value.toFixed(2)} ms`, passed: value <= bound };
  };
}

/** Ours alone. */
function alone(test: string, figure: Figure, bound: number, unit: string): Check {
  const least = HIGHER_IS_BETTER.has(figure);
  const bar = `${test} ${figure} ${least ? "≥" : "≤"} ${bound} ${unit}`;
  return (get) => {
    const value = get(test, "ours")?.figures[figure];
    if (value === undefined) {
      return unknown(bar);
    }
    const measured = `${value.toFixed(least ? 0 : 2)} ${unit}`;
    return { bar, measured, passed: least ? value >= bound : value <= bound };
  };
}

function withoutErrors(tests: string[]): Check {
  const bar = "no failed call";
  return (get) => {
    const found = tests.flatMap((test) => Object.entries(get(test, "ours")?.errors ?? {}));
    const measured = found.map(([text, count]) => `${count} × ${text}`).join(", ") || "none";
    return { bar, measured, passed: found.length === 0 };
  };
}

/** Everything in which ours is to be ahead of other people's gateways. */
const AHEAD: [string, Figure[]][] = [
  ["plain-1", ["p50", "p99"]],
  ["stream-1", ["p50", "p99", "first50"]],
  ["plain-16", ["p50", "p99"]],
  ["stream-16", ["p50", "p99"]],
  ["plain-max", ["rate"]],
  ["stream-max", ["rate"]],
  ["one-stream", ["chunks"]],
  ["many-streams", ["delay50", "delay99"]],
];

const CHECKS: Check[] = [
  ...["plain-1", "stream-1"].flatMap((test) => [
    against("twin", test, "p50", 1.25),
    against("twin", test, "p99", 1.5),
  ]),
  above("floor", "plain-1", "p50", 0.9),
  ...["plain-16", "stream-16"].flatMap((test) => [
    against("twin", test, "p50", 1.5),
    against("twin", test, "p99", 2),
  ]),
  against("twin", "plain-max", "rate", 0.7),
  against("twin", "stream-max", "rate", 0.7),
  above("upstream", "stream-1", "first50", 2),
  alone("one-stream", "chunks", 2000, "chunks/s"),
  // All chunks that were due arrived: 64 × 60, less what the edges of the window cost.
  alone("many-streams", "chunks", 3800, "chunks/s"),
  alone("many-streams", "delay99", 25, "ms"),
  ...["litellm", "portkey"].flatMap((peer) =>
    AHEAD.flatMap(([test, figures]) => figures.map((figure) => against(peer, test, figure, 1))),
  ),
];

/** Judges the bars of the tests that were run. */
export function judge(outcome: Outcome, tests: string[]): Verdict[] {
  const get = (test: string, program: string) => outcome.results.get(test)?.get(program);
  const verdicts = [...CHECKS, withoutErrors(tests)]
    .map((check) => check(get))
    .filter(({ bar }) => bar === "no failed call" || tests.includes(bar.split(" ")[0] ?? ""));
  for (const test of tests) {
    const rounds = outcome.valid.get(test) ?? 0;
    if (rounds < LEAST_ROUNDS) {
      verdicts.push({
        bar: `${test}: at least ${LEAST_ROUNDS} rounds`,
        measured: `${rounds}; more were not asked for, or the machine was too busy`,
        passed: undefined,
      });
    }
  }
  return verdicts;
}

// The figures of a slice, and their medians over rounds.

import type { Report } from "./load.ts";
import type { Figure } from "./tests.ts";

export type Figures = Partial<Record<Figure, number>>;

/** One program in one test of one round. */
export interface Slice {
  figures: Figures;
  report: Report;
}

/** What a program did in a test, over all rounds that count. */
export interface Result {
  slices: Slice[];
  /** Medians over the rounds. */
  figures: Figures;
  /** Failed calls of all rounds, by what was wrong. */
  errors: Record<string, number>;
  /** Calls that were due but never sent. */
  unserved: number;
}

/** Times in milliseconds; `cpuNs` is what the program's process used, warm-up included. */
export function figuresOf(report: Report, cpuNs: number | undefined, warmup: number): Figures {
  const figures: Figures = {};
  const set = (figure: Figure, value: number | undefined, scale = 1) => {
    if (value !== undefined) {
      figures[figure] = value / scale;
    }
  };
  set("p50", report.total?.p50_us, 1e3);
  set("p99", report.total?.p99_us, 1e3);
  set("first50", report.first?.p50_us, 1e3);
  set("first99", report.first?.p99_us, 1e3);
  set("delay50", report.delay?.p50_us, 1e3);
  set("delay99", report.delay?.p99_us, 1e3);
  set("rate", report.calls_per_second);
  set("chunks", report.chunks_per_second);
  if (cpuNs !== undefined && report.calls > 0) {
    const calls = (report.calls * (report.seconds + warmup)) / report.seconds;
    set("cpu", cpuNs / calls, 1e6);
  }
  return figures;
}

export function median(values: number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  const lower = sorted[middle - 1];
  return sorted.length % 2 === 1 || upper === undefined || lower === undefined ? upper : (lower + upper) / 2;
}

/** The medians of all figures that any slice has. */
export function resultOf(slices: Slice[]): Result {
  const figures: Figures = {};
  const names = new Set(slices.flatMap((slice) => Object.keys(slice.figures) as Figure[]));
  for (const name of names) {
    const middle = median(slices.flatMap((slice) => slice.figures[name] ?? []));
    if (middle !== undefined) {
      figures[name] = middle;
    }
  }
  const errors: Record<string, number> = {};
  let unserved = 0;
  for (const { report } of slices) {
    unserved += report.unserved;
    for (const [text, count] of Object.entries(report.errors)) {
      errors[text] = (errors[text] ?? 0) + count;
    }
  }
  return { slices, figures, errors, unserved };
}

/**
 * How a figure of one program stands to another's: the median over rounds of `combine(one, other)`, each round's two
 * slices taken together, as they ran seconds apart.
 */
export function compare(
  one: Result,
  other: Result,
  figure: Figure,
  combine: (one: number, other: number) => number,
): number | undefined {
  const values = one.slices.flatMap((slice, round) => {
    const left = slice.figures[figure];
    const right = other.slices[round]?.figures[figure];
    return left === undefined || right === undefined ? [] : combine(left, right);
  });
  return median(values);
}

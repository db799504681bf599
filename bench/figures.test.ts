// How rounds become verdicts. Run by `node --test 'bench/**/*.test.*'`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { judge } from "./bars.ts";
import { compare, type Figures, median, resultOf } from "./figures.ts";
import type { Report } from "./load.ts";
import type { Outcome } from "./rounds.ts";

const REPORT: Report = {
  seconds: 1,
  calls: 1,
  calls_per_second: 1,
  chunks: 0,
  chunks_per_second: 0,
  unserved: 0,
  errors: {},
  total: null,
  first: null,
  delay: null,
  late: null,
};

function result(rounds: Figures[], errors: Record<string, number> = {}) {
  return resultOf(rounds.map((figures) => ({ figures, report: { ...REPORT, errors } })));
}

function outcome(ours: Figures, twin: Figures, rounds = 5): Outcome {
  const all = (figures: Figures) => result(Array.from({ length: rounds }, () => figures));
  return {
    results: new Map([
      [
        "plain-max",
        new Map([
          ["ours", all(ours)],
          ["twin", all(twin)],
        ]),
      ],
    ]),
    discarded: [],
    lost: [],
    valid: new Map([["plain-max", rounds]]),
  };
}

function verdict(from: Outcome, bar: string) {
  return judge(from, ["plain-max"]).find((one) => one.bar.includes(bar));
}

test("medians", () => {
  assert.equal(median([]), undefined);
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
});

test("a ratio is that of the rounds, not of the medians", () => {
  const ours = result([{ p50: 2 }, { p50: 20 }, { p50: 3 }]);
  const twin = result([{ p50: 1 }, { p50: 10 }, { p50: 3 }]);
  assert.equal(
    compare(ours, twin, "p50", (one, other) => one / other),
    2,
  );
});

test("bars pass, fail, or are not judged", () => {
  assert.equal(verdict(outcome({ rate: 70 }, { rate: 100 }), "× twin")?.passed, true);
  assert.equal(verdict(outcome({ rate: 69 }, { rate: 100 }), "× twin")?.passed, false);
  assert.equal(verdict(outcome({ rate: 69 }, {}), "× twin")?.passed, undefined);
  assert.equal(verdict(outcome({ rate: 70 }, { rate: 100 }, 4), "at least")?.passed, undefined);
  assert.equal(verdict(outcome({ rate: 70 }, { rate: 100 }), "at least"), undefined);
});

test("a failed call fails a bar", () => {
  const from = outcome({ rate: 100 }, { rate: 100 });
  from.results.get("plain-max")?.set("ours", result([{ rate: 100 }], { "status 500": 1 }));
  assert.equal(verdict(from, "no failed call")?.passed, false);
});

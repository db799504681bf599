// The pool that `make test` runs its parts in.

import assert from "node:assert/strict";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { discard, scratch } from "../../tests/harness/scratch.ts";
import { NO_TESTS } from "./counts.ts";
import type { Job, Part } from "./parts.ts";
import { runAll } from "./pool.ts";

/**
 * Runs the parts; what happened, in order: `+job` and `-job` by the jobs themselves, the rest by the pool. Each job waits
 * until as many as are meant to run at the same time have begun, or fails.
 */
async function happened(
  slots: number,
  together: number,
  parts: (job: (name: string, good?: boolean) => Job) => Part[],
): Promise<string[]> {
  const folder = scratch("pool");
  const notes = join(folder, "notes");
  const job = (name: string, good = true): Job => ({
    name,
    command: [
      "sh",
      "-c",
      `echo "+${name}" >>"$0"
       for try in $(seq 200); do [ "$(grep -c '^+' "$0")" -ge ${together} ] && break; sleep 0.05; done
       [ "$(grep -c '^+' "$0")" -ge ${together} ] || exit 1
       echo "-${name}" >>"$0"; exit ${good ? 0 : 1}`,
      notes,
    ],
  });
  try {
    appendFileSync(notes, "");
    await runAll(
      parts(job),
      {
        begins: ({ part }) => appendFileSync(notes, `begins ${part.name}\n`),
        ends: ({ part, results }) => {
          appendFileSync(notes, `ends ${part.name}\n`);
          return [...results.values()].every(({ good }) => good);
        },
        cannot: ({ part }, missing) => appendFileSync(notes, `no ${part.name}: ${missing.name}\n`),
        log: (part, { name = "" }) => join(folder, `${part.name}${name}.log`),
      },
      slots,
    ).done;
    return readFileSync(notes, "utf8").trim().split("\n");
  } finally {
    discard(folder);
  }
}

function part(name: string, jobs: Job[], more: Partial<Part> = {}): Part {
  return { name, label: name, jobs, counts: NO_TESTS, ...more };
}

/** The most jobs that ran at the same time. */
function most(notes: string[]): number {
  let [now, peak] = [0, 0];
  for (const note of notes) {
    now += note.startsWith("+") ? 1 : note.startsWith("-") ? -1 : 0;
    peak = Math.max(peak, now);
  }
  return peak;
}

describe("the pool of make test", () => {
  it("runs as many jobs at a time as there are slots, in the order in which they are given", async () => {
    const notes = await happened(3, 3, (job) => [
      part(
        "one",
        ["a", "b", "c", "d"].map((name) => job(name)),
      ),
      part(
        "two",
        ["e", "f"].map((name) => job(name)),
      ),
    ]);
    assert.equal(most(notes), 3);
    assert.ok(notes.indexOf("begins two") > notes.indexOf("+a"));
    assert.equal(notes.filter((note) => note.startsWith("-")).length, 6);
    assert.equal(notes.filter((note) => note.startsWith("ends")).length, 2);
  });

  it("gives a job as many slots as it takes, and all of them to one that takes more", async () => {
    const wide = await happened(3, 2, (job) => [
      part("one", [{ ...job("a"), slots: 2 }, job("b"), { ...job("c"), slots: 2 }]),
      part("two", [{ ...job("d"), slots: 100 }]),
    ]);
    assert.equal(most(wide), 2);
    assert.ok(wide.indexOf("+d") > wide.indexOf("-c"));
    const narrow = await happened(1, 2, (job) => [
      part(
        "one",
        ["a", "b"].map((name) => ({ ...job(name), slots: 0.5 })),
      ),
    ]);
    assert.equal(most(narrow), 2);
  });

  it("waits for what a part needs, and leaves it out where that failed", async () => {
    const notes = await happened(3, 1, (job) => [
      part("good", [job("a")]),
      part("bad", [job("b", false)]),
      part("has", [job("c")], { needs: ["good"] }),
      part("lacks", [job("d")], { needs: ["bad"] }),
      part("later", [job("e")], { after: ["bad", "nobody"] }),
    ]);
    assert.ok(notes.indexOf("+c") > notes.indexOf("ends good"));
    assert.ok(notes.indexOf("+e") > notes.indexOf("ends bad"));
    assert.ok(notes.includes("no lacks: bad") && !notes.includes("+d"));
    assert.ok(notes.includes("ends later") && notes.includes("ends has"));
  });
});

// Runs jobs side by side, as many as there are slots, in the order in which they are given.
//
// Invariant: a job starts when the parts that it waits for have ended and its slots are free; it never waits for a job
// that stands behind it, unless that one already runs.

import { availableParallelism } from "node:os";
import { execute, type Result, type Running, stopping } from "./execute.ts";
import type { Job, Part } from "./parts.ts";

/** One more than there are cores: most jobs wait for something now and then. */
const SLOTS = availableParallelism() + 1;

/** One part on its way. */
export interface Progress {
  readonly part: Part;
  /** Jobs that have not been started. */
  readonly waiting: Job[];
  readonly running: Map<Job, Running>;
  readonly results: Map<Job, Result>;
  /** When its first job began, by `performance.now()`. */
  begun: number | undefined;
  /** How it ended; `undefined` while it has not. */
  good: boolean | undefined;
}

/** What is to be told of on the way. */
export interface Listener {
  begins(progress: Progress): void;
  /** Its last job has ended; answers whether all went well. */
  ends(progress: Progress): boolean;
  /** A part that it needs is not there. */
  cannot(progress: Progress, missing: Part): void;
  /** Where a job's log goes. */
  log(part: Part, job: Job): string;
}

/** Runs all parts; what is going on is in the list that this answers at once. */
export function runAll(
  parts: Part[],
  listener: Listener,
  slots = SLOTS,
): { progress: Progress[]; done: Promise<void> } {
  const progress = parts.map((part) => ({
    part,
    waiting: [...part.jobs],
    running: new Map<Job, Running>(),
    results: new Map<Job, Result>(),
    begun: undefined,
    good: undefined,
  }));
  return { progress, done: new Pool(progress, listener, slots).run() };
}

class Pool {
  readonly #all: Progress[];
  readonly #listener: Listener;
  readonly #slotsInAll: number;
  #free: number;

  constructor(all: Progress[], listener: Listener, slots: number) {
    this.#all = all;
    this.#listener = listener;
    this.#slotsInAll = slots;
    this.#free = slots;
  }

  async run(): Promise<void> {
    for (;;) {
      this.#start();
      const under = this.#all.flatMap(({ running }) => [...running.values()].map(({ ended }) => ended));
      if (under.length === 0) {
        return;
      }
      await Promise.race(under);
      if (stopping()) {
        // Whoever interrupted it says so, and ends the process.
        return await new Promise<never>(() => undefined);
      }
      for (const progress of this.#all) {
        this.#collect(progress);
      }
    }
  }

  /** Starts what can start. */
  #start(): void {
    for (const progress of this.#all) {
      if (!this.#ready(progress)) {
        continue;
      }
      while (progress.waiting[0] !== undefined && this.#slots(progress.waiting[0]) <= this.#free) {
        this.#begin(progress, progress.waiting[0]);
      }
      // What needs more than is free is not overtaken for ever by what needs less.
      if (progress.waiting.length > 0) {
        return;
      }
    }
  }

  #slots(job: Job): number {
    return Math.min(job.slots ?? 1, this.#slotsInAll);
  }

  /** Whether its jobs may start as soon as there are slots. */
  #ready(progress: Progress): boolean {
    if (progress.good !== undefined || progress.waiting.length === 0) {
      return false;
    }
    const { needs = [], after = [] } = progress.part;
    for (const other of this.#all) {
      const needed = needs.includes(other.part.name);
      if (other.good === undefined && (needed || after.includes(other.part.name))) {
        return false;
      }
      if (needed && other.good === false) {
        progress.good = false;
        this.#listener.cannot(progress, other.part);
        return false;
      }
    }
    return true;
  }

  #begin(progress: Progress, job: Job): void {
    if (progress.begun === undefined) {
      progress.begun = performance.now();
      this.#listener.begins(progress);
    }
    this.#free -= this.#slots(job);
    progress.waiting.shift();
    const running = execute(job, this.#listener.log(progress.part, job));
    progress.running.set(job, running);
    void running.ended.then((result) => progress.results.set(job, result));
  }

  /** Frees the slots of jobs that have ended. */
  #collect(progress: Progress): void {
    for (const [job] of progress.running) {
      if (progress.results.has(job)) {
        progress.running.delete(job);
        this.#free += this.#slots(job);
      }
    }
    if (progress.begun !== undefined && progress.good === undefined) {
      if (progress.waiting.length === 0 && progress.running.size === 0) {
        progress.good = this.#listener.ends(progress);
      }
    }
  }
}

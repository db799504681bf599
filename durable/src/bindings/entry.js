// What an entry of the Worker or of an object waits for besides its work; whatever happens, it answers.

import { letGo, toHeaders } from "./http.js";

/** What an entry answers that cannot answer by itself. */
const lastResort = (status, code, type, message) => [
  status,
  JSON.stringify({ error: { message, type, param: null, code } }),
];
const FAILED_ANSWER = lastResort(
  500,
  "internal_error",
  "internal_error",
  "Something went wrong here. Tell the operator.",
);
const LATE_ANSWER = lastResort(504, "timeout", "timeout_error", "The run took longer than it may.");

/** How long a run whose time is up is given to end in order. */
const MARGIN_MS = 5_000;

/** How long an entry goes on before anything but its work is looked at. */
const LOOK_MS = 100;

/** Entries of the requests that are being served. */
const entries = new WeakMap();

/**
 * What one entry waits for besides its work: its deadline, other things that are due in a while, and its caller's
 * leaving. Most calls are over before any of that matters, and a timer or a listener costs as much as a good part of
 * a call. So all of it rests on one timer, which first rings after LOOK_MS; only then is the caller watched.
 *
 * The deadline keeps the entry from hanging whatever happens inside: where the work fails or takes longer than it may,
 * the answer is `failed` or, once a run was admitted, `late`.
 */
class Entry {
  #request;
  #ctx;
  #headers;
  #resolve;
  #over;
  #timer;
  #rings = Number.POSITIVE_INFINITY;
  #alarms = [];
  #deadline;
  #expired = FAILED_ANSWER;
  #watch;
  #settled = false;
  #watched = false;
  #gone = false;
  #leave;

  /** What the entry answers. */
  answer = new Promise((resolve) => {
    this.#resolve = resolve;
  });

  constructor(request, ctx, ms, headers) {
    this.#request = request;
    this.#ctx = ctx;
    this.#headers = headers;
    const now = Date.now();
    this.#arm(Math.min(ms, LOOK_MS), now);
    this.#deadline = this.at(ms, this.#late, now);
    ctx?.waitUntil(this.answer);
  }

  #arm(ms, now) {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#rings = now + ms;
    this.#timer = setTimeout(this.#ring, ms);
  }

  #ring = () => {
    this.watchCaller();
    const now = Date.now();
    this.#rings = Number.POSITIVE_INFINITY;
    this.#timer = undefined;
    const due = this.#alarms.filter(({ time }) => time <= now);
    this.#alarms = this.#alarms.filter(({ time }) => time > now);
    for (const alarm of due) alarm.work?.();
    const next = Math.min(...this.#alarms.map(({ time }) => time));
    if (next < this.#rings) {
      const later = Date.now();
      this.#arm(Math.max(next - later, 1), later);
    }
  };

  /** Calls `work` after `ms`, unless what this answers is given to `cancel`, or the entry is over. */
  at(ms, work, now = Date.now()) {
    const alarm = { time: now + ms, work };
    this.#alarms.push(alarm);
    if (alarm.time < this.#rings) this.#arm(ms, now);
    return alarm;
  }

  cancel(alarm) {
    if (alarm) alarm.work = undefined;
  }

  /** Calls `leave` when the caller goes away, and nobody else any more; at once if that has been seen already. */
  onLeave(leave) {
    this.#leave = leave;
    if (this.#gone) leave?.();
  }

  /** From now on it is seen at once when the caller goes away. */
  watchCaller() {
    if (this.#watched) return;
    this.#watched = true;
    const left = () => {
      this.#gone = true;
      this.#leave?.();
    };
    const signal = this.#request.signal;
    if (signal?.aborted) left();
    else signal?.addEventListener("abort", left);
  }

  /** Time is up. Whoever watches a run has a while to end it in order. */
  #late = () => {
    const watch = this.#watch;
    if (watch) {
      this.#watch = undefined;
      this.#deadline = this.at(MARGIN_MS, this.#late);
      watch();
      return;
    }
    // The caller is answered, and the work may still clean up.
    const over = new Promise((resolve) => {
      this.#over = resolve;
    });
    this.#ctx?.waitUntil(over);
    this.#last(this.#expired);
  };

  #last([status, body]) {
    const headers = toHeaders(`${this.#headers}content-type: application/json\nx-should-retry: false\n`);
    letGo(this.#request);
    this.#resolve(new Response(body, { status, headers }));
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#rings = Number.POSITIVE_INFINITY;
    this.#alarms = [];
    this.#leave = undefined;
  }

  /** The work is done: this is the answer. */
  done(response) {
    this.#settled = true;
    // A stream goes on after its response, and so does its time.
    if (!this.#watch) this.#stop();
    letGo(this.#request);
    this.#resolve(response);
    this.#over?.();
  }

  /** The work has failed. */
  fail(why) {
    this.#settled = true;
    this.#stop();
    console.error(`an entry failed: ${why}`);
    this.#last(FAILED_ANSWER);
    this.#over?.();
  }

  /** A run was admitted: `watch` is told when its time is up. */
  extend(ms, watch) {
    this.#expired = LATE_ANSWER;
    this.#watch = watch;
    this.cancel(this.#deadline);
    this.#deadline = this.at(ms, this.#late);
  }

  /** The run is over. */
  release() {
    this.#watch = undefined;
    if (this.#settled) this.#stop();
  }
}

/** The entry of a request; one of its own for a request that came by another way. */
export function entryOf(request) {
  return entries.get(request) ?? guard(request, undefined, LOOK_MS, "");
}

/** Begins an entry, whose `answer` always comes. With a context, the work goes on after the caller has left. */
export function guard(request, ctx, ms, headers) {
  const entry = new Entry(request, ctx, ms, headers);
  entries.set(request, entry);
  return entry;
}

/** Keeps a context alive until the function that this answers is called. */
export function keep(ctx) {
  let over;
  ctx.waitUntil(
    new Promise((resolve) => {
      over = resolve;
    }),
  );
  return over;
}

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

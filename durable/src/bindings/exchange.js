// One call of a pod and the stream of its answer: the JavaScript half of `exchange.rs`.

import { free } from "./buffers.js";
import { callObject, collect, entryOf, join, sleep, TOO_LARGE, toHeaders, toLines } from "./glue.js";

/** Codes that stand in for a value where a wait ended without one. Mirrored by `exchange.rs`. */
const END = 0;
const TICK = 1;
const GONE = 2;
const TIMEOUT = 3;
const FAILED = 4;
const LAST_WORD = 5;

/** What the rules say of a chunk, as bits. Mirrored by `exchange.rs`. */
const AS_IT_IS = 1;
const BETWEEN_EVENTS = 2;
const WAS_LAST = 4;

const encoder = new TextEncoder();

/** A comment, which every client skips. No empty line: after events with an `id`, some SDKs take one for another event. */
const HEARTBEAT = encoder.encode(": ka\n");

/** The same in a plain answer: JSON may begin with white space. */
const BLANK = encoder.encode("\n");

/** How long a plain answer that may begin early waits first, and from then on between two of them. */
const EARLY_MS = 20_000;
const BLANK_MS = 10_000;

/** How much of a pod's answer may wait here for a slow caller, besides one chunk and what is being written. */
const WAITING_BYTES = 64 * 1024;

/** How long a pod that has said its last word may keep its answer open. */
const LEAVE_MS = 100;

/** How long the rules have to end an answer that is over. */
const ORPHAN_MS = 5_000;

/** How long a run lives before its agent is asked whether it must end, and the longest time between two failures. */
const WATCH_MS = 600;
const WATCH_AGAIN_MS = 20_000;

/** What the agent tells of a run: ask again, or it was settled. Anything else that is no failure ends it. */
const WATCH_AGAIN = '{"Ok":"again"}';
const WATCH_DONE = '{"Ok":"done"}';
const WATCH_ENDED = '{"Ok":{"ended":';

/** Largest plain body that is read before its head is told. */
const EARLY_BYTES = 256 * 1024;

/**
 * One call of a pod, from the request to its last byte, and the stream that its answer is written to.
 *
 * Until the body flows, everything that can happen (the head arrives, the caller goes away, time is up, a heartbeat
 * is due) is told by `next`, one event for each call. Then `flow` passes the body on by itself and asks the rules
 * about what has come. While the caller takes what was written, what comes meanwhile waits and goes on in one piece;
 * no more is read than may wait, so that a slow caller slows the pod down.
 *
 * Where the rules are gone (their instance trapped), an answer that is over is ended here, with the last resort.
 */
export class Exchange {
  #abort = new AbortController();
  #entry;
  #onGone = () => this.#end(GONE);
  #plain;
  #heartbeat = HEARTBEAT;
  #beat;
  #wait;
  #written = Date.now();
  #waiter = null;
  #arrived;
  #over;
  #orphan;
  #tick = false;
  #writing = 0;
  #response;
  #reader;
  #reading = false;
  #writer;
  #chunk;
  /** Buffers of what is being written. */
  #passed = [];
  #early;
  /** Between two events, as far as what was written goes: a heartbeat may be written. */
  #between = true;
  /** The rules of the flow, what ends it, and what it ends with once all was passed on. */
  #step = null;
  #flowed = null;
  #ended;
  #lastResort = "";
  #waiting = [];
  #waitingBytes = 0;
  #left = null;
  #watch;
  #why = "";
  #unasked = false;

  /** `early`: a plain answer that may begin before the pod has ended its own. */
  constructor(request, timeout, beat, early) {
    this.#entry = entryOf(request);
    this.#entry.extend(timeout, () => this.#end(TIMEOUT));
    this.#plain = beat === 0 && !early;
    this.#wait = early ? EARLY_MS : beat;
    if (early) this.#heartbeat = BLANK;
    if (!this.#plain) this.#arm(this.#wait);
    this.#entry.onLeave(this.#onGone);
  }

  /** Rings when nothing was written for the time of a heartbeat. */
  #arm(ms) {
    this.#beat = this.#entry.at(ms, () => {
      const left = this.#written + this.#wait - Date.now();
      if (left > 0) {
        this.#arm(left);
        return;
      }
      if (this.#heartbeat === BLANK) this.#wait = BLANK_MS;
      this.#arm(this.#wait);
      if (!this.#writer) {
        this.#tick = true;
        this.#poke();
      } else if (this.#between && this.#writing === 0 && this.#over === undefined) {
        this.#write(this.#heartbeat);
      }
    });
  }

  /** It is over, whatever else may come. */
  #end(code) {
    if (this.#over !== undefined) return;
    this.#over = code;
    this.#abort.abort();
    this.#poke();
    this.#flowIs(code);
    // An answer that began early has no flow: if nobody ends it, it is ended here.
    if (this.#writer && this.#heartbeat === BLANK) {
      this.#orphan ??= this.#entry.at(ORPHAN_MS, () => this.finish(false));
    }
  }

  #poke() {
    const waiter = this.#waiter;
    if (!waiter) return;
    let event;
    if (this.#over !== undefined) {
      event = this.#over;
    } else if (this.#arrived !== undefined) {
      event = this.#arrived;
      this.#arrived = undefined;
      this.#tick = false;
    } else if (this.#tick) {
      event = TICK;
      this.#tick = false;
    } else {
      return;
    }
    this.#waiter = null;
    waiter(event);
  }

  #arrive(event) {
    this.#arrived = event;
    this.#poke();
  }

  /** Sends the request; its head arrives as a string from `next`, a small plain body with it (see `early`). */
  send(method, url, headers, body) {
    const signal = this.#abort.signal;
    this.#hear(fetch(url, { method, headers: toHeaders(headers), body, redirect: "manual", signal }));
  }

  /** The same over a pod's tunnel. */
  sendOver(tunnel, method, path, headers, body) {
    this.#hear(tunnel.fetch(method, path, headers, body, this.#abort.signal));
  }

  #hear(answer) {
    answer
      .then(async (response) => {
        this.#response = response;
        const lines = toLines(response.headers);
        const declared = Number(/^content-length: (\d+)$/m.exec(lines)?.[1] ?? Number.NaN);
        if (this.#plain && declared <= EARLY_BYTES) {
          this.#early = await response.arrayBuffer().then(
            (buffer) => new Uint8Array(buffer),
            () => FAILED,
          );
        }
        this.#arrive(`${response.status}\n${lines}`);
      })
      .catch((error) => {
        console.error(`the pod cannot be reached: ${error}`);
        this.#unasked = error?.unasked === true;
        this.#arrive(FAILED);
      });
  }

  /**
   * Asks the run's agent, once the run has lived for a while, to tell when it must end before its time. The question
   * waits there, so a run costs a message in 25 s and learns of it at once.
   */
  watch(env, binding, name, message) {
    const ask = async () => {
      let pause = WATCH_MS;
      while (this.#over === undefined) {
        const told = await callObject(env, binding, name, message).catch(() => "");
        if (told === WATCH_DONE) return;
        if (told.startsWith(WATCH_ENDED)) {
          this.#why = told;
          this.#end(TIMEOUT);
        } else if (told !== WATCH_AGAIN) {
          await sleep(pause);
          pause = Math.min(2 * pause, WATCH_AGAIN_MS);
        }
      }
    };
    this.#watch = this.#entry.at(WATCH_MS, ask);
  }

  /** What the agent told where it ended the run, else nothing. */
  why() {
    return this.#why;
  }

  /** Whether the pod was certainly not asked. */
  unasked() {
    return this.#unasked;
  }

  /** The whole body, FAILED, or undefined where it did not come with the head. */
  early() {
    return this.#early;
  }

  /** The next event until the body flows: a head (string) or a code. Once the answer is open there are no ticks. */
  next() {
    return new Promise((resolve) => {
      this.#waiter = resolve;
      this.#poke();
    });
  }

  /**
   * The whole body as bytes, TOO_LARGE, or a code of `next`; where an answer may begin early, TICK means that it is
   * time, and `next` tells the rest.
   */
  async whole(limit) {
    const response = this.#response;
    if (!response.body) return new Uint8Array(0);
    const declared = Number(response.headers.get("content-length") ?? Number.NaN);
    if (declared > limit) {
      this.#abort.abort();
      return -TOO_LARGE;
    }
    // Nobody beats for an answer that is read whole.
    if (!this.#writer && this.#heartbeat !== BLANK) this.#entry.cancel(this.#beat);
    const bytes =
      declared <= limit
        ? response.arrayBuffer().then((buffer) => new Uint8Array(buffer))
        : collect(response.body.getReader(), limit).then((all) => (all === TOO_LARGE ? -TOO_LARGE : all));
    bytes.then(
      (all) => this.#arrive(all),
      () => this.#arrive(FAILED),
    );
    return new Promise((resolve) => {
      this.#waiter = resolve;
      this.#poke();
    });
  }

  /** Commits the answer: a response whose body is what is written. Begins with a heartbeat if the pod has no head. */
  open(status, headers) {
    const { readable, writable } = new IdentityTransformStream();
    this.#entry.watchCaller();
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(() => this.#end(GONE));
    if (!this.#response || this.#heartbeat === BLANK) this.#write(this.#heartbeat);
    return new Response(readable, { status, headers: toHeaders(headers) });
  }

  /**
   * Passes the body on. `step` is given what has come and answers bits; what is not to go on as it is, it writes
   * itself with `forward` and `write`. Resolves to the code that it ends with, once all before it was taken by the
   * caller. `lastResort` is written if nobody is left who could end the answer then.
   */
  flow(step, lastResort) {
    this.#step = step;
    this.#lastResort = lastResort;
    return new Promise((resolve, reject) => {
      this.#flowed = { resolve, reject };
      if (this.#over !== undefined) {
        this.#flowIs(this.#over);
      } else if (this.#response.body) {
        this.#reader = this.#response.body.getReader();
        this.#read();
      } else {
        this.#flowIs(END);
      }
    });
  }

  #got = ({ value, done }) => {
    this.#reading = false;
    if (this.#left) {
      if (done) this.#left(true);
      else this.#read();
    } else if (this.#flowed) {
      if (done) {
        this.#ends(END);
        return;
      }
      if (this.#writing > 0) {
        this.#waiting.push(value);
        this.#waitingBytes += value.byteLength;
      } else {
        this.#pass(value);
      }
      this.#readOn();
    }
  };

  #broke = () => {
    this.#reading = false;
    if (this.#left) this.#left(false);
    else this.#ends(FAILED);
  };

  #read() {
    this.#reading = true;
    this.#reader.read().then(this.#got, this.#broke);
  }

  #readOn() {
    const more = this.#flowed && this.#ended === undefined && !this.#reading;
    if (more && this.#waitingBytes < WAITING_BYTES) this.#read();
  }

  /** Asks the rules about bytes and passes on what they say. */
  #pass(bytes) {
    this.#chunk = bytes;
    let verdict;
    try {
      verdict = this.#step(bytes);
    } catch (error) {
      this.#flowIs(undefined, error);
      return;
    }
    if ((verdict & AS_IT_IS) !== 0) this.#write(bytes);
    this.#passed.push(bytes.buffer);
    if (this.#writing === 0) this.#freePassed();
    this.#between = (verdict & BETWEEN_EVENTS) !== 0;
    if ((verdict & WAS_LAST) !== 0) this.#flowIs(LAST_WORD);
  }

  /** Nothing is being written any more. */
  #freePassed() {
    this.#chunk = undefined;
    for (const buffer of this.#passed) free(buffer);
    this.#passed.length = 0;
  }

  #passWaiting() {
    const chunks = this.#waiting;
    const size = this.#waitingBytes;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const all = join(chunks, size);
    if (chunks.length > 1) for (const { buffer } of chunks) free(buffer);
    this.#pass(all);
  }

  /** The pod's body is over; it is told once the caller has taken what came before. */
  #ends(code) {
    this.#ended = code;
    if (this.#writing === 0) this.#flowIs(code);
  }

  /** The flow ends: with a code, or because the rules failed. */
  #flowIs(code, error) {
    const flowed = this.#flowed;
    if (!flowed) return;
    this.#flowed = null;
    this.#step = null;
    this.#waiting = [];
    if (code === undefined) flowed.reject(error);
    else flowed.resolve(code);
    this.#orphan = this.#entry.at(ORPHAN_MS, () => {
      console.error("an answer was left without rules");
      this.#write(encoder.encode(`${this.#between ? "" : "\n\n"}${this.#lastResort}`));
      this.finish(false);
    });
  }

  #write(bytes) {
    this.#writing++;
    this.#written = Date.now();
    this.#writer.write(bytes).then(this.#wrote, this.#onGone);
  }

  #wrote = () => {
    this.#writing--;
    if (this.#writing > 0) return;
    this.#freePassed();
    if (!this.#flowed) return;
    if (this.#waitingBytes > 0) this.#passWaiting();
    if (this.#ended !== undefined && this.#writing === 0) this.#flowIs(this.#ended);
    else this.#readOn();
  };

  /** Passes on a part of what came last. */
  forward(from, to) {
    this.#write(this.#chunk.subarray(from, to));
  }

  /** Writes bytes of our own. */
  write(bytes) {
    this.#write(bytes.slice());
  }

  /** Ends the answer in order and forgets the rest; `fed` says whether the pod has given all it had. */
  finish(fed) {
    this.#writer?.close().catch(() => {});
    this.close(fed);
  }

  /**
   * The same for a pod that has said its last word: it has a moment to end its answer, so that the connection can be
   * used again.
   */
  async leave() {
    this.#entry.cancel(this.#orphan);
    this.#entry.cancel(this.#beat);
    this.#writer?.close().catch(() => {});
    const ended = await new Promise((resolve) => {
      this.#left = resolve;
      this.#beat = this.#entry.at(LEAVE_MS, () => resolve(false));
      if (!this.#reading) this.#read();
    });
    this.close(ended);
  }

  /** Lets go of everything; a pod that still works is told to stop. */
  close(fed) {
    this.#entry.cancel(this.#watch);
    this.#entry.cancel(this.#beat);
    this.#entry.cancel(this.#orphan);
    this.#entry.onLeave(undefined);
    this.#entry.release();
    if (this.#over === undefined) this.#over = END;
    if (!fed) {
      this.#abort.abort();
      this.#reader?.cancel().catch(() => {});
    }
  }
}

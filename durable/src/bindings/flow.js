// The stream that a caller reads, and the body of a pod's answer on its way there: the second half of `exchange.js`.

import { free } from "./buffers.js";
import { join } from "./http.js";

/** Codes that a flow ends with. Mirrored by `exchange.rs`; `exchange.js` has the others. */
const END = 0;
const FAILED = 4;
const LAST_WORD = 5;

/** What the rules say of a chunk, as bits. Mirrored by `exchange.rs`. */
const AS_IT_IS = 1;
const BETWEEN_EVENTS = 2;
const WAS_LAST = 4;

const encoder = new TextEncoder();

/** How much of a pod's answer may wait here for a slow caller, besides one chunk and what is being written. */
const WAITING_BYTES = 64 * 1024;

/** How long bytes wait for those that come right behind them, and how many are worth a write by themselves. */
const GATHER_MS = 1;
const GATHER_BYTES = 16 * 1024;

/** How long the rules have to end an answer that is over. */
const ORPHAN_MS = 5_000;

/**
 * Where the rules write an answer. `start` passes the body on by itself and asks the rules about what has come. While the
 * caller takes what was written, what comes meanwhile waits and goes on in one piece; no more is read than may wait, so
 * that a slow caller slows the pod down. What comes within the millisecond in which other bytes were passed on waits for
 * one more: a write costs more than all else that is done for a piece, and nobody reads a thousand pieces a second.
 */
export class Flow {
  #entry;
  #onGone;
  #finish;
  #orphan;
  #writer;
  #writing = 0;
  #reader;
  #reading = false;
  #chunk;
  /** Buffers of what is being written. */
  #passed = [];
  /** Between two events, as far as what was written goes: a heartbeat may be written. */
  #between = true;
  /** The rules of the flow, what ends it, and what it ends with once all was passed on. */
  #step = null;
  #flowed = null;
  #ended;
  #lastResort = "";
  #waiting = [];
  #waitingBytes = 0;
  #passedAt = 0;
  #gathering;
  #left = null;

  /** When something was written last. */
  written = Date.now();

  /** `onGone` is told where the caller has left; `finish` ends an answer whose rules are gone. */
  constructor(entry, onGone, finish) {
    this.#entry = entry;
    this.#onGone = onGone;
    this.#finish = finish;
  }

  /** Begins; answers what the caller reads. */
  open() {
    const { readable, writable } = new IdentityTransformStream();
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(this.#onGone);
    return readable;
  }

  get isOpen() {
    return this.#writer !== undefined;
  }

  /** Whether a heartbeat may be written. */
  get rests() {
    return this.#between && this.#writing === 0;
  }

  /**
   * Passes the body on. `step` is given what has come and answers bits; what is not to go on as it is, it writes
   * itself with `forward` and `write`. Resolves to the code that it ends with, once all before it was taken by the
   * caller. `lastResort` is written if nobody is left who could end the answer then.
   */
  start(body, over, step, lastResort) {
    this.#step = step;
    this.#lastResort = lastResort;
    return new Promise((resolve, reject) => {
      this.#flowed = { resolve, reject };
      if (over !== undefined) {
        this.end(over);
      } else if (body) {
        this.#reader = body.getReader();
        this.#read();
      } else {
        this.end(END);
      }
    });
  }

  /** It is over, whatever else may come. */
  end(code) {
    this.#flowIs(code);
  }

  /** It is over without a flow: where nobody finishes it in time, that is done here. */
  orphan() {
    this.#orphan ??= this.#entry.at(ORPHAN_MS, this.#finish);
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
      this.#waiting.push(value);
      this.#waitingBytes += value.byteLength;
      this.#passOn();
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
    if ((verdict & AS_IT_IS) !== 0) this.put(bytes);
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

  /** Passes on what waits, if nothing is being written and nothing that comes right behind is waited for. */
  #passOn() {
    if (!this.#flowed) return;
    if (this.#writing === 0 && this.#waitingBytes > 0 && !this.#gathers()) this.#passWaiting();
    const all = this.#writing === 0 && this.#waitingBytes === 0;
    if (all && this.#ended !== undefined) this.#flowIs(this.#ended);
    else this.#readOn();
  }

  /** Whether what waits is to wait for what comes right behind. */
  #gathers() {
    if (this.#ended !== undefined || this.#waitingBytes >= GATHER_BYTES) return false;
    if (this.#gathering === undefined && Date.now() === this.#passedAt) {
      this.#gathering = setTimeout(this.#gathered, GATHER_MS);
    }
    return this.#gathering !== undefined;
  }

  #gathered = () => {
    this.#gathering = undefined;
    this.#passedAt = 0;
    this.#passOn();
  };

  #passWaiting() {
    if (this.#gathering !== undefined) {
      clearTimeout(this.#gathering);
      this.#gathering = undefined;
    }
    this.#passedAt = Date.now();
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
    this.#passOn();
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
      this.put(encoder.encode(`${this.#between ? "" : "\n\n"}${this.#lastResort}`));
      this.#finish();
    });
  }

  /** Writes bytes that change no more. */
  put(bytes) {
    this.#writing++;
    this.written = Date.now();
    this.#writer.write(bytes).then(this.#wrote, this.#onGone);
  }

  #wrote = () => {
    this.#writing--;
    if (this.#writing > 0) return;
    this.#freePassed();
    this.#passOn();
  };

  /** Passes on a part of what came last. */
  forward(from, to) {
    this.put(this.#chunk.subarray(from, to));
  }

  /** Writes bytes of our own. */
  write(bytes) {
    this.put(bytes.slice());
  }

  /** Ends the answer in order. */
  close() {
    this.#writer?.close().catch(() => {});
  }

  /** Nobody needs to end it any more. */
  release() {
    this.#entry.cancel(this.#orphan);
  }

  /** The answer has ended: gives the pod so many milliseconds to end its own; answers whether it has. */
  async rest(ms) {
    this.release();
    let timer;
    const ended = await new Promise((resolve) => {
      this.#left = resolve;
      timer = this.#entry.at(ms, () => resolve(false));
      if (!this.#reading) this.#read();
    });
    this.#entry.cancel(timer);
    return ended;
  }

  /** The pod is told to stop. */
  cancel() {
    this.#reader?.cancel().catch(() => {});
  }
}

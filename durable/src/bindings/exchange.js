// One call of a pod and the stream of its answer: the JavaScript half of `exchange.rs`.

import { collect, extend, release, TOO_LARGE, toHeaders, toLines } from "./glue.js";

/** Codes that stand in for a value where a wait ended without one. Mirrored by `exchange.rs`. */
const END = 0;
const TICK = 1;
const GONE = 2;
const TIMEOUT = 3;
const FAILED = 4;

/** How long a pod that has said its last word may keep its answer open. */
const LEAVE_MS = 100;

/** Largest plain body that is read before its head is told. */
const EARLY_BYTES = 256 * 1024;

/**
 * One call of a pod, from the request to its last byte, and the stream that its answer is written to.
 *
 * Everything that can happen meanwhile (the head or a chunk arrives, the caller goes away, time is up, a heartbeat
 * is due) is told by `next`, one event for each call. A chunk is told only once what was written before has been
 * taken by the caller, so that a slow caller slows the pod down and nothing piles up here.
 */
export class Exchange {
  #abort = new AbortController();
  #signal;
  #onGone;
  #request;
  #plain;
  #beat;
  #wait;
  #written = Date.now();
  #waiter = null;
  #arrived;
  #over;
  #tick = false;
  #writing = 0;
  #response;
  #reader;
  #writer;
  #chunk;
  #early;

  constructor(request, timeout, beat) {
    this.#request = request;
    this.#signal = request.signal;
    this.#onGone = () => this.#end(GONE);
    if (this.#signal) {
      if (this.#signal.aborted) this.#end(GONE);
      else this.#signal.addEventListener("abort", this.#onGone);
    }
    extend(request, timeout, () => this.#end(TIMEOUT));
    this.#plain = beat === 0;
    this.#wait = beat;
    if (!this.#plain) this.#arm(beat);
  }

  /** Rings when nothing was written for the time of a heartbeat. */
  #arm(ms) {
    this.#beat = setTimeout(() => {
      const left = this.#written + this.#wait - Date.now();
      if (left > 0) {
        this.#arm(left);
      } else {
        this.#tick = true;
        this.#arm(this.#wait);
        this.#poke();
      }
    }, ms);
  }

  #end(code) {
    if (this.#over !== undefined) return;
    this.#over = code;
    this.#abort.abort();
    this.#poke();
  }

  #poke() {
    const waiter = this.#waiter;
    if (!waiter) return;
    let event;
    if (this.#over !== undefined) {
      event = this.#over;
    } else if (this.#writing > 0) {
      return;
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
    fetch(url, {
      method,
      headers: toHeaders(headers),
      body,
      redirect: "manual",
      signal: this.#abort.signal,
    })
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
        this.#arrive(FAILED);
      });
  }

  /** The whole body, FAILED, or undefined where it did not come with the head. */
  early() {
    return this.#early;
  }

  /** The next event: a head (string), a chunk (bytes) or a code. */
  next() {
    if (this.#response?.body && !this.#reader && this.#arrived === undefined) {
      this.#reader = this.#response.body.getReader();
      this.#read();
    } else if (this.#response && !this.#response.body && this.#arrived === undefined) {
      this.#arrived = END;
    }
    return new Promise((resolve) => {
      this.#waiter = resolve;
      this.#poke();
    });
  }

  #read() {
    this.#reader.read().then(
      ({ value, done }) => {
        if (done) {
          this.#arrive(END);
        } else {
          this.#chunk = value;
          this.#arrive(value);
        }
      },
      () => this.#arrive(FAILED),
    );
  }

  /** Lets the next chunk come. */
  more() {
    this.#read();
  }

  /** The whole body as bytes, TOO_LARGE, or a code of `next`. */
  async whole(limit) {
    const response = this.#response;
    if (!response.body) return new Uint8Array(0);
    const declared = Number(response.headers.get("content-length") ?? Number.NaN);
    if (declared > limit) {
      this.#abort.abort();
      return -TOO_LARGE;
    }
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

  /** Commits the answer: a response whose body is what `forward` and `write` write. */
  open(status, headers) {
    const { readable, writable } = new IdentityTransformStream();
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(() => this.#end(GONE));
    return new Response(readable, { status, headers: toHeaders(headers) });
  }

  #write(bytes) {
    this.#writing++;
    this.#tick = false;
    this.#written = Date.now();
    this.#writer.write(bytes).then(
      () => {
        this.#writing--;
        this.#poke();
      },
      () => this.#end(GONE),
    );
  }

  /** Passes on a part of the chunk that came last. */
  forward(from, to) {
    const chunk = this.#chunk;
    this.#write(from === 0 && to === chunk.byteLength ? chunk : chunk.subarray(from, to));
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
    this.#writer?.close().catch(() => {});
    const timer = setTimeout(() => this.close(false), LEAVE_MS);
    try {
      for (;;) {
        const { done } = await this.#reader.read();
        if (done) break;
      }
    } catch {
      // It was told to stop.
    }
    clearTimeout(timer);
    this.close(true);
  }

  /** Lets go of everything; a pod that still works is told to stop. */
  close(fed) {
    clearTimeout(this.#beat);
    release(this.#request);
    this.#signal?.removeEventListener("abort", this.#onGone);
    if (this.#over === undefined) this.#over = END;
    if (!fed) {
      this.#abort.abort();
      this.#reader?.cancel().catch(() => {});
    }
  }
}

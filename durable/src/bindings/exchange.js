// One call of a pod and the stream of its answer: the JavaScript half of `exchange.rs`.

import { entryOf, sleep } from "./entry.js";
import { Flow } from "./flow.js";
import { collect, splitHead, splitLine, TOO_LARGE, toHeaders, toLines } from "./http.js";
import { callObject } from "./object.js";

/** Codes that stand in for a value where a wait ended without one. Mirrored by `exchange.rs`; `flow.js` has more. */
const END = 0;
const TICK = 1;
const GONE = 2;
const TIMEOUT = 3;
const FAILED = 4;

const encoder = new TextEncoder();

/** A comment, which every client skips. No empty line: after events with an `id`, some SDKs take one for another event. */
const HEARTBEAT = encoder.encode(": ka\n");

/** The same in a plain answer: JSON may begin with white space. */
const BLANK = encoder.encode("\n");

/** How long a plain answer that may begin early waits first, and from then on between two of them. */
const EARLY_MS = 20_000;
const BLANK_MS = 10_000;

/** How long a pod that has said its last word may keep its answer open. */
const LEAVE_MS = 100;

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
 * is due) is told by `next`, one event for each call. Then `flow` passes the body on.
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
  #waiter = null;
  #arrived;
  #over;
  #tick = false;
  #response;
  #early;
  #watch;
  #why = "";
  #unasked = false;
  #flow;

  /** `early`: a plain answer that may begin before the pod has ended its own. */
  constructor(request, timeout, beat, early) {
    this.#entry = entryOf(request);
    this.#entry.extend(timeout, () => this.#end(TIMEOUT));
    this.#plain = beat === 0 && !early;
    this.#wait = early ? EARLY_MS : beat;
    if (early) this.#heartbeat = BLANK;
    if (!this.#plain) {
      this.#flow = new Flow(this.#entry, this.#onGone, () => this.finish(false));
      this.#arm(this.#wait);
    }
    this.#entry.onLeave(this.#onGone);
  }

  /** Where the answer is written; nothing where it is read whole first and does not begin before. */
  get body() {
    return this.#flow;
  }

  get #isOpen() {
    return this.#flow?.isOpen ?? false;
  }

  /** Rings when nothing was written for the time of a heartbeat. */
  #arm(ms) {
    this.#beat = this.#entry.at(ms, () => {
      const left = this.body.written + this.#wait - Date.now();
      if (left > 0) {
        this.#arm(left);
        return;
      }
      if (this.#heartbeat === BLANK) this.#wait = BLANK_MS;
      this.#arm(this.#wait);
      if (!this.#isOpen) {
        this.#tick = true;
        this.#poke();
      } else if (this.body.rests && this.#over === undefined) {
        this.body.put(this.#heartbeat);
      }
    });
  }

  /** It is over, whatever else may come. */
  #end(code) {
    if (this.#over !== undefined) return;
    this.#over = code;
    this.#abort.abort();
    this.#poke();
    this.#flow?.end(code);
    // An answer that began early does not flow: if nobody ends it, it is ended there.
    if (this.#isOpen && this.#heartbeat === BLANK) this.body.orphan();
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

  /**
   * Sends a request: `head` is `METHOD URL\n`, then the headers. The answer's head arrives as a string from `next`, a
   * small plain body with it (see `early`).
   */
  send(head, body) {
    const [method, url, headers] = splitHead(head);
    const signal = this.#abort.signal;
    this.#hear(fetch(url, { method, headers: toHeaders(headers), body, redirect: "manual", signal }));
  }

  /** The same over a pod's tunnel, with a path in the place of the URL. */
  sendOver(tunnel, head, body) {
    this.#hear(tunnel.fetch(head, body, this.#abort.signal));
  }

  #hear(answer) {
    answer
      .then((response) => {
        this.#response = response;
        const lines = toLines(response.headers);
        const arrive = () => this.#arrive(`${response.status}\n${lines}`);
        const declared = Number(/^content-length: (\d+)$/m.exec(lines)?.[1] ?? Number.NaN);
        if (!(this.#plain && declared <= EARLY_BYTES)) return arrive();
        return response
          .arrayBuffer()
          .then(
            (buffer) => {
              this.#early = new Uint8Array(buffer);
            },
            () => {
              this.#early = FAILED;
            },
          )
          .then(arrive);
      })
      .catch((error) => {
        console.error(`the pod cannot be reached: ${error}`);
        this.#unasked = error?.unasked === true;
        this.#arrive(FAILED);
      });
  }

  /**
   * Asks the run's agent, once the run has lived for a while, to tell when it must end before its time. The question
   * waits there, so a run costs a message in 25 s and learns of it at once. `question` is the object's place and, below
   * it, the message.
   */
  watch(env, question) {
    const ask = async () => {
      const [place, message] = splitLine(question);
      let pause = WATCH_MS;
      while (this.#over === undefined) {
        const told = await callObject(env, place, message).catch(() => "");
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
    if (!this.#isOpen && this.#heartbeat !== BLANK) this.#entry.cancel(this.#beat);
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
    this.#entry.watchCaller();
    const readable = this.body.open();
    if (!this.#response || this.#heartbeat === BLANK) this.body.put(this.#heartbeat);
    return new Response(readable, { status, headers: toHeaders(headers) });
  }

  /** Passes the body on, as `Flow.start` says. */
  flow(step, lastResort) {
    return this.body.start(this.#response.body, this.#over, step, lastResort);
  }

  /** Ends the answer in order and forgets the rest; `fed` says whether the pod has given all it had. */
  finish(fed) {
    this.body.close();
    this.close(fed);
  }

  /**
   * The same for a pod that has said its last word: it has a moment to end its answer, so that the connection can be
   * used again.
   */
  async leave() {
    this.#entry.cancel(this.#beat);
    this.body.close();
    const ended = await this.body.rest(LEAVE_MS);
    this.close(ended);
  }

  /** Lets go of everything; a pod that still works is told to stop. */
  close(fed) {
    this.#entry.cancel(this.#watch);
    this.#entry.cancel(this.#beat);
    this.#flow?.release();
    this.#entry.onLeave(undefined);
    this.#entry.release();
    if (this.#over === undefined) this.#over = END;
    if (!fed) {
      this.#abort.abort();
      this.#flow?.cancel();
    }
  }
}

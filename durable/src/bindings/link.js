// The Worker's end of a link: an answer that streams to one reader, fed by an object over a WebSocket. What the reader
// took is acknowledged to the object, which sends no more than a window ahead. A link that breaks is made anew from the
// cursor seen last, so the reader does not notice that an object was restarted.

import { toHeaders } from "./http.js";
import { objectAt } from "./object.js";

const KEEP_ALIVE_MS = 15_000;

/** A reader that takes nothing for so long is gone, or may as well be: it comes back with what it saw. */
const STALLED_MS = 60_000;

/** Bytes that the reader took before they are acknowledged; half of the object's window. */
const ACKNOWLEDGED = 32 * 1024;

/** Waits between attempts to make a broken link anew; after the last the stream ends. */
const AGAIN_MS = [100, 500, 2_000, 5_000, 10_000];

/** How long a link must have lasted for its attempts to be forgotten. */
const LASTING_MS = 10_000;

/** How long the reader of a stream that has ended may take for the rest. */
const REST_MS = 5_000;

/** Longest time that a timer takes. */
const LONGEST_MS = 0x7fff_ffff;

/** How long an object may take to say its first word. One that goes in between may leave nobody to say it. */
const GREETING_MS = 10_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What a promise gives, or a failure where that takes too long. */
export async function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`there was no answer in ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export class Link {
  #call;
  #cursor;
  #message;
  #writer;
  #readable;
  #socket;
  #since = 0;
  #attempts = 0;
  #writing = 0;
  #written = Date.now();
  #taken = 0;
  #comments;
  #over = false;
  #beat;
  #end;
  #lostEvent = "";
  #signal;
  #onGone = () => this.#finish();
  #done;
  #resolve;

  constructor(request, ctx, env, place, cursor, message, comments) {
    this.#call = () => objectAt(env, place).fetch("https://object/", { headers: { upgrade: "websocket" } });
    this.#cursor = cursor;
    this.#message = message;
    this.#comments = comments.split("\n").map((comment) => encoder.encode(`: ${comment}\n\n`));
    const { readable, writable } = new IdentityTransformStream();
    this.#readable = readable;
    this.#writer = writable.getWriter();
    this.#signal = request.signal;
    this.#signal?.addEventListener("abort", this.#onGone);
    this.#done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    ctx.waitUntil(this.#done);
  }

  /** Makes the link; answers the object's first word. */
  async open() {
    this.#write(this.#comments[0]);
    return await this.#connect();
  }

  async #connect() {
    const { webSocket: socket } = await within(GREETING_MS, this.#call());
    if (!socket) throw new Error("the object took no link");
    this.#socket = socket;
    try {
      return await within(GREETING_MS, this.#greet(socket));
    } catch (error) {
      this.#socket = undefined;
      try {
        socket.close(1000, "no word was said");
      } catch {
        // It is closed.
      }
      throw error;
    }
  }

  async #greet(socket) {
    this.#since = Date.now();
    return await new Promise((resolve, reject) => {
      let greeted = false;
      const lost = (code) => {
        if (greeted) this.#lost(socket, code);
        else reject(new Error(`the link closed with ${code} before a word was said`));
      };
      socket.addEventListener("message", ({ data }) => {
        if (greeted) {
          this.#frame(socket, data);
        } else {
          greeted = true;
          this.#taken = 0;
          this.#begin(data);
          resolve(data);
        }
      });
      socket.addEventListener("close", ({ code, reason }) => {
        try {
          socket.close(code, reason);
        } catch {
          // It is closed.
        }
        lost(code);
      });
      socket.addEventListener("error", () => lost(1006));
      socket.binaryType = "arraybuffer";
      socket.accept();
      socket.send(`${this.#cursor}\n${this.#message}`);
    });
  }

  /** Where the object says that the link begins, so that one that breaks before any event came goes on from there. */
  #begin(word) {
    if (this.#cursor === "") this.#cursor = JSON.parse(word).Ok?.cursor ?? "";
  }

  /** Takes events, which are bytes, so that none of the many links of one object makes them anew. */
  #frame(socket, data) {
    if (this.#over || socket !== this.#socket) return;
    const frame = new Uint8Array(data);
    const end = frame.indexOf(10);
    this.#cursor = decoder.decode(frame.subarray(0, end));
    this.#write(frame.subarray(end + 1), socket);
  }

  /** Writes; what came over a link is acknowledged there once it was taken. */
  #write(bytes, socket) {
    this.#writing++;
    this.#writer.write(bytes).then(() => {
      this.#writing--;
      this.#written = Date.now();
      if (socket !== undefined) this.#took(socket, bytes.byteLength);
    }, this.#onGone);
  }

  #took(socket, bytes) {
    if (socket !== this.#socket) return;
    this.#taken += bytes;
    if (this.#taken < ACKNOWLEDGED) return;
    const taken = this.#taken;
    this.#taken = 0;
    try {
      socket.send(String(taken));
    } catch {
      // The next link begins with full credit.
    }
  }

  #say(text) {
    if (text !== "") this.#write(encoder.encode(text));
  }

  #lost(socket, code) {
    if (this.#over || socket !== this.#socket) return;
    this.#socket = undefined;
    // The object has said why, and does not want to see it again.
    if (code >= 4400 && code < 4500) this.#finish();
    else this.#again();
  }

  async #again() {
    if (Date.now() - this.#since > LASTING_MS) this.#attempts = 0;
    while (!this.#over && this.#attempts < AGAIN_MS.length) {
      const ms = AGAIN_MS[this.#attempts++];
      await new Promise((resolve) => setTimeout(resolve, ms));
      if (this.#over) return;
      try {
        const word = await this.#connect();
        if (word.startsWith('{"Ok"')) return;
        break;
      } catch {
        // Once more.
      }
    }
    if (this.#over) return;
    this.#say(this.#lostEvent);
    this.#finish();
  }

  /**
   * The answer. It ends after `ends` milliseconds (never, if negative) with the text `expired`, and with the text
   * `lost` where the link cannot be made anew.
   */
  respond(status, headers, ends, expired, lost) {
    this.#lostEvent = lost;
    this.#beat = setInterval(() => {
      const idle = Date.now() - this.#written;
      if (this.#writing > 0) {
        if (idle >= STALLED_MS) this.#finish();
      } else if (idle >= KEEP_ALIVE_MS - 1_000) {
        this.#write(this.#comments[1]);
      }
    }, KEEP_ALIVE_MS);
    if (ends >= 0) this.#expire(ends, expired);
    return new Response(this.#readable, { status, headers: toHeaders(headers) });
  }

  #expire(ms, expired) {
    const step = Math.min(ms, LONGEST_MS);
    this.#end = setTimeout(() => {
      if (ms > step) return this.#expire(ms - step, expired);
      this.#say(expired);
      this.#finish();
    }, step);
  }

  /** Lets go of everything: the object has refused. */
  close() {
    this.#finish();
  }

  #finish() {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#beat);
    clearTimeout(this.#end);
    this.#signal?.removeEventListener("abort", this.#onGone);
    try {
      this.#socket?.close(1000, "the reader has left");
    } catch {
      // It is closed.
    }
    const rest = setTimeout(() => this.#writer.abort().catch(() => {}), REST_MS);
    this.#writer
      .close()
      .catch(() => {})
      .finally(() => {
        clearTimeout(rest);
        this.#resolve();
      });
  }
}

// The Worker's end of a request that goes to a pod over its agent's tunnel: a socket to the object that carries one
// stream of the tunnel's protocol (`docs/tunnel-protocol.md`). What is answered is used as a response of `fetch` is.
//
// Room is given back as bytes are read, so a caller who reads slowly slows its own pod down.

import { free } from "./buffers.js";
import { entryOf, sleep } from "./entry.js";
import { collect, toHeaders } from "./http.js";
import { callObjectWhile, objectAt, putRiders, takeRiders } from "./object.js";

/** The header that tells an object who a socket is for; only the Worker can set it. */
const ADMITTED = "x-moltghost-admitted";

/** Kinds of frames. */
const REQUEST = 3;
const RESPONSE = 5;
const BODY = 6;
const END = 7;
const RESET = 8;
const WINDOW = 9;

/** Reasons of RESET. */
const CANCELLED = 1;
const REFUSED = 2;
const UNREACHABLE = 3;
const FLOW_CONTROL = 6;

const HEAD_BYTES = 8;
const STREAM = 1;
const MAX_BODY = 64 * 1024;
const ROOM = 256 * 1024;
const AGAIN = "again";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The header in which an object answers to who asks for a call's socket. */
const ANSWER = "x-moltghost-answer";

/** What stands before a message that asks to run a call, and the text by which a caller leaves who waits for it. */
const RUN = "run ";
const LEFT = "left";

/** The longest message that goes in a header. */
const MOST_IN_HEADER = 12_000;

/**
 * As `callObjectWhile`, for a call that goes over a tunnel if it may run: where it may, or has to wait for its turn,
 * the object gives the socket that it goes over. Answers `[text, socket or undefined]`.
 */
export async function admitOver(request, env, place, message, left) {
  const list = takeRiders(place);
  const put = () => list && putRiders(place, list);
  const who = encodeURIComponent(RUN + (list ? `${message}\n${list.join("\n")}` : message));
  if (who.length > MOST_IN_HEADER) {
    put();
    return [await callObjectWhile(request, env, place, message, left), undefined];
  }
  const entry = entryOf(request);
  let gone = false;
  let socket;
  entry.onLeave(() => {
    gone = true;
    socket?.send(LEFT);
  });
  try {
    const answer = await upgraded(env, place, who).catch((error) => {
      put();
      throw error;
    });
    if (!answer.webSocket) return [await answer.text(), undefined];
    const told = answer.headers.get(ANSWER);
    if (told !== null) return [decodeURIComponent(told), answer.webSocket];
    // It waits for its turn.
    socket = answer.webSocket;
    const text = new Promise((resolve, reject) => {
      socket.addEventListener("message", ({ data }) => resolve(data), { once: true });
      socket.addEventListener("close", () => reject(new Error("the object has gone")), { once: true });
    });
    socket.accept();
    if (gone) socket.send(LEFT);
    return [await text, socket];
  } finally {
    entry.onLeave(undefined);
  }
}

/** The answer of an object to an upgrade; asked again as a message is. */
async function upgraded(env, place, who) {
  const headers = { upgrade: "websocket", [ADMITTED]: who };
  for (let attempt = 1; ; attempt++) {
    try {
      return await objectAt(env, place).fetch("https://object/run", { headers });
    } catch (error) {
      if (attempt === 3 || !error?.retryable || error?.overloaded) throw error;
      await sleep(20 * attempt * attempt);
    }
  }
}

/** Begins to take messages, if that was not begun before. */
function begin(socket) {
  try {
    socket.accept();
  } catch {
    // It waited for its turn.
  }
}

/** A call's socket is not needed. */
export function dropCall(socket) {
  begin(socket);
  socket.close(1000, "");
}

export class Tunnel {
  #open;

  /** `socket` is that of a call that was admitted with it. */
  constructor(env, place, who, socket) {
    if (socket) {
      this.#open = () => ({ webSocket: socket });
      return;
    }
    const headers = { upgrade: "websocket", [ADMITTED]: encodeURIComponent(who) };
    this.#open = () => objectAt(env, place).fetch("https://object/tunnel", { headers });
  }

  /** Sends a request, of which `head` is `METHOD PATH\n`, then the headers; a promise of what is used as its response. */
  async fetch(head, body, signal) {
    const { webSocket } = await this.#open();
    if (!webSocket) throw new Error("the object took no call");
    return await new Call(webSocket, encoder.encode(head), body ?? new Uint8Array(0), signal).answer;
  }
}

/** Writes frames as one message. */
function message(frames) {
  const all = new Uint8Array(frames.reduce((size, [, payload]) => size + HEAD_BYTES + payload.length, 0));
  const view = new DataView(all.buffer);
  let at = 0;
  for (const [kind, payload] of frames) {
    view.setUint32(at, kind * 0x100_0000 + payload.length);
    view.setUint32(at + 4, STREAM);
    all.set(payload, at + HEAD_BYTES);
    at += HEAD_BYTES + payload.length;
  }
  return all;
}

function number(value) {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

const NOTHING = new Uint8Array(0);

class Call {
  #socket;
  #head;
  #body;
  #sent = 0;
  #room = ROOM;
  #ours = ROOM;
  #read = 0;
  #chunks = [];
  #waiter = null;
  #over = false;
  #error = null;
  #signal;
  #onAbort = () => this.#stop(CANCELLED, new Error("the request was given up"));
  #resolve;
  #reject;

  answer = new Promise((resolve, reject) => {
    this.#resolve = resolve;
    this.#reject = reject;
  });

  constructor(socket, head, body, signal) {
    this.#socket = socket;
    this.#head = head;
    this.#body = body;
    this.#signal = signal;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => this.#heard(data));
    const lost = () => this.#fail(new Error("the object has gone"));
    socket.addEventListener("close", lost);
    socket.addEventListener("error", lost);
    begin(socket);
    if (signal.aborted) {
      this.#onAbort();
      return;
    }
    signal.addEventListener("abort", this.#onAbort);
    this.#send([[REQUEST, head]]);
  }

  /** Sends frames, and what there is room for of the body. */
  #send(frames) {
    const size = this.#body.length;
    while (this.#sent < size && this.#room > 0) {
      const end = this.#sent + Math.min(MAX_BODY, this.#room, size - this.#sent);
      frames.push([BODY, this.#body.subarray(this.#sent, end)]);
      this.#room -= end - this.#sent;
      this.#sent = end;
      if (end === size) frames.push([END, NOTHING]);
    }
    if (size === 0 && this.#sent === 0 && frames.length > 0) {
      this.#sent = 1;
      frames.push([END, NOTHING]);
    }
    if (frames.length > 0) this.#say(frames);
  }

  #say(frames) {
    const { buffer } = message(frames);
    try {
      this.#socket.send(buffer);
    } catch {
      // It is closed, which is told by its event.
    }
    free(buffer);
  }

  #heard(data) {
    if (this.#over) return;
    if (typeof data === "string") {
      if (data !== AGAIN) return;
      this.#sent = 0;
      this.#room = ROOM;
      this.#send([[REQUEST, this.#head]]);
      return;
    }
    const view = new DataView(data);
    const bytes = new Uint8Array(data);
    let at = 0;
    // The bytes of all its BODY frames, moved together: one chunk, and nobody else's buffer.
    let from = 0;
    let to = 0;
    while (at < data.byteLength && !this.#over) {
      const kind = view.getUint8(at);
      const length = view.getUint32(at) & 0xff_ffff;
      at += HEAD_BYTES;
      if (kind === BODY) {
        if (to === 0) from = to = at;
        else bytes.copyWithin(to, at, at + length);
        to += length;
      } else {
        if (kind === END || kind === RESET) this.#take(bytes.subarray(from, to));
        this.#frame(kind, bytes.subarray(at, at + length), view, at);
      }
      at += length;
    }
    this.#take(bytes.subarray(from, to));
    this.#wake();
  }

  /** Takes bytes of the body. */
  #take(bytes) {
    if (this.#over || bytes.length === 0) return;
    this.#ours -= bytes.length;
    if (this.#ours < 0) this.#stop(FLOW_CONTROL, new Error("the connector sent more than it may"));
    else this.#chunks.push(bytes);
  }

  #frame(kind, payload, view, at) {
    if (kind === RESPONSE) {
      this.#body = NOTHING;
      this.#sent = 1;
      this.#respond(decoder.decode(payload));
    } else if (kind === WINDOW) {
      this.#room = Math.min(this.#room + view.getUint32(at), ROOM);
      this.#send([]);
    } else if (kind === END) {
      this.#end();
    } else if (kind === RESET) {
      const reason = payload[0];
      const error = new Error(`the connector gave up for reason ${reason}`);
      error.unasked = reason === REFUSED || reason === UNREACHABLE;
      this.#fail(error);
    }
  }

  #respond(text) {
    const line = text.indexOf("\n");
    let headers;
    try {
      headers = new Headers(toHeaders(text.slice(line + 1)));
    } catch (error) {
      this.#stop(CANCELLED, error);
      return;
    }
    const reader = {
      read: () => this.#next(),
      cancel: async () => this.#onAbort(),
    };
    const body = { getReader: () => reader };
    const arrayBuffer = async () => {
      const all = await collect(reader, Number.POSITIVE_INFINITY);
      return all.slice().buffer;
    };
    this.#resolve({ status: Number(text.slice(0, line)), headers, body, arrayBuffer });
  }

  #next() {
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
      this.#wake();
    });
  }

  /** Hands on what has come to who waits for it. */
  #wake() {
    const waiter = this.#waiter;
    if (!waiter) return;
    if (this.#chunks.length > 0) {
      this.#waiter = null;
      const value = this.#chunks.shift();
      this.#make(value.length);
      waiter.resolve({ value, done: false });
    } else if (this.#over) {
      this.#waiter = null;
      if (this.#error) waiter.reject(this.#error);
      else waiter.resolve({ value: undefined, done: true });
    }
  }

  /** Makes room for as many bytes as were read. */
  #make(bytes) {
    this.#read += bytes;
    if (this.#over || this.#read < ROOM / 4) return;
    this.#ours += this.#read;
    this.#say([[WINDOW, number(this.#read)]]);
    this.#read = 0;
  }

  #end() {
    this.#over = true;
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#body = NOTHING;
    try {
      this.#socket.close(1000, "");
    } catch {
      // It is closed.
    }
    this.#wake();
  }

  #fail(error) {
    if (this.#over) return;
    this.#error = error;
    this.#reject(error);
    this.#end();
  }

  /** Gives up, and tells the connector why. */
  #stop(reason, error) {
    if (this.#over) return;
    this.#say([[RESET, new Uint8Array([reason])]]);
    this.#chunks = [];
    this.#fail(error);
  }
}

// The JavaScript half of the bindings: a few coarse functions, so that a request crosses the boundary between Wasm
// and JavaScript seldom. Strings stand for structures: a head is `first line\nname: value\n…`.
//
// What a function here throws reaches Rust as an `Err`, since every extern on the other side has `catch`.

/** Codes that stand in for a value where a wait ended without one. Mirrored by `exchange.rs` and `body.rs`. */
const END = 0;
const TICK = 1;
const GONE = 2;
const TIMEOUT = 3;
const FAILED = 4;

/** What an entry answers that cannot answer by itself. */
const lastResort = (status, code, type, message) => [
  status,
  JSON.stringify({ error: { message, type, param: null, code } }),
];
const FAILED_ANSWER = lastResort(500, "internal_error", "internal_error", "Something went wrong here. Tell the operator.");
const LATE_ANSWER = lastResort(504, "timeout", "timeout_error", "The run took longer than it may.");

/** How long the runtime is given to tell that time is up before the entry does. */
const MARGIN = 5_000;

const TOO_LARGE = 1;
const BAD_ENCODING = 2;
const CUT = 3;

function toHeaders(lines) {
  const headers = new Headers();
  let from = 0;
  while (from < lines.length) {
    const colon = lines.indexOf(": ", from);
    let end = lines.indexOf("\n", from);
    if (end < 0) end = lines.length;
    headers.append(lines.slice(from, colon), lines.slice(colon + 2, end));
    from = end + 1;
  }
  return headers;
}

function toLines(headers) {
  let lines = "";
  for (const [name, value] of headers) lines += `${name}: ${value}\n`;
  return lines;
}

/** `METHOD URL TLS\n`, then the headers. TLS is `-` where the request did not come over it. */
export function requestHead(request) {
  const url = request.url;
  const tls = url.startsWith("https:") ? (request.cf?.tlsVersion ?? "-") : "-";
  return `${request.method} ${url} ${tls}\n${toLines(request.headers)}`;
}

/** The body as bytes, or TOO_LARGE, BAD_ENCODING, CUT. Stops reading as soon as the limit is passed. */
export async function readBody(request, limit, gzip) {
  let stream = request.body;
  if (!stream) return new Uint8Array(0);
  const declared = Number(request.headers.get("content-length") ?? Number.NaN);
  try {
    if (!gzip && declared <= limit) return new Uint8Array(await request.arrayBuffer());
    if (gzip) stream = stream.pipeThrough(new DecompressionStream("gzip"));
    return await collect(stream.getReader(), limit);
  } catch {
    return gzip ? BAD_ENCODING : CUT;
  }
}

async function collect(reader, limit) {
  const chunks = [];
  let size = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > limit) {
      await reader.cancel().catch(() => {});
      return TOO_LARGE;
    }
    chunks.push(value);
  }
  if (chunks.length === 1) return chunks[0];
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}

/** A response; `body` is a string, bytes, a stream or null. */
export function respond(status, headers, body) {
  return new Response(body, { status, headers: toHeaders(headers) });
}

/**
 * The deadline of one entry, which keeps it from hanging whatever happens inside: where the work fails or takes
 * longer than it may, the answer is `failed` or, once a run was admitted, `late`.
 */
export class Deadline {
  #timer;
  #answer;
  #headers;
  #done = false;

  constructor(ms, headers) {
    this.#headers = headers;
    this.#timer = setTimeout(() => this.#answer(FAILED_ANSWER), ms);
  }

  guard(promise, ctx) {
    ctx?.waitUntil?.(promise.catch(() => {}));
    return new Promise((resolve) => {
      this.#answer = ([status, body]) => {
        const headers = toHeaders(this.#headers);
        headers.set("content-type", "application/json");
        headers.set("x-should-retry", "false");
        resolve(new Response(body, { status, headers }));
      };
      promise.then(
        (value) => {
          this.#finish();
          resolve(value);
        },
        (error) => {
          this.#finish();
          console.error(`an entry failed: ${error}`);
          this.#answer(FAILED_ANSWER);
        },
      );
    });
  }

  #finish() {
    this.#done = true;
    clearTimeout(this.#timer);
  }

  /** A run was admitted: it has this long. */
  extend(ms) {
    if (this.#done) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#answer(LATE_ANSWER), ms);
  }
}

export function waitUntil(ctx, promise) {
  ctx.waitUntil(promise);
}

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Sends a message to an object and reads its answer. The runtime marks an error as retryable only where the object
 * cannot have seen the message, or was reset; messages are idempotent, so it is sent again, twice at most.
 */
export async function callObject(namespace, name, message) {
  for (let attempt = 1; ; attempt++) {
    try {
      const stub = namespace.getByName(name);
      const response = await stub.fetch("https://object/", { method: "POST", body: message });
      return await response.text();
    } catch (error) {
      if (attempt === 3 || !error?.retryable || error?.overloaded) throw error;
      await sleep(20 * attempt * attempt);
    }
  }
}

export function requestText(request) {
  return request.text();
}

export function binding(env, name) {
  return env[name];
}

/** A text variable or secret. */
export function variable(env, name) {
  const value = env[name];
  return typeof value === "string" ? value : undefined;
}

export function random(length) {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** Writes one line of the structured log. */
export function log(line) {
  console.log(line);
}

/** Runs one statement; parameters and rows are JSON. */
export function sqlRun(storage, query, parameters) {
  const rows = storage.sql.exec(query, ...JSON.parse(parameters)).raw().toArray();
  return rows.length === 0 ? "[]" : JSON.stringify(rows);
}

/** Runs `[[query, [parameter, …]], …]` as a whole or not at all. */
export function sqlBatch(storage, statements) {
  const list = JSON.parse(statements);
  storage.transactionSync(() => {
    for (const [query, parameters] of list) storage.sql.exec(query, ...parameters);
  });
}

export function setAlarm(storage, time) {
  return storage.setAlarm(time);
}

export function objectName(state) {
  return state.id.name ?? "";
}

export function objectStorage(state) {
  return state.storage;
}

/** Runs statements on D1 as one transaction; `[[query, [parameter, …]], …]`. Answers the rows of the last. */
export async function d1Batch(database, statements) {
  const prepared = JSON.parse(statements).map(([query, parameters]) => database.prepare(query).bind(...parameters));
  const results = await database.batch(prepared);
  return JSON.stringify(results.at(-1)?.results ?? []);
}

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
  #timer;
  #beat = 0;
  #deadline = 0;
  #waiter = null;
  #arrived;
  #over;
  #tick = false;
  #writing = 0;
  #response;
  #reader;
  #writer;
  #chunk;

  constructor(request, timeout, beat, deadline) {
    deadline.extend(timeout + MARGIN);
    this.#signal = request.signal;
    this.#onGone = () => this.#end(GONE);
    if (this.#signal) {
      if (this.#signal.aborted) this.#end(GONE);
      else this.#signal.addEventListener("abort", this.#onGone);
    }
    this.#beat = beat;
    this.#deadline = Date.now() + timeout;
    this.#arm();
  }

  #arm() {
    const left = this.#deadline - Date.now();
    const wait = this.#beat > 0 ? Math.min(this.#beat, left) : left;
    this.#timer = setTimeout(() => {
      if (Date.now() >= this.#deadline) {
        this.#end(TIMEOUT);
      } else {
        this.#tick = true;
        this.#arm();
        this.#poke();
      }
    }, Math.max(wait, 0));
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

  /** Sends the request; its head arrives as a string from `next`. */
  send(method, url, headers, body) {
    fetch(url, {
      method,
      headers: toHeaders(headers),
      body,
      redirect: "manual",
      signal: this.#abort.signal,
    }).then(
      (response) => {
        this.#response = response;
        this.#arrive(`${response.status}\n${toLines(response.headers)}`);
      },
      (error) => {
        console.error(`the pod cannot be reached: ${error}`);
        this.#arrive(FAILED);
      },
    );
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

  /** Lets go of everything; a pod that still works is told to stop. */
  close(fed) {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#onGone);
    if (this.#over === undefined) this.#over = END;
    if (!fed) {
      this.#abort.abort();
      this.#reader?.cancel().catch(() => {});
    }
  }
}

// The JavaScript half of the bindings: a few coarse functions, so that a request crosses the boundary between Wasm
// and JavaScript seldom. Strings stand for structures: a head is `first line\nname: value\n…`.
//
// What a function here throws reaches Rust as an `Err`, since every extern on the other side has `catch`.

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

/** Why a body could not be read. Mirrored by `entry.rs`. */
export const TOO_LARGE = 1;
const BAD_ENCODING = 2;
const CUT = 3;
const FULL = 4;

/** Bytes of request bodies that one isolate holds at once, read in part or whole. Mirrored by `entry.rs`. */
const MOST_HELD = 32 * 1024 * 1024;
let held = 0;

/** A body that is counted as it is declared; of a larger one what has come counts, so that nothing is held idly. */
const SMALL = 256 * 1024;
const holds = new WeakMap();

/** Counts bytes of a request's body that is being read; false where there is no room for them. */
function hold(request, bytes) {
  if (held + bytes > MOST_HELD) return false;
  held += bytes;
  holds.set(request, (holds.get(request) ?? 0) + bytes);
  return true;
}

/** The body of a request is held no more; it may be said again. */
export function letGo(request) {
  held -= holds.get(request) ?? 0;
  holds.delete(request);
}

/** Header lines as the record that `Headers` is made of in one go; a name that repeats keeps all its values. */
export function toHeaders(lines) {
  const headers = {};
  let from = 0;
  while (from < lines.length) {
    const colon = lines.indexOf(": ", from);
    let end = lines.indexOf("\n", from);
    if (end < 0) end = lines.length;
    const name = lines.slice(from, colon);
    const value = lines.slice(colon + 2, end);
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
    from = end + 1;
  }
  return headers;
}

export function toLines(headers) {
  let lines = "";
  headers.forEach((value, name) => {
    lines += `${name}: ${value}\n`;
  });
  return lines;
}

/** `METHOD URL TLS\n`, then the headers. TLS is `-` where the request did not come over it. */
export function requestHead(request) {
  const url = request.url;
  const tls = url.startsWith("https:") ? (request.cf?.tlsVersion ?? "-") : "-";
  return `${request.method} ${url} ${tls}\n${toLines(request.headers)}`;
}

/**
 * The body as bytes, which are held until they are let go; or TOO_LARGE, BAD_ENCODING, CUT, FULL. Stops reading as soon
 * as a limit is passed.
 */
export async function readBody(request, limit, gzip) {
  let stream = request.body;
  if (!stream) return new Uint8Array(0);
  const declared = Number(request.headers.get("content-length") ?? Number.NaN);
  if (!gzip && declared > limit) {
    await stream.cancel().catch(() => {});
    return TOO_LARGE;
  }
  const take = (bytes) => hold(request, bytes);
  let all;
  try {
    if (!gzip && declared <= Math.min(limit, SMALL)) {
      all = take(declared) ? new Uint8Array(await request.arrayBuffer()) : FULL;
    } else {
      if (gzip) stream = stream.pipeThrough(new DecompressionStream("gzip"));
      all = await collect(stream.getReader(), limit, take);
    }
  } catch {
    all = gzip ? BAD_ENCODING : CUT;
  }
  if (typeof all === "number") letGo(request);
  return all;
}

/** Reads a stream to its end, or TOO_LARGE; FULL where `take` has no room for a chunk. */
export async function collect(reader, limit, take = () => true) {
  const chunks = [];
  let size = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    size += value.byteLength;
    const why = size > limit ? TOO_LARGE : take(value.byteLength) ? undefined : FULL;
    if (why !== undefined) {
      await reader.cancel().catch(() => {});
      return why;
    }
    chunks.push(value);
  }
  return join(chunks, size);
}

/** Chunks of `size` bytes in all as one. */
export function join(chunks, size) {
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

/** Where promises are told that have settled: a function of the Wasm instance that runs. */
let told = () => {};
let settling = 0;

/** From now on promises that have settled are told to `tell(number, kept, value)`. */
export function hear(tell) {
  told = tell;
}

/** Tells how a promise settles, under the number that this answers, which no other gets. */
export function settle(promise) {
  const number = ++settling;
  promise.then(
    (value) => tell(number, true, value),
    (error) => tell(number, false, error),
  );
  return number;
}

/** An instance that traps is found out by the entries (`entry.js`), which hear of errors that nobody catches. */
function tell(number, kept, value) {
  try {
    told(number, kept, value);
  } catch (error) {
    reportError(error);
  }
}

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
    this.#arm(Math.min(ms, LOOK_MS));
    this.#deadline = this.at(ms, this.#late);
    ctx?.waitUntil(this.answer);
  }

  #arm(ms) {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#rings = Date.now() + ms;
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
    if (next < this.#rings) this.#arm(Math.max(next - Date.now(), 1));
  };

  /** Calls `work` after `ms`, unless what this answers is given to `cancel`, or the entry is over. */
  at(ms, work) {
    const alarm = { time: Date.now() + ms, work };
    this.#alarms.push(alarm);
    if (alarm.time < this.#rings) this.#arm(ms);
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

/** How long a rider waits for a message that goes its way, and how often it is sent alone at most. */
const RIDE_MS = 10;
const ALONE_ATTEMPTS = 3;

/** Riders by the object that they are for, and until when somebody is sure to look after them. */
const riders = new Map();
const looked = new Map();

export function takeRiders(name) {
  const list = riders.get(name);
  if (list) riders.delete(name);
  return list;
}

export function putRiders(name, list) {
  riders.set(name, list.concat(riders.get(name) ?? []));
}

/**
 * Sends a message to an object, with the riders that wait for it (one a line), and reads its answer. The runtime
 * marks an error as retryable only where the object cannot have seen the message, or was reset; messages are
 * idempotent, so it is sent again, twice at most. An object that is not there yet is made near `place`.
 */
export async function callObject(env, binding, name, message, place) {
  const options = place === undefined ? undefined : { locationHint: place };
  const list = takeRiders(name);
  const body = list ? `${message}\n${list.join("\n")}` : message;
  for (let attempt = 1; ; attempt++) {
    try {
      const object = env[binding].getByName(name, options);
      const response = await object.fetch("https://object/", { method: "POST", body });
      return await response.text();
    } catch (error) {
      if (attempt < 3 && error?.retryable && !error?.overloaded) {
        await sleep(20 * attempt * attempt);
      } else {
        if (list) putRiders(name, list);
        throw error;
      }
    }
  }
}

/**
 * As `callObject`. Where the answer refers to another object (a tab, its binding and name, a tab, and a message), that
 * one is given the message, and what it answers is the answer.
 */
export async function callReferred(env, binding, name, message) {
  const answer = await callObject(env, binding, name, message);
  if (answer[0] !== "\t") return answer;
  const [, place, referred] = answer.split("\t");
  return callObject(env, ...place.split(" "), referred);
}

/**
 * As `callObject`, for a caller that may leave while the object lets it wait: then the object is told at once, by a
 * rider and the message `alone`, and answers.
 */
export async function callObjectWhile(request, env, binding, name, message, rider, alone) {
  const entry = entryOf(request);
  const answer = callObject(env, binding, name, message);
  entry.onLeave(() => {
    putRiders(name, [rider]);
    callObject(env, binding, name, alone).catch((error) =>
      console.error(`a caller could not leave: ${error}`),
    );
  });
  try {
    return await answer;
  } finally {
    entry.onLeave(undefined);
  }
}

/** Leaves a rider for the next message to an object; if none comes soon it goes alone, with the message `alone`. */
export function ride(ctx, env, binding, name, rider, alone) {
  const list = riders.get(name);
  if (list) list.push(rider);
  else riders.set(name, [rider]);
  const now = Date.now();
  if ((looked.get(name) ?? 0) > now) return;
  // Whoever looks belongs to one request, which may end early: later riders trust it for a short time only.
  looked.set(name, now + RIDE_MS);
  ctx.waitUntil(goAlone(env, binding, name, alone));
}

async function goAlone(env, binding, name, alone) {
  for (let attempt = 1; attempt <= ALONE_ATTEMPTS; attempt++) {
    await sleep(RIDE_MS * attempt * attempt);
    if (attempt === 1) looked.delete(name);
    if (!riders.has(name)) return;
    try {
      await callObject(env, binding, name, alone);
      return;
    } catch (error) {
      console.error(`a rider could not go: ${error}`);
    }
  }
}

/** Messages whose answers come later: by its number, how each is answered and since when it waits. */
const unanswered = new Map();

/** No turn lets a message wait as long: what is older was left behind by an object that was reset. */
const LONGEST_WAIT_MS = 120_000;

/** Forgets what nobody will answer; the oldest comes first. */
function forgetLeft(now) {
  for (const [number, { since }] of unanswered) {
    if (now - since < LONGEST_WAIT_MS) return;
    unanswered.delete(number);
  }
}
let messages = 0;

/**
 * An object's entry: hands the text of a request to `turn`, with a number for it, and answers with what that gives.
 * Where it gives nothing yet, the answer comes later by `answerLater`.
 */
export async function serveObject(request, turn) {
  serving++;
  try {
    return await serveMessage(await request.text(), turn);
  } finally {
    serving--;
  }
}

/** Requests to objects of this isolate that are being served. */
let serving = 0;

async function serveMessage(text, turn) {
  const number = messages++ % 0x1_0000_0000;
  let answer;
  try {
    answer = turn(text, number);
  } catch (error) {
    // A trap, most likely: nobody else would see it.
    reportError(error);
    throw error;
  }
  if (answer !== undefined) return new Response(answer);
  const since = Date.now();
  forgetLeft(since);
  return new Response(await new Promise((resolve) => unanswered.set(number, { resolve, since })));
}

/** Answers messages that wait: `<number> <answer>` a line. Only the object that a message came to may do it. */
export function answerLater(answers) {
  for (const line of answers.split("\n")) {
    const space = line.indexOf(" ");
    const number = Number(line.slice(0, space));
    unanswered.get(number)?.resolve(line.slice(space + 1));
    unanswered.delete(number);
  }
}

/** Calls `work` in the next turn of the event loop. */
export function soon(work) {
  setTimeout(work, 0);
}

/** The same, or right after this turn where no other request is being served that might bring more. */
export function gather(work) {
  if (serving > 1) setTimeout(work, 0);
  else queueMicrotask(work);
}

/** Calls `work` after `ms`, and again after as many as it answers, unless that is less than 0. */
export function tick(work, ms) {
  setTimeout(() => {
    const next = work();
    if (next >= 0) tick(work, next);
  }, ms);
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

/** Counts one more of `key` by a rate-limit binding; false where there are more than it allows. */
export async function withinLimit(env, name, key) {
  return (await env[name].limit({ key })).success;
}

/** The body of one of the console's files, as a stream; null where there is no such file, or there are none. */
export async function asset(env, path) {
  if (!env.ASSETS) return null;
  const answer = await env.ASSETS.fetch(`https://assets.invalid${path}`);
  if (answer.status === 200) return answer.body;
  await answer.body?.cancel();
  return null;
}

/** Writes one line of the structured log. */
export function log(line) {
  console.log(line);
}

/** Runs one statement; parameters and rows are JSON. */
export function sqlRun(storage, query, parameters) {
  const rows = storage.sql
    .exec(query, ...JSON.parse(parameters))
    .raw()
    .toArray();
  return rows.length === 0 ? "[]" : JSON.stringify(rows);
}

/** Whether a statement without parameters finds anything. */
export function sqlFinds(storage, query) {
  return !storage.sql.exec(query).next().done;
}

/** Size of the database in bytes. */
export function sqlSize(storage) {
  return storage.sql.databaseSize;
}

/** Runs `[[query, [parameter, …]], …]` in order; answers `<how many ran> <why it stopped>`. */
export function sqlApply(storage, statements) {
  let ran = 0;
  try {
    for (const [query, parameters] of JSON.parse(statements)) {
      storage.sql.exec(query, ...parameters);
      ran++;
    }
    return `${ran} `;
  } catch (error) {
    return `${ran} ${error}`;
  }
}

/** Runs `[[query, [parameter, …]], …]` as a whole or not at all. */
export function sqlBatch(storage, statements) {
  const list = JSON.parse(statements);
  if (list.length === 1) {
    storage.sql.exec(list[0][0], ...list[0][1]);
    return;
  }
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
  const prepared = JSON.parse(statements).map(([query, parameters]) =>
    database.prepare(query).bind(...parameters),
  );
  const results = await database.batch(prepared);
  return JSON.stringify(results.at(-1)?.results ?? []);
}

/** What a database is like, `{"migrations":N,"size":BYTES}`; one without a record of migrations has none. */
export async function d1State(database) {
  const applied = database.prepare("SELECT count(*) AS n FROM d1_migrations");
  try {
    const { results, meta } = await applied.all();
    return JSON.stringify({ migrations: results[0]?.n ?? 0, size: meta.size_after ?? 0 });
  } catch (error) {
    if (!String(error).includes("no such table")) {
      throw error;
    }
    return JSON.stringify({ migrations: 0, size: 0 });
  }
}

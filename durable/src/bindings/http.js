// Requests and responses: heads as text, bodies as bytes. Strings stand for structures, so that a request crosses the
// boundary between Wasm and JavaScript seldom: a head is `first line\nname: value\n…`.
//
// What a function of the scripts here throws reaches Rust as an `Err`, since every extern on the other side has `catch`.

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

/**
 * A record in which no name is there before it comes. V8 keeps what a constructor made as a struct; of an object that has
 * no prototype at all it makes a hash table, which costs more than everything that is put there.
 */
function Lines() {}
Lines.prototype = Object.create(null);

/** Header lines as the record that `Headers` is made of in one go; a name that repeats keeps all its values. */
export function toHeaders(lines) {
  // Asking `name in headers` is far slower than looking it up.
  const headers = new Lines();
  let from = 0;
  while (from < lines.length) {
    const colon = lines.indexOf(": ", from);
    let end = lines.indexOf("\n", from);
    if (end < 0) end = lines.length;
    const name = lines.slice(from, colon);
    const value = lines.slice(colon + 2, end);
    const before = headers[name];
    headers[name] = before === undefined ? value : `${before}, ${value}`;
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

/** The first line of a text, and what stands below it. */
export function splitLine(text) {
  const end = text.indexOf("\n");
  return [text.slice(0, end), text.slice(end + 1)];
}

/** Method, URL and header lines of a head that is `METHOD URL\n`, then the headers. */
export function splitHead(head) {
  const [line, headers] = splitLine(head);
  const space = line.indexOf(" ");
  return [line.slice(0, space), line.slice(space + 1), headers];
}

/** `METHOD URL TLS\n`, then the headers. TLS is `-` where the request did not come over it. */
export function requestHead(request) {
  const url = request.url;
  const tls = url.startsWith("https:") ? (request.cf?.tlsVersion ?? "-") : "-";
  return `${request.method} ${url} ${tls}\n${toLines(request.headers)}`;
}

/**
 * The body as bytes, which are held until they are let go; or TOO_LARGE, BAD_ENCODING, CUT, FULL. Stops reading as soon
 * as a limit is passed. `declared` is what `content-length` says, NaN where it says nothing.
 */
export async function readBody(request, declared, limit, gzip) {
  let all;
  try {
    if (!gzip && declared <= Math.min(limit, SMALL)) {
      // Nobody asks for the stream of a small body: it alone costs half of what reading it does.
      all = hold(request, declared) ? new Uint8Array(await request.arrayBuffer()) : FULL;
    } else {
      all = await readStream(request, declared, limit, gzip);
    }
  } catch {
    all = gzip ? BAD_ENCODING : CUT;
  }
  if (typeof all === "number") letGo(request);
  return all;
}

async function readStream(request, declared, limit, gzip) {
  let stream = request.body;
  if (!stream) return new Uint8Array(0);
  if (!gzip && declared > limit) {
    await stream.cancel().catch(() => {});
    return TOO_LARGE;
  }
  if (gzip) stream = stream.pipeThrough(new DecompressionStream("gzip"));
  return await collect(stream.getReader(), limit, (bytes) => hold(request, bytes));
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

export function requestText(request) {
  return request.text();
}

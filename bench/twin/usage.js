// Reads the usage of a streamed answer, and cuts out the usage chunk that the caller did not ask for.
//
// Whole events go on as they came; the bytes of an event that is not complete yet wait for its end. So any split
// of the stream gives the same output.

const USAGE = [0x22, 0x75, 0x73, 0x61, 0x67, 0x65, 0x22]; // "usage"
const LF = 0x0a;
const CR = 0x0d;
const EMPTY = new Uint8Array(0);
const decoder = new TextDecoder();

/** Where the event that begins at `from` ends (after its empty line), or -1. */
function eventEnd(bytes, from) {
  for (let i = bytes.indexOf(LF, from); i >= 0 && i + 1 < bytes.length; i = bytes.indexOf(LF, i + 1)) {
    if (bytes[i + 1] === LF) return i + 2;
    if (bytes[i + 1] === CR && bytes[i + 2] === LF) return i + 3;
  }
  return -1;
}

function mentionsUsage(bytes, from, to) {
  for (let i = bytes.indexOf(USAGE[1], from + 1); i > 0 && i + 6 <= to; i = bytes.indexOf(USAGE[1], i + 1)) {
    if (
      bytes[i - 1] === USAGE[0] &&
      bytes[i + 1] === USAGE[2] &&
      bytes[i + 2] === USAGE[3] &&
      bytes[i + 3] === USAGE[4] &&
      bytes[i + 4] === USAGE[5] &&
      bytes[i + 5] === USAGE[6]
    ) {
      return true;
    }
  }
  return false;
}

function parse(bytes, from, to) {
  let data = "";
  for (const line of decoder.decode(bytes.subarray(from, to)).split(/\r?\n/)) {
    if (line.startsWith("data:")) data += line.slice(5);
  }
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}

export class UsageScanner {
  #carry = EMPTY;
  #cut;
  /** The usage object that came last. */
  usage = null;

  /** `cut`: take the usage chunk out. */
  constructor(cut) {
    this.#cut = cut;
  }

  /** What goes on to the caller of `chunk` and of what waited before it; may be empty. */
  push(chunk) {
    let bytes = chunk;
    if (this.#carry.length > 0) {
      bytes = new Uint8Array(this.#carry.length + chunk.length);
      bytes.set(this.#carry);
      bytes.set(chunk, this.#carry.length);
    }
    let done = 0;
    let kept = null;
    for (let end = eventEnd(bytes, 0); end > 0; end = eventEnd(bytes, done)) {
      if (mentionsUsage(bytes, done, end) && this.#isUsageChunk(bytes, done, end) && this.#cut) {
        kept = join(kept ?? bytes.subarray(0, done), EMPTY);
      } else if (kept) {
        kept = join(kept, bytes.subarray(done, end));
      }
      done = end;
    }
    this.#carry = done === bytes.length ? EMPTY : bytes.slice(done);
    return kept ?? (done === bytes.length ? bytes : bytes.subarray(0, done));
  }

  /** What still waits at the end of the stream. */
  rest() {
    return this.#carry;
  }

  #isUsageChunk(bytes, from, to) {
    const event = parse(bytes, from, to);
    if (!event?.usage) return false;
    this.usage = event.usage;
    return Array.isArray(event.choices) && event.choices.length === 0;
  }
}

function join(left, right) {
  const all = new Uint8Array(left.length + right.length);
  all.set(left);
  all.set(right, left.length);
  return all;
}

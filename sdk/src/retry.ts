// Whether a call is sent again, and when.
//
// Invariant: a run is sent again only if the server says that no pod had it (`x-should-retry: true`), or if no
// connection was ever made. What only reads may also be sent again after a failure of the line.

/** No server may make a call sleep longer than this. */
const LONGEST_MS = 60_000;
const FIRST_MS = 500;
const GROWTH_LIMIT_MS = 8_000;

/** What failures of the line are called where it is certain that nothing was sent. */
const NEVER_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** Milliseconds that an answer's headers ask to wait; `null` where they name no time. */
export function askedDelay(headers: Headers, now = Date.now()): number | null {
  const exact = Number(headers.get("retry-after-ms") ?? Number.NaN);
  if (Number.isFinite(exact) && exact >= 0) {
    return exact;
  }
  const text = headers.get("retry-after");
  if (text === null) {
    return null;
  }
  const seconds = Number(text);
  const ms = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.max(ms, 0) : null;
}

/**
 * Milliseconds before the next try. A time that the server names is kept and a little is added, so that those who were
 * refused together do not come back together; otherwise it doubles from half a second to eight.
 */
export function delayBefore(tries: number, asked: number | null, random = Math.random()): number {
  if (asked !== null) {
    return Math.min(asked, LONGEST_MS) + Math.min(asked / 10, 250) * random;
  }
  return Math.min(FIRST_MS * 2 ** (tries - 1), GROWTH_LIMIT_MS) * (0.75 + random / 4);
}

/** Whether an answer that is no success may be followed by the same call. */
export function mayRetryAnswer(status: number, headers: Headers, reads: boolean): boolean {
  const said = headers.get("x-should-retry");
  if (said === "true" || said === "false") {
    return said === "true";
  }
  // Not our server's words: something between. A run may have begun unless the status says otherwise.
  return status === 202 || status === 429 || (reads && status >= 500);
}

/** Whether a call that got no answer may be sent again. */
export function mayRetryFailure(error: unknown, reads: boolean): boolean {
  return reads || codes(error).some((code) => NEVER_SENT.has(code));
}

/** The codes of an error and of what caused it, as Node's `fetch` nests them. */
function codes(error: unknown): string[] {
  const found: string[] = [];
  let at: unknown = error;
  for (let depth = 0; depth < 4 && typeof at === "object" && at !== null; depth += 1) {
    const { code, cause } = at as { code?: unknown; cause?: unknown };
    if (typeof code === "string") {
      found.push(code);
    }
    at = cause;
  }
  return found;
}

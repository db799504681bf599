// One call over HTTP, sent again where that is safe, until there is an answer to read.

import type { Deadline } from "./deadline.ts";
import { ConnectionError, errorOf, MoltGhostError } from "./errors.ts";
import { askedDelay, delayBefore, mayRetryAnswer, mayRetryFailure } from "./retry.ts";

/** `fetch`, or one with the same manners. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** What is to be sent. */
export interface Call {
  method: "GET" | "POST";
  url: string;
  headers: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
  /** How many times it may be sent again. */
  maxRetries: number;
  /** What the answer should be. */
  accept: "application/json" | "text/event-stream";
}

/**
 * The head of a good answer; its body is still to be read, under the same deadline.
 *
 * @throws MoltGhostError for what the server refuses or what did not arrive; whatever the deadline throws.
 */
export async function send(fetch: Fetch, call: Call, deadline: Deadline): Promise<Response> {
  const { method, url } = call;
  const reads = method === "GET";
  const body = call.body === undefined ? undefined : JSON.stringify(call.body);
  const headers: Record<string, string> = { accept: call.accept, ...call.headers };
  if (body !== undefined) {
    headers["content-type"] = "application/json";
  }
  const init: RequestInit = { method, headers, redirect: "manual", signal: deadline.signal };
  if (body !== undefined) {
    init.body = body;
  }
  for (let tries = 1; ; tries += 1) {
    const again = tries <= call.maxRetries;
    let error: MoltGhostError;
    let asked: number | null = null;
    try {
      deadline.check();
      const response = await fetch(url, init);
      if (response.ok && response.status !== 202) {
        return response;
      }
      error = await refusal(response);
      asked = askedDelay(response.headers);
      if (!again || !mayRetryAnswer(response.status, response.headers, reads)) {
        throw error;
      }
    } catch (cause) {
      deadline.check();
      error = brokenOff(cause);
      if (error === cause || !again || !mayRetryFailure(cause, reads)) {
        throw error;
      }
    }
    const ms = delayBefore(tries, asked);
    if (ms >= deadline.left()) {
      throw error;
    }
    await deadline.wait(ms);
  }
}

/** The document of a good answer. */
export async function json<T>(response: Response, deadline: Deadline): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch (cause) {
    deadline.check();
    throw brokenOff(cause);
  }
}

/** What the headers say of an answer. */
export function marks(headers: Headers): { requestId: string | null; runId: string | null } {
  return { requestId: headers.get("x-request-id"), runId: headers.get("x-moltghost-run-id") };
}

/** The error of an answer's `error` object. */
export function problem(
  error: Record<string, unknown>,
  known: { status: number | null; requestId: string | null; runId: string | null } & Partial<{
    retryAfter: number | null;
    retryable: boolean;
  }>,
): MoltGhostError {
  const { message, code, type, param, ...details } = error;
  return errorOf({
    message: typeof message === "string" ? message : "the server gave no reason",
    code: typeof code === "string" ? code : `http_${known.status ?? "error"}`,
    type: typeof type === "string" ? type : "unknown_error",
    param: typeof param === "string" ? param : null,
    details,
    ...known,
  });
}

async function refusal(response: Response): Promise<MoltGhostError> {
  const { status, headers } = response;
  const asked = askedDelay(headers);
  const known = {
    status,
    ...marks(headers),
    retryAfter: asked === null ? null : asked / 1_000,
    retryable: mayRetryAnswer(status, headers, false),
  };
  const text = await response.text();
  if (status === 202) {
    return problem(
      { message: "The agent starts.", code: "agent_initializing", type: "service_unavailable" },
      known,
    );
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    document = null;
  }
  const error = (document as { error?: unknown } | null)?.error;
  return typeof error === "object" && error !== null
    ? problem(error as Record<string, unknown>, known)
    : problem({ message: `the answer was ${status}, and not one of an agent's endpoint` }, known);
}

function brokenOff(cause: unknown): MoltGhostError {
  // Not by its members: errors of workerd have a `retryable` of their own.
  if (cause instanceof MoltGhostError) {
    return cause;
  }
  const reason = cause instanceof Error ? cause.message : "unknown reason";
  return new ConnectionError({
    message: `no whole answer came: ${reason}`,
    code: "connection_failed",
    type: "connection_error",
    cause,
  });
}

// Two clients that judge every answer by the contract before the test sees it: one with the shape of `fetch`, one over
// `ask` for what `fetch` cannot send, such as a Host of one's own.
//
// Invariant: an answer is never changed. A stream stays a stream: its head is judged at once, each event as it passes,
// and its end when it comes; a test that leaves early is not judged for the rest.

import { note } from "../issued.ts";
import { type Answer, ask, type RequestOptions } from "../request.ts";
import { eventCheck, expectBody, expectDocumented, expectHead, type Observed } from "./answer.ts";
import type { Surface } from "./document.ts";

/** What `checkedFetch` takes besides what `fetch` does. */
export interface CheckedInit extends RequestInit {
  /** Said outright where the address does not tell it. */
  surface?: Surface;
  /** Leaves the events of a pod that sends nonsense on purpose unjudged. */
  events?: "unchecked";
}

/** `fetch`, whose answer is as documented or an AssertionError. Fits the `fetch` option of OpenAI's SDK. */
export async function checkedFetch(input: string | URL | Request, init: CheckedInit = {}): Promise<Response> {
  const { surface, events, ...rest } = init;
  const response = await fetch(input, { redirect: "manual", ...rest });
  const url = input instanceof Request ? input.url : String(input);
  const method = rest.method ?? (input instanceof Request ? input.method : "GET");
  const host = hostOf(rest.headers);
  const { status, headers } = response;
  const answer: Observed = { method, url, host, surface, events, status, headers };
  const expected = expectHead(answer);
  if (expected.media?.type !== "text/event-stream" || response.body === null) {
    const bytes = Buffer.from(await response.arrayBuffer());
    note(status, headers.get("content-type") ?? undefined, bytes.toString());
    expectBody(answer, expected, bytes);
    return copy(response, bytes.length === 0 ? null : bytes, url);
  }
  const check = eventCheck(answer, expected);
  const judged = new TransformStream<Uint8Array, Uint8Array>({
    transform(bytes, controller) {
      check?.push(bytes);
      controller.enqueue(bytes);
    },
    flush() {
      check?.end();
    },
  });
  return copy(response, response.body.pipeThrough(judged), url);
}

/** What `checkedRequest` takes besides what `ask` does. */
export interface CheckedOptions extends RequestOptions {
  /** Said outright where the address does not tell it. */
  surface?: Surface;
  /** Leaves the events of a pod that sends nonsense on purpose unjudged. */
  events?: "unchecked";
}

/** `ask`, whose answer is as documented or an AssertionError. Takes any Host header. */
export async function checkedRequest(url: string | URL, options: CheckedOptions = {}): Promise<Answer> {
  const { surface, events, ...rest } = options;
  const answer = await ask(url, rest);
  const method = rest.method ?? (rest.body === undefined && rest.json === undefined ? "GET" : "POST");
  const host = rest.host ?? hostOf(rest.headers);
  const { status, headers, bytes } = answer;
  expectDocumented({ method, url, host, surface, events, status, headers, body: bytes });
  return answer;
}

function hostOf(headers: RequestInit["headers"] | CheckedOptions["headers"]): string | undefined {
  if (headers === undefined) {
    return undefined;
  }
  const list = headers instanceof Headers || Array.isArray(headers) ? [...headers] : Object.entries(headers);
  const found = list.find(([name]) => String(name).toLowerCase() === "host")?.[1];
  return found === undefined ? undefined : String(found);
}

function copy(response: Response, body: RequestInit["body"] | null, url: string): Response {
  const { status, statusText, headers } = response;
  const same = new Response(body ?? null, { status, statusText, headers });
  // Clients read it, and a new Response has none.
  Object.defineProperty(same, "url", { value: response.url || url });
  return same;
}

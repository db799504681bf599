// Judges one answer by the contract: status, headers, content type and body, and the rules for errors that a schema
// cannot say.
//
// Invariant: nothing is let through for want of a rule; a status, media type or error code that is not documented fails.

import assert from "node:assert/strict";
import {
  component,
  contract,
  type HeaderRule,
  type Media,
  mismatch,
  type ResponseRule,
  resolve,
} from "./document.ts";
import { EventCheck } from "./events.ts";
import { type Asked, type Route, routes } from "./route.ts";

/** Header values by lower-case name, however a client gives them. */
export type HeaderSource = Headers | Record<string, string | string[] | number | undefined>;

/** An answer and what was asked. `path` may stand for `url`. */
export interface Observed extends Omit<Asked, "url"> {
  url?: string | URL;
  path?: string;
  status: number;
  headers: HeaderSource;
  /** The whole body; undefined where it is judged elsewhere or was not read. */
  body?: string | Uint8Array | null | undefined;
  /** What the pod in the test sends is nonsense on purpose, so its events are not judged. */
  events?: "unchecked" | undefined;
}

/** The status and headers were judged; this is what the body must be. */
export interface Expected {
  label: string;
  route: Route;
  /** The media type that was answered; null where there must be no body. */
  media: { type: string; rule: Media } | null;
}

/** Throws an AssertionError unless the answer is as docs/openapi.yaml has it. */
export function expectDocumented(answer: Observed): void {
  const expected = expectHead(answer);
  if (answer.body === undefined) {
    return;
  }
  const bytes = typeof answer.body === "string" ? Buffer.from(answer.body) : Buffer.from(answer.body ?? []);
  if (expected.media?.type === "text/event-stream" && answer.method.toUpperCase() !== "HEAD") {
    const check = eventCheck(answer, expected);
    check?.push(bytes);
    check?.end();
    return;
  }
  expectBody(answer, expected, bytes);
}

/** Judges everything but the body. */
export function expectHead(answer: Observed): Expected {
  const asked: Asked = {
    ...answer,
    url: answer.url ?? answer.path ?? assert.fail("an answer needs url or path"),
  };
  const candidates = routes(asked);
  const failures: unknown[] = [];
  for (const route of candidates) {
    try {
      return judgeHead(answer, route);
    } catch (error) {
      failures.push(error);
    }
  }
  throw failures[0];
}

/** Judges a body that is no stream. */
export function expectBody(answer: Observed, expected: Expected, bytes: Buffer): void {
  const { label, media } = expected;
  if (media === null || answer.method.toUpperCase() === "HEAD") {
    assert.equal(
      bytes.length,
      0,
      `${label}: a body where none is documented: ${bytes.toString().slice(0, 200)}`,
    );
    return;
  }
  const body = media.type === "application/json" ? parse(bytes, label) : bytes.toString();
  const wrong = mismatch(media.rule.schema, body);
  assert.equal(
    wrong,
    null,
    `${label}: the body is not as documented:\n  ${wrong}\n  ${bytes.toString().slice(0, 2000)}`,
  );
  // The network's refusals have a shape of their own, which the schema has judged.
  if (answer.status >= 400 && expected.route.surface !== "network") {
    expectError(answer, label, body);
  }
}

/** What judges the events of this answer; null if they are not to be judged. */
export function eventCheck(answer: Observed, expected: Expected): EventCheck | null {
  const schema = expected.media?.rule["x-event-schema"];
  assert.ok(schema !== undefined, `${expected.label}: no schema for events`);
  const endless = expected.media?.rule["x-endless"];
  return answer.events === "unchecked" ? null : new EventCheck(schema, expected.label, endless);
}

function judgeHead(answer: Observed, route: Route): Expected {
  const label = `${route.label} → ${answer.status}`;
  const documented = Object.keys(route.responses).join(", ");
  const reference = route.responses[String(answer.status)];
  assert.ok(reference !== undefined, `${label}: this status is not documented (${documented} are)`);
  const rule = resolve<ResponseRule>(reference);
  for (const [name, header] of Object.entries(rule.headers ?? {})) {
    expectHeader(answer, label, name, resolve<HeaderRule>(header));
  }
  const allow = header(answer, "allow");
  if (allow !== null && route.allow !== null) {
    const listed = new Set(allow.split(", "));
    assert.deepEqual(listed, route.allow, `${label}: allow lists other methods than the contract`);
  }
  if (answer.status >= 400) {
    expectRetryHeaders(answer, label);
  }
  const type = header(answer, "content-type")?.split(";")[0]?.trim().toLowerCase() ?? null;
  if (rule.content === undefined) {
    assert.equal(type, null, `${label}: a content type where no body is documented`);
    return { label, route, media: null };
  }
  const known = Object.keys(rule.content).join(", ");
  const media = type === null ? undefined : rule.content[type];
  assert.ok(
    type !== null && media !== undefined,
    `${label}: content-type ${type} is not documented (${known} is)`,
  );
  return { label, route, media: { type, rule: media } };
}

function expectHeader(answer: Observed, label: string, name: string, rule: HeaderRule): void {
  const text = header(answer, name);
  if (text === null) {
    assert.ok(rule.required !== true, `${label}: the header ${name} is missing`);
    return;
  }
  const integer = typeof rule.schema === "object" && rule.schema.type === "integer";
  const value = integer && /^\d+$/.test(text) ? Number(text) : text;
  const wrong = mismatch(rule.schema, value);
  assert.equal(wrong, null, `${label}: the header ${name}: ${text} is not as documented: ${wrong}`);
}

function expectRetryHeaders(answer: Observed, label: string): void {
  const [again, seconds, ms] = ["x-should-retry", "retry-after", "retry-after-ms"].map((n) =>
    header(answer, n),
  );
  if (again === null) {
    // The readiness document says when to ask again without being a refusal.
    return;
  }
  if (again === "true") {
    assert.ok(seconds && ms, `${label}: x-should-retry is true, so retry-after and retry-after-ms are due`);
    assert.equal(
      Number(seconds),
      Math.max(1, Math.ceil(Number(ms) / 1000)),
      `${label}: retry-after is not its -ms`,
    );
  } else {
    assert.ok(!seconds && !ms, `${label}: retry-after on an answer that is not worth trying again`);
  }
}

function expectError(answer: Observed, label: string, body: unknown): void {
  const admitted = header(answer, "x-moltghost-run-id") !== null;
  const ours = mismatch(component("Error"), body);
  if (ours !== null) {
    // Only a pod's error, or the readiness document, has another form; the schema of the response has let it pass.
    const other = admitted || !("error" in (body as object));
    assert.ok(other, `${label}: no run was admitted, so the error is ours:\n  ${ours}`);
    return;
  }
  const { code, type } = (body as { error: { code: string; type: string } }).error;
  const known = contract["x-error-codes"][code];
  if (known === undefined || ![known.status, known.legacy_status].includes(answer.status)) {
    assert.ok(admitted, `${label}: ${code} is not a code of ours for this status`);
    return;
  }
  assert.ok(type === known.type || admitted, `${label}: ${code} has the type ${known.type}, not ${type}`);
  const again = header(answer, "x-should-retry");
  if ((known.retry === "always" || known.retry === "never") && again !== null) {
    assert.equal(again, String(known.retry === "always"), `${label}: x-should-retry of ${code}`);
  }
}

function header(answer: Observed, name: string): string | null {
  if (answer.headers instanceof Headers) {
    return answer.headers.get(name);
  }
  const value = answer.headers[name];
  return value === undefined ? null : Array.isArray(value) ? value.join(", ") : String(value);
}

function parse(bytes: Buffer, label: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  } catch {
    return assert.fail(`${label}: the body is not JSON: ${bytes.toString().slice(0, 200)}`);
  }
}

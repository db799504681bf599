// The judge that every suite relies on: it passes documented answers and fails each way of not being one. Without this,
// a judge that lets everything through would go unnoticed.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import {
  checkedFetch,
  checkedRequest,
  expectDocumented,
  type Observed,
  startCheckedProxy,
} from "../harness/openapi.ts";

const AGENT = "http://127.0.0.1:8787/agents/k3v9x2m7qasf";
const CONTROL = "http://127.0.0.1:8787/api/v1";

const always = {
  "x-request-id": "req_0123456789abcdef",
  "x-content-type-options": "nosniff",
  "content-security-policy": "sandbox; default-src 'none'",
};
const document = { ...always, "content-type": "application/json", "cache-control": "no-store" };
const refusal = { ...document, "x-should-retry": "false" };
const run = { "x-moltghost-run-id": "run_01K9ZQ4T3V8M2N6P7R5S0W1XYZ" };
const streaming = {
  ...always,
  ...run,
  "content-type": "text/event-stream",
  "cache-control": "no-store, no-cache, no-transform",
};

const account = { id: "acme", name: "Acme Inc", created_at: "2026-11-23T12:00:00.000Z" };
const chunk = (reason: string | null): string =>
  JSON.stringify({
    id: "c",
    object: "chat.completion.chunk",
    created: 1,
    model: "m",
    choices: [{ index: 0, delta: {}, finish_reason: reason }],
  });

function error(code: string, type: string, extra: object = {}): string {
  return JSON.stringify({ error: { message: "Do this.", type, param: null, code, ...extra } });
}

function accounts(body: unknown, headers: Record<string, string> = document): Observed {
  return { method: "POST", url: `${CONTROL}/accounts`, status: 201, headers, body: JSON.stringify(body) };
}

function completion(status: number, headers: Record<string, string>, body: string): Observed {
  return { method: "POST", url: `${AGENT}/v1/chat/completions`, status, headers, body };
}

function stream(...events: string[]): Observed {
  return completion(200, streaming, events.map((event) => `data: ${event}\n\n`).join(""));
}

const initializing = error("agent_initializing", "service_unavailable");
const later = { ...refusal, "x-should-retry": "true", "retry-after": "5", "retry-after-ms": "5000" };
const wrongMethod = error("method_not_allowed", "invalid_request_error");

const good: Record<string, Observed> = {
  "a document": accounts(account),
  "a whole stream": stream(chunk(null), chunk("stop"), "[DONE]"),
  "a stream that failed": stream(chunk(null), error("timeout", "timeout_error")),
  "a stream without [DONE] after its end": stream(chunk("stop")),
  "an error worth trying again": completion(503, later, initializing),
  "a pod's own error": completion(422, { ...refusal, ...run }, '{"error":{"message":"too hot"}}'),
  "an unknown path": {
    ...accounts(0),
    url: `${CONTROL}/x`,
    status: 404,
    headers: refusal,
    body: error("not_found", "not_found_error"),
  },
  "a method that is not served": {
    method: "PUT",
    url: `${CONTROL}/accounts`,
    status: 405,
    headers: { ...refusal, allow: "POST, GET, HEAD" },
    body: wrongMethod,
  },
  "the headers of GET": {
    method: "HEAD",
    url: `${CONTROL}/accounts`,
    status: 200,
    headers: document,
    body: "",
  },
  "a preflight": {
    method: "OPTIONS",
    url: `${AGENT}/v1/chat`,
    status: 204,
    headers: { ...always, allow: "POST, OPTIONS" },
    body: "",
  },
  "an agent's own host": {
    method: "GET",
    path: "/v1/health",
    host: "K3V9x2m7qasf.agent.localhost:8787",
    status: 200,
    headers: document,
    body: '{"status":"ok"}',
  },
  "a model with a slash": {
    method: "GET",
    url: `${AGENT}/v1/models/meta/llama`,
    status: 404,
    headers: refusal,
    body: error("model_not_found", "not_found_error"),
  },
  "an agent of an account": {
    method: "POST",
    url: `${CONTROL}/agents/acme/my-agent/start`,
    status: 404,
    headers: refusal,
    body: error("agent_not_found", "not_found_error"),
  },
};

const bad: Record<string, [Observed, RegExp]> = {
  "an undocumented status": [{ ...accounts(account), status: 418 }, /status is not documented/],
  "a missing header": [accounts(account, { ...document, "x-request-id": "" }), /x-request-id/],
  "a header of another form": [accounts(account, { ...document, "x-request-id": "req_1" }), /x-request-id/],
  "an answer that may be kept": [
    accounts(account, { ...always, "content-type": "application/json" }),
    /cache-control/,
  ],
  "another content type": [
    accounts(account, { ...document, "content-type": "text/html" }),
    /content-type text\/html/,
  ],
  "a member too many": [accounts({ ...account, secret: "x" }), /additional properties/],
  "a member too few": [accounts({ id: "acme", name: "Acme" }), /created_at/],
  "a time without milliseconds": [accounts({ ...account, created_at: "2026-11-23T12:00:00Z" }), /created_at/],
  "a body that is not JSON": [{ ...accounts(0), body: "{" }, /not JSON/],
  "a code of another status": [
    completion(400, refusal, error("agent_paused", "service_unavailable")),
    /not a code of ours/,
  ],
  "a code that is not documented here": [
    { ...accounts(0), status: 409, headers: refusal, body: error("invalid_state", "conflict_error") },
    /not as documented/,
  ],
  "a pod's error without a run": [
    completion(422, refusal, '{"error":{"message":"too hot"}}'),
    /no run was admitted/,
  ],
  "trying again for ever": [
    completion(503, later, error("agent_paused", "service_unavailable")),
    /x-should-retry of/,
  ],
  "trying again at no time": [
    completion(503, { ...refusal, "x-should-retry": "true" }, initializing),
    /are due/,
  ],
  "waiting for nothing": [
    completion(503, { ...refusal, "retry-after": "5" }, initializing),
    /not worth trying/,
  ],
  "waiting too long": [completion(503, { ...later, "retry-after": "60" }, initializing), /retry-after/],
  "a not-ready agent without its address": [
    {
      ...accounts(0),
      url: `${AGENT}/v1/chat`,
      status: 404,
      headers: refusal,
      body: error("agent_not_ready", "not_found_error"),
    },
    /stable_url|no run was admitted/,
  ],
  "methods left out of allow": [
    {
      method: "PUT",
      url: `${CONTROL}/accounts`,
      status: 405,
      headers: { ...refusal, allow: "GET" },
      body: wrongMethod,
    },
    /allow lists other/,
  ],
  "a body for HEAD": [
    { method: "HEAD", url: `${CONTROL}/accounts`, status: 200, headers: document, body: "{}" },
    /a body where none/,
  ],
  "a control path on an agent's host": [
    { ...accounts(account), host: "k3v9x2m7qasf.agent.localhost" },
    /not documented/,
  ],
  "a stream cut off": [stream(chunk(null)), /was cut/],
  "a stream cut in an event": [completion(200, streaming, `data: ${chunk("stop")}`), /middle of an event/],
  "a false [DONE] after an error": [stream(error("timeout", "timeout_error"), "[DONE]"), /follows/],
  "an event that is no chunk": [stream('{"choices":1}', "[DONE]"), /not as documented/],
  "an event that is not JSON": [stream("hello", "[DONE]"), /not JSON/],
  "a stream that may be held back": [
    { ...stream("[DONE]"), headers: { ...streaming, "cache-control": "public" } },
    /cache-control/,
  ],
};

for (const [name, answer] of Object.entries(good)) {
  test(`${name} is as documented`, () => expectDocumented(answer));
}

for (const [name, [answer, message]] of Object.entries(bad)) {
  test(`${name} is refused`, () =>
    assert.throws(() => expectDocumented(answer), { name: "AssertionError", message }));
}

test("the clients judge what they get and hand it on unchanged", async () => {
  const whole = `data: ${chunk("stop")}\n\ndata: [DONE]\n\n`;
  const server = createServer((request, response) => {
    if (request.headers["x-cut"] === undefined) {
      response.writeHead(200, streaming).end(whole);
    } else {
      response.writeHead(200, streaming).end(`data: ${chunk(null)}\n\n`);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const proxy = await startCheckedProxy(url);
  try {
    for (const base of [url, proxy.url]) {
      const path = `${base}/agents/abc/v1/chat/completions`;
      assert.equal(await (await checkedFetch(path, { method: "POST" })).text(), whole);
      assert.equal((await checkedRequest(path, { method: "POST" })).text, whole);
    }
    const byHost = { method: "POST", host: "abc.agent.localhost" };
    assert.equal((await checkedRequest(`${url}/v1/chat/completions`, byHost)).status, 200);
    const cut = { method: "POST", headers: { "x-cut": "1" } };
    const path = "/agents/abc/v1/chat/completions";
    await assert.rejects(async () => (await checkedFetch(url + path, cut)).text(), /was cut/);
    await assert.rejects(checkedRequest(url + path, cut), /was cut/);
    assert.deepEqual([proxy.answers, proxy.failures.length], [2, 0]);
    await (await fetch(proxy.url + path, cut)).text();
    await assert.rejects(proxy.close(), /was cut/);
  } finally {
    await proxy.close().catch(() => undefined);
    server.closeAllConnections();
    server.close();
  }
});

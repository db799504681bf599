// Calls that do not stream: what reaches the pod, what reaches the caller, and the two shapes.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { type Pod, type RequestRecord, startPod, UNICODE_SAMPLE } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker, together } from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";

const CHAT = "/v1/chat/completions";

let worker: RunningWorker;
let pod: Pod;
let plain: Tenant;
let modelled: Tenant;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
  [plain, modelled] = await Promise.all([
    tenant(worker, pod, {
      forward_headers: ["x-tenant", "x-openclaw-agent-id"],
      originHeaders: { "cf-access-client-id": "service", "x-origin-secret": "hush" },
    }),
    tenant(worker, pod, { model: "demo-large" }),
  ]);
});
beforeEach(() => {
  pod.setFault(null);
  pod.clear();
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

function ask(content: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { messages: [{ role: "user", content }], ...more };
}

function lastChat(): RequestRecord {
  return pod.requests.findLast((record) => record.path === CHAT) ?? assert.fail("the pod was not asked");
}

describe("the answer of /v1/chat/completions", () => {
  it("has the pod's own bytes", async () => {
    for (const text of ["unicode", "hello", "count to 3000"]) {
      const direct = await fetch(pod.url + CHAT, { method: "POST", body: JSON.stringify(ask(text)) });
      const through = await plain.completions(ask(text));
      assert.equal(through.status, 200, through.text);
      assert.deepEqual(through.bytes, Buffer.from(await direct.arrayBuffer()));
    }
  });

  it("has odd but valid bytes as they are", async () => {
    const odd =
      ' {"choices" : [ {"index":0,"message":{"content":"\\u00e9\\ud83d\\ude00 é"},"finish_reason":"stop"} ],\r\n' +
      '"id":"x","object":"chat.completion","created":1,"model":"m","extra":{"a":1e400,"b":[]}, "n":1.50 }\n\n';
    pod.setFault({ path: CHAT, raw: Buffer.from(odd).toString("base64") });
    assert.equal((await plain.completions(ask("x"))).text, odd);
  });

  it("comes the same for every cut of the pod's bytes", async () => {
    const whole = await plain.completions(ask("unicode"));
    for (const fault of [{ split: "every" as const, chunked: true }, { split: 7 }, { chunked: true }]) {
      const answer = await plain.completions(ask("unicode", { metadata: { pod: fault } }));
      assert.deepEqual(answer.bytes, whole.bytes, JSON.stringify(fault));
    }
  });

  it("passes tool calls on", async () => {
    const tools = [{ type: "function", function: { name: "lookup", parameters: { properties: { q: {} } } } }];
    const answer = await plain.completions(ask("call the tool", { tools }));
    const choice = answer.json<{
      choices: { message: { tool_calls: { function: { name: string } }[] } }[];
    }>();
    assert.equal(choice.choices[0]?.message.tool_calls[0]?.function.name, "lookup");
    assert.deepEqual((lastChat().json as { tools: unknown }).tools, tools);
  });

  it("names the run, which the pod was told too", async () => {
    const answer = await plain.completions(ask("x"));
    assert.equal(answer.header("x-moltghost-run-id"), lastChat().headers["x-moltghost-run"]);
    assert.equal(answer.header("x-request-id"), lastChat().headers["x-request-id"]);
  });
});

describe("the answer of /v1/chat", () => {
  it("is the same completion under our id, with the flat fields", async () => {
    const answer = await plain.chat(ask("unicode", { model: "demo-small" }));
    const flat = answer.json<
      Record<string, unknown> & { choices: unknown[]; usage: Record<string, unknown> }
    >();
    const direct = (await plain.completions(ask("unicode"))).json<Record<string, unknown>>();
    const run = answer.header("x-moltghost-run-id") ?? "";
    assert.equal(flat.id, run.replace("run_", "msg_"));
    assert.equal(flat.content, UNICODE_SAMPLE);
    assert.equal(flat.finish_reason, "stop");
    assert.equal(flat.usage.tokens, flat.usage.total_tokens);
    assert.equal(flat.usage.source, "reported");
    assert.deepEqual(
      [flat.choices, flat.model, flat.created],
      [direct.choices, direct.model, direct.created],
    );
    assert.equal(lastChat().path, CHAT);
  });

  it("says that usage was guessed where the pod gave none", async () => {
    const answer = await plain.chat(ask("hello", { metadata: { pod: { no_usage: true } } }));
    assert.equal(answer.json<{ usage: { source: string } }>().usage.source, "estimated");
  });
});

describe("headers to the pod", () => {
  it("are the listed ones, ours and the origin's, and never the caller's secrets", async () => {
    await plain.call(CHAT, {
      json: ask("x"),
      headers: {
        accept: "application/json",
        "accept-language": "de",
        "user-agent": "suite/1",
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        tracestate: "a=b",
        "idempotency-key": "once",
        "x-stainless-lang": "js",
        "x-tenant": "blue",
        "X-OpenClaw-Agent-Id": "claw",
        cookie: "session=1",
        "x-forwarded-for": "192.0.2.1",
        "x-forwarded-host": "evil.example",
        "cf-connecting-ip": "192.0.2.1",
        "x-real-ip": "192.0.2.1",
        forwarded: "for=192.0.2.1",
        "x-moltghost-account": "forged",
        "x-origin-secret": "forged",
        "x-request-id": "forged",
        "x-unlisted": "no",
        origin: "https://app.example",
        referer: "https://app.example/",
        "content-type": "text/plain; charset=latin1",
        "accept-encoding": "gzip, br",
      },
    });
    const { headers } = lastChat();
    assert.deepEqual(Object.fromEntries(Object.entries(headers).filter(([name]) => name !== "cf-worker")), {
      host: new URL(pod.url).host,
      "content-length": headers["content-length"],
      "content-type": "application/json",
      accept: "application/json",
      "accept-language": "de",
      "accept-encoding": "identity",
      "user-agent": "suite/1",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      tracestate: "a=b",
      "idempotency-key": "once",
      "x-stainless-lang": "js",
      "x-tenant": "blue",
      "x-openclaw-agent-id": "claw",
      "x-request-id": headers["x-request-id"],
      "x-moltghost-agent": plain.id,
      "x-moltghost-account": plain.account,
      "x-moltghost-key": plain.keyId,
      "x-moltghost-run": headers["x-moltghost-run"],
      "cf-access-client-id": "service",
      "x-origin-secret": "hush",
    });
    assert.match(headers["x-request-id"] ?? "", /^req_[0-9a-f]{16}$/);
    assert.equal(
      lastChat().raw_headers.some(([, value]) => value.includes(plain.key.slice(-38))),
      false,
    );
  });

  it("stay whole under a flood of them", async () => {
    const flood = Object.fromEntries(Array.from({ length: 90 }, (_, n) => [`x-stainless-flood-${n}`, "y"]));
    const answer = await plain.call(CHAT, {
      json: ask("x"),
      headers: { ...flood, "x-tenant": "z".repeat(9000) },
    });
    assert.equal(answer.status, 200, answer.text);
    const { headers } = lastChat();
    assert.ok(Object.keys(headers).length < 90);
    assert.equal(headers["x-tenant"], undefined);
    assert.equal(headers["x-moltghost-agent"], plain.id);
  });
});

describe("headers from the pod", () => {
  it("are cut down to the listed ones", async () => {
    const headers = {
      "set-cookie": ["a=1", "b=2"],
      "openai-processing-ms": "12",
      "access-control-allow-origin": "https://evil.example",
      "content-security-policy": "script-src *",
      "x-moltghost-run-id": "forged",
      "x-request-id": "theirs",
      "x-should-retry": "true",
      location: "https://evil.example",
      server: "pod",
      "cache-control": "public",
      "x-powered-by": "pod",
    };
    for (const [path, stream] of [
      [CHAT, false],
      ["/v1/chat", false],
      [CHAT, true],
      ["/v1/chat", true],
    ] as const) {
      pod.faultNext({ path: CHAT, headers });
      const answer = await plain.call(path, { json: ask("x", { stream }) });
      assert.equal(answer.status, 200, answer.text);
      const names = Object.keys(answer.headers).filter((name) => !OURS.has(name));
      assert.deepEqual(names, ["openai-processing-ms"]);
      assert.equal(answer.header("x-content-type-options"), "nosniff");
      assert.equal(answer.header("content-security-policy"), "sandbox; default-src 'none'");
      assert.equal(answer.header("access-control-allow-origin"), "*");
      assert.match(answer.header("x-moltghost-run-id") ?? "", /^run_/);
      assert.match(answer.header("cache-control") ?? "", /^no-store/);
    }
  });
});

const OURS = new Set([
  "ratelimit",
  "ratelimit-policy",
  "x-ratelimit-limit-requests",
  "x-ratelimit-remaining-requests",
  "x-ratelimit-reset-requests",
  "access-control-allow-origin",
  "access-control-expose-headers",
  "cache-control",
  "connection",
  "content-length",
  "content-security-policy",
  "content-type",
  "transfer-encoding",
  "x-content-type-options",
  "x-moltghost-run-id",
  "x-request-id",
]);

describe("the body that the pod gets", () => {
  async function forwarded(body: string, to: Tenant = plain): Promise<string> {
    const answer = await to.call(CHAT, { method: "POST", body });
    assert.equal(answer.status, 200, answer.text);
    return lastChat().body.toString("utf8");
  }

  it("is the caller's, byte for byte, unknown fields and all", async () => {
    const body =
      '{ "seed": 1.50, "x": {"\\u0061": [1e300, null, "😀"]},\r\n\t"messages":[{"role":"user","content":"hi"}] ,' +
      '"big": 123456789012345678901234567890, "model" : "any-model", "dup":1, "dup":2 }\n';
    assert.equal(await forwarded(body), body);
  });

  it("gets the agent's model where it names none, and no other", async () => {
    const named = '{"messages":[{"role":"user","content":"hi"}],"model":"mine"}';
    assert.equal(await forwarded(named, modelled), named);
    const bare = '{"messages":[{"role":"user","content":"hi"}]}';
    assert.equal((JSON.parse(await forwarded(bare, modelled)) as { model: string }).model, "demo-large");
    assert.equal(await forwarded(bare), bare);
  });

  it("loses timeout_seconds, and names of skills become a header", async () => {
    const body = ask("x", { timeout_seconds: 20, tools: ["search", "browse"], tool_choice: "auto" });
    const sent = JSON.parse(await forwarded(JSON.stringify(body))) as Record<string, unknown>;
    assert.deepEqual(sent, ask("x"));
    assert.equal(lastChat().headers["x-moltghost-skills"], "search,browse");
  });

  it("is taken whatever type is declared", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "nonsense", ""]) {
      const headers = { "content-type": type };
      const answer = await plain.call(CHAT, { body: JSON.stringify(ask("x")), headers });
      assert.equal(answer.status, 200, answer.text);
    }
  });
});

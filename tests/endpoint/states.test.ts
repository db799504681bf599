// What each path answers in each state of the agent (agent-endpoints §3), and which checks come first (§4).

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type Answer, type RunningWorker, startWorker, together, until } from "../harness/index.ts";
import { control, type Tenant, tenant } from "../harness/tenant.ts";

const ASK = { messages: [{ role: "user", content: "hello" }] };

let worker: RunningWorker;
let pod: Pod;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

function expectCode(answer: Answer, status: number, code: string): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.json<{ error: { code: string } }>().error.code, code);
}

function chats(): number {
  return pod.requests.filter((record) => record.path === "/v1/chat/completions").length;
}

async function expectStarting(one: Tenant): Promise<void> {
  for (const body of [ASK, { ...ASK, stream: true }]) {
    const documented = await one.chat(body);
    assert.equal(documented.status, 202, documented.text);
    const { status, retry_after } = documented.json<{ status: string; retry_after: number }>();
    assert.equal(status, "initializing");
    assert.equal(documented.header("retry-after"), String(retry_after));
    const openai = await one.completions(body);
    expectCode(openai, 503, "agent_initializing");
    assert.equal(openai.header("x-should-retry"), "true");
  }
  expectCode(await one.call("/v1/models"), 503, "agent_initializing");
  expectCode(await one.chat(ASK, { key: null }), 401, "invalid_api_key");
  const health = (await one.call("/v1/health", { key: null })).json<{ status: string }>();
  assert.equal(health.status, "initializing");
}

describe("an agent that was created", () => {
  it("is deploying: 202 on /v1/chat, 503 elsewhere, and its pod is left alone", async () => {
    const one = await tenant(worker, pod, { start: false });
    pod.clear();
    await expectStarting(one);
    assert.equal((await one.status()).state, "deploying");
    assert.equal(pod.requests.length, 0);
  });
});

describe("an agent that starts", () => {
  it("is initializing until its pod answers, and a call brings the probe about", async () => {
    const own = await startPod();
    own.setFault({ status: 500 });
    try {
      const one = await tenant(worker, own, { start: false });
      const started = await control(worker, `/agents/${one.id}/start`, { method: "POST" });
      assert.equal(started.json<{ state: string }>().state, "initializing");
      await expectStarting(one);
      const status = await one.status();
      assert.equal(status.state, "initializing");
      assert.deepEqual([status.links[0]?.type, status.links[0]?.up], ["http", false]);
      assert.match(status.links[0]?.last_error ?? "", /500/);
      own.setFault(null);
      await until("a call to bring the agent up", async () => (await one.completions(ASK)).status === 200);
      assert.equal((await one.status()).state, "running");
      assert.equal((await one.chat(ASK)).status, 200);
    } finally {
      await own.close();
    }
  });
});

describe("an agent that is paused", () => {
  it("refuses calls everywhere, ends those that run, and comes back with its key", async () => {
    const one = await tenant(worker, pod);
    const running = one.completions({
      ...ASK,
      stream: true,
      metadata: { pod: { chunks: 30, chunk_delay_ms: 30 } },
    });
    await until("the run", async () => (await one.status()).in_flight === 1);
    await one.pause();
    const before = chats();
    for (const stream of [false, true]) {
      for (const answer of [await one.chat({ ...ASK, stream }), await one.completions({ ...ASK, stream })]) {
        expectCode(answer, 503, "agent_paused");
        assert.equal(answer.header("x-should-retry"), "false");
      }
    }
    expectCode(await one.call("/v1/models"), 503, "agent_paused");
    assert.equal(chats(), before);
    assert.equal((await one.status()).state, "paused");
    assert.equal((await one.call("/v1/health", { key: null })).json<{ status: string }>().status, "paused");
    assert.ok((await running).text.endsWith("data: [DONE]\n\n"), "a run in flight was cut");
    await one.start();
    assert.equal((await one.completions(ASK)).status, 200);
  });
});

describe("an agent that could not be started", () => {
  it("is failed on calls and in health, and says why, until it is started again", async () => {
    const own = await startPod();
    own.setFault({ status: 500 });
    try {
      const one = await tenant(worker, own, { start: false, start_deadline_seconds: 1 });
      await control(worker, `/agents/${one.id}/start`, { method: "POST" });
      await until("the deadline", async () => (await one.shown()).state === "failed");
      for (const stream of [false, true]) {
        const body = { ...ASK, stream };
        for (const answer of [await one.chat(body), await one.completions(body)]) {
          expectCode(answer, 503, "agent_failed");
          assert.equal(answer.header("x-should-retry"), "false");
          assert.match(answer.text, /not ready within 1 s: the pod answers with status 500/);
        }
      }
      expectCode(await one.call("/v1/tools", { json: { prompt: "hi", tools: ["x"] } }), 503, "agent_failed");
      expectCode(await one.call("/v1/models"), 503, "agent_failed");
      assert.equal((await one.status()).state, "failed");
      const health = await one.call("/v1/health", { key: null });
      assert.deepEqual([health.status, health.json<{ status: string }>().status], [200, "failed"]);
      own.setFault(null);
      await one.start();
      assert.equal((await one.completions(ASK)).status, 200);
    } finally {
      await own.close();
    }
  });
});

describe("an agent without a link", () => {
  it("is unreachable on calls, degraded in health", async () => {
    const one = await tenant(worker, pod);
    await one.change({ origin: { type: "tunnel" } });
    for (const answer of [await one.completions(ASK), await one.chat(ASK), await one.call("/v1/models")]) {
      expectCode(answer, 503, "agent_unreachable");
      assert.equal(answer.header("x-should-retry"), "true");
    }
    const health = await one.call("/v1/health");
    assert.equal(health.status, 200);
    const { status, replicas_up } = health.json<{ status: string; replicas_up: number }>();
    assert.deepEqual([status, replicas_up], ["degraded", 0]);
  });
});

describe("an agent that was terminated", () => {
  it("is 410 everywhere, with and without a key, for ever", async () => {
    const one = await tenant(worker, pod);
    await one.terminate();
    const before = chats();
    for (let again = 0; again < 2; again += 1) {
      for (const key of [one.key, null]) {
        expectCode(await one.chat(ASK, { key }), 410, "agent_terminated");
        expectCode(await one.completions(ASK, { key }), 410, "agent_terminated");
        for (const path of ["/v1/models", "/v1/models/x", "/v1/status", "/v1/health"]) {
          expectCode(await one.call(path, { key }), 410, "agent_terminated");
        }
      }
      expectCode(await one.call("/v1/chat", { body: "{", key: null }), 410, "agent_terminated");
      await worker.evict("Agent", `ep:${one.id}`);
    }
    assert.equal(chats(), before);
    expectCode(await control(worker, `/agents/${one.id}/start`, { method: "POST" }), 409, "invalid_state");
  });
});

describe("the order of checks", () => {
  it("is path, method, key, state, size, body", async () => {
    const one = await tenant(worker, pod, { limits: { body_bytes: 50 } });
    const large = "x".repeat(100);
    expectCode(await one.call("/v1/nothing", { key: "molti_x" }), 404, "unsupported_endpoint");
    expectCode(await one.call("/v1/chat", { method: "GET", key: "molti_x" }), 405, "method_not_allowed");
    expectCode(await one.call("/v1/chat", { body: large, key: "molti_x" }), 401, "invalid_api_key");
    await one.pause();
    expectCode(await one.call("/v1/chat", { body: large }), 503, "agent_paused");
    await one.start();
    expectCode(await one.call("/v1/chat", { body: large }), 413, "request_too_large");
    expectCode(await one.call("/v1/chat", { body: "x" }), 400, "invalid_json");
    assert.equal((await one.status()).usage.requests, 0, "a refusal was counted");
  });
});

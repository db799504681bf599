// What the SDK throws, and how often it asks before it does, for every state and refusal of an endpoint.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  AgentTerminatedError,
  AgentUnavailableError,
  AuthenticationError,
  InvalidRequestError,
  MoltGhostAgent,
  type MoltGhostError,
  NotFoundError,
  RateLimitError,
  TimeoutError,
  UpstreamError,
} from "../../sdk/src/index.ts";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker, together } from "../harness/index.ts";
import { type CheckedProxy, startCheckedProxy } from "../harness/openapi.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

let worker: RunningWorker;
let pod: Pod;
let proxy: CheckedProxy;
let running: Tenant;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
  [proxy, running] = await Promise.all([startCheckedProxy(worker.url), tenant(worker, pod)]);
});
after(async () => {
  await proxy?.close();
  await worker?.stop();
  await pod?.close();
});

function sdk(of: Tenant, apiKey = of.key, maxRetries = 2): MoltGhostAgent {
  return new MoltGhostAgent({ agentId: of.id, apiKey, endpoint: proxy.url, maxRetries });
}

/** The error of a call, and how many answers it took. */
async function failure(call: () => Promise<unknown>): Promise<{ error: MoltGhostError; answers: number }> {
  const before = proxy.answers;
  const error = await call().then(
    () => assert.fail("the call succeeded"),
    (thrown: unknown) => thrown as MoltGhostError,
  );
  return { error, answers: proxy.answers - before };
}

type Class = new (...args: never[]) => MoltGhostError;

async function expectError(
  call: () => Promise<unknown>,
  Class: Class,
  wanted: { code: string; status: number | null; answers: number },
): Promise<MoltGhostError> {
  const { error, answers } = await failure(call);
  assert.ok(error instanceof Class, `${error.name}: ${error.message}`);
  assert.deepEqual({ code: error.code, status: error.status, answers }, wanted, error.message);
  if (error.status !== null) {
    assert.match(error.requestId ?? "", /^req_/);
  }
  return error;
}

describe("a state of the agent", () => {
  it("paused: says so at once", async () => {
    const paused = await tenant(worker, pod);
    await paused.pause();
    const error = await expectError(() => sdk(paused).chat("Hello"), AgentUnavailableError, {
      code: "agent_paused",
      status: 503,
      answers: 1,
    });
    assert.equal(error.type, "service_unavailable");
    assert.equal(error.retryable, false);
    assert.equal(error.retryAfter, null);
  });

  it("terminated: says so at once", async () => {
    const gone = await tenant(worker, pod);
    await gone.terminate();
    const wanted = { code: "agent_terminated", status: 410, answers: 1 };
    await expectError(() => sdk(gone).chat("Hello", { stream: true }), AgentTerminatedError, wanted);
  });

  it("starting: waits as it is asked to, and says so in the end", async () => {
    const starting = await tenant(worker, null);
    const error = await expectError(
      () => sdk(starting, starting.key, 0).chat("Hello"),
      AgentUnavailableError,
      {
        code: "agent_initializing",
        status: 202,
        answers: 1,
      },
    );
    assert.equal(error.retryable, true);
    assert.ok((error.retryAfter ?? 0) >= 1);
    // No time for what the server asks to wait.
    await expectError(() => sdk(starting).chat("Hello", { timeoutMs: 900 }), AgentUnavailableError, {
      code: "agent_initializing",
      status: 202,
      answers: 1,
    });
  });

  it("unknown: says so at once", async () => {
    const agentId = `${running.id.slice(0, 11)}${running.id.endsWith("a") ? "b" : "a"}`;
    const other = new MoltGhostAgent({ agentId, apiKey: running.key, endpoint: proxy.url });
    await expectError(() => other.chat("Hello"), NotFoundError, {
      code: "agent_not_found",
      status: 404,
      answers: 1,
    });
  });
});

describe("a refusal", () => {
  it("of a key tells neither the key nor anything else of it", async () => {
    const { key, id } = await running.newKey();
    await running.revoke(id);
    const error = await expectError(() => sdk(running, key).chat("Hello"), AuthenticationError, {
      code: "invalid_api_key",
      status: 401,
      answers: 1,
    });
    assert.ok(!JSON.stringify([error, error.message, error.stack]).includes(key.slice(-20)));
  });

  it("of a body names the parameter", async () => {
    const error = await expectError(() => sdk(running).chat([]), InvalidRequestError, {
      code: "invalid_request",
      status: 400,
      answers: 1,
    });
    assert.equal(error.param, "messages");
  });

  it("of one request too many is tried again when the server says", async () => {
    const { key } = await running.newKey("narrow", { limits: { rpm: 1 } });
    await sdk(running, key).chat("Hello");
    const error = await expectError(
      () => sdk(running, key).chat("Hello", { timeoutMs: 2_000 }),
      RateLimitError,
      {
        code: "rate_limited",
        status: 429,
        answers: 1,
      },
    );
    assert.equal(error.retryable, true);
    assert.ok((error.retryAfter ?? 0) > 1 && (error.retryAfter ?? 60) < 60);
  });

  it("of a busy agent is tried again and then succeeds", async () => {
    const busy = await tenant(worker, pod, { limits: { concurrency: 1, queue: 0 } });
    const held = sdk(busy).chat("Go on", {
      stream: true,
      metadata: { pod: { chunks: 100_000, chunk_delay_ms: 50 } },
    });
    const stopped = assert.rejects(held, { name: "AbortError" });
    await held[Symbol.asyncIterator]().next();
    const before = proxy.answers;
    const reply = sdk(busy).chat("Hello");
    await until("the refusal", () => proxy.answers > before);
    held.abort();
    await stopped;
    assert.equal((await reply).content, "You said: Hello");
    assert.ok(proxy.answers > before + 1, "it was not tried again");
  });
});

describe("a pod that fails", () => {
  it("after it was given the run is asked once", async () => {
    const broken = { metadata: { pod: { not_json: true } } };
    await expectError(() => sdk(running).chat("Hello", broken), UpstreamError, {
      code: "bad_gateway",
      status: 502,
      answers: 1,
    });
  });

  it("takes too long: is asked once", async () => {
    const slow = { timeout_seconds: 0.5, metadata: { pod: { stall_before_headers_ms: "forever" } } };
    await expectError(() => sdk(running).chat("Hello", slow), TimeoutError, {
      code: "timeout",
      status: 504,
      answers: 1,
    });
  });

  it("mid-stream: what came so far is kept by the caller, and the loop throws", async () => {
    const texts: string[] = [];
    const cut = { metadata: { pod: { error_mid_stream: 2 } } };
    const { error, answers } = await failure(async () => {
      for await (const { content } of sdk(running).chat("one two three four", { stream: true, ...cut })) {
        texts.push(content);
      }
    });
    assert.ok(texts.join("").length > 0);
    assert.equal(error.status, null);
    assert.notEqual(error.code, "stream_broken");
    assert.equal(answers, 1);
  });

  it("ends its stream early: is an error, never a short answer", async () => {
    const cut = { metadata: { pod: { end_after_bytes: 300 } } };
    const { error } = await failure(() => sdk(running).chat("one two three four", { stream: true, ...cut }));
    assert.equal(error.code, "bad_gateway");
  });
});

// @moltghost/sdk against the Worker and a pod: what it answers, how it streams, how a run is ended.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ChatChunk, MoltGhostAgent } from "../../sdk/src/index.ts";
import { type Pod, startPod, UNICODE_SAMPLE } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker, together } from "../harness/index.ts";
import { type CheckedProxy, startCheckedProxy } from "../harness/openapi.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

let worker: RunningWorker;
let pod: Pod;
let proxy: CheckedProxy;
let one: Tenant;
let agent: MoltGhostAgent;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
  [proxy, one] = await Promise.all([startCheckedProxy(worker.url), tenant(worker, pod)]);
  agent = new MoltGhostAgent({ agentId: one.id, apiKey: one.key, endpoint: proxy.url });
});
after(async () => {
  await proxy?.close();
  await worker?.stop();
  await pod?.close();
});

/** Makes the pod speak for a long time. */
const LONG = { metadata: { pod: { chunks: 100_000, chunk_delay_ms: 20 } } };

async function ended(): Promise<void> {
  const { in_flight: before } = await one.status();
  await until("the run to end", async () => (await one.status()).in_flight === 0 || before === 0);
}

describe("a chat", () => {
  it("answers in both forms of the documents", async () => {
    const reply = await agent.chat("Hello, agent!");
    assert.match(reply.id, /^msg_/);
    assert.equal(reply.content, "You said: Hello, agent!");
    assert.equal(reply.choices[0]?.message.content, reply.content);
    assert.equal(reply.finish_reason, "stop");
    assert.ok(reply.usage.total_tokens > 0);
    assert.equal(reply.usage.tokens, reply.usage.total_tokens);
    assert.match(reply.requestId ?? "", /^req_/);
    assert.ok(reply.runId);
  });

  it("takes messages and what the agent's API takes", async () => {
    const reply = await agent.chat([{ role: "user", content: "Analyze" }], {
      temperature: 0.7,
      max_tokens: 20,
      tools: ["crm_query"],
      timeout_seconds: 30,
    });
    assert.equal(reply.content, "You said: Analyze");
    const body = pod.requests.at(-1)?.json as Record<string, unknown>;
    assert.equal(body.temperature, 0.7);
    assert.equal(pod.requests.at(-1)?.headers["x-moltghost-skills"], "crm_query");
  });

  it("streams to a function, and comes to the same answer", async () => {
    const texts: string[] = [];
    const reply = await agent.chat("What are my top 3 customers?", {
      stream: true,
      onChunk: (text) => texts.push(text),
    });
    assert.ok(texts.length > 2, "the text came as one piece");
    assert.equal(texts.join(""), "You said: What are my top 3 customers?");
    const plain = await agent.chat("What are my top 3 customers?");
    for (const member of ["content", "finish_reason", "model", "object", "usage"]) {
      assert.deepEqual(reply[member], plain[member], member);
    }
    const said = (of: typeof reply) =>
      of.choices.map(({ message: { role, content } }) => ({ role, content }));
    assert.deepEqual(said(reply), said(plain));
  });

  it("streams to a loop", async () => {
    const chunks: ChatChunk[] = [];
    const stream = agent.chat("Hello", { stream: true });
    for await (const chunk of stream) {
      chunks.push(chunk);
    }
    assert.equal(chunks.map(({ content }) => content).join(""), "You said: Hello");
    assert.deepEqual(
      chunks.map(({ done }) => done),
      chunks.map((_, at) => at === chunks.length - 1),
    );
    assert.equal((await stream).content, "You said: Hello");
  });

  it("keeps characters whole whatever the bytes are cut into", async () => {
    const reply = await agent.chat(UNICODE_SAMPLE, {
      stream: true,
      metadata: { pod: { split: "every" } },
    });
    assert.equal(reply.content, UNICODE_SAMPLE);
  });

  it("puts calls of functions together", async () => {
    const tools = [{ type: "function", function: { name: "look_up", parameters: { type: "object" } } }];
    const [plain, streamed] = await Promise.all([
      agent.chat("Look it up", { tools, tool_choice: "required" }),
      agent.chat("Look it up", { tools, tool_choice: "required", stream: true }),
    ]);
    const call = streamed.choices[0]?.message.tool_calls?.[0];
    assert.equal(call?.function.name, "look_up");
    assert.equal(typeof JSON.parse(call?.function.arguments ?? ""), "object");
    assert.equal(streamed.finish_reason, "tool_calls");
    assert.deepEqual(
      streamed.choices[0]?.message.tool_calls?.map(({ function: called }) => called),
      plain.choices[0]?.message.tool_calls?.map(({ function: called }) => called),
    );
  });
});

describe("a run", () => {
  it("ends at the pod when the loop is left", async () => {
    for await (const chunk of agent.chat("Go on", { stream: true, ...LONG })) {
      if (chunk.content !== "") {
        break;
      }
    }
    await pod.waitFor(({ outcome }) => outcome === "aborted");
    await ended();
    pod.clear();
  });

  it("ends at the pod when the signal is aborted, and throws its reason", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const stream = agent.chat("Go on", {
      stream: true,
      signal: stop.signal,
      onChunk: () => stop.abort(reason),
      ...LONG,
    });
    await assert.rejects(stream, reason);
    await pod.waitFor(({ outcome }) => outcome === "aborted");
    await ended();
    pod.clear();
  });

  it("ends when a function of the caller throws", async () => {
    const failure = new Error("no more");
    const stream = agent.chat("Go on", {
      stream: true,
      onChunk: () => {
        throw failure;
      },
      ...LONG,
    });
    await assert.rejects(stream, failure);
    await pod.waitFor(({ outcome }) => outcome === "aborted");
    pod.clear();
  });

  it("is not begun for a signal that was aborted before", async () => {
    const before = proxy.answers;
    await assert.rejects(agent.chat("Hello", { signal: AbortSignal.abort() }), { name: "AbortError" });
    assert.equal(proxy.answers, before);
  });

  it("ends after the time that the caller gives", async () => {
    const stalled = { metadata: { pod: { stall_before_headers_ms: "forever" } } };
    await assert.rejects(agent.chat("Hello", { timeoutMs: 300, ...stalled }), {
      name: "TimeoutError",
      code: "client_timeout",
      status: null,
    });
    await assert.rejects(agent.chat("Go on", { stream: true, timeoutMs: 300, ...LONG }), {
      code: "client_timeout",
    });
  });

  it("counts as broken when nothing comes, not even a heartbeat", async () => {
    const hasty = new MoltGhostAgent({
      agentId: one.id,
      apiKey: one.key,
      endpoint: proxy.url,
      idleTimeoutMs: 300,
    });
    const stalled = { metadata: { pod: { stall_after_chunks: 2 } } };
    await assert.rejects(hasty.chat("one two three four", { stream: true, ...stalled }), {
      name: "ConnectionError",
      code: "stream_broken",
    });
  });
});

describe("the agent's other calls", () => {
  it("have it use its skills", async () => {
    const result = await agent.tools("Check inventory levels", { tools: ["crm_query", "warehouse_api"] });
    assert.equal(result.object, "tool.result");
    assert.match(result.content, /Check inventory levels/);
    assert.deepEqual(
      result.tool_calls.map(({ name }) => name),
      ["crm_query", "warehouse_api"],
    );
    assert.ok(result.usage.total_tokens > 0);
  });

  it("show models, health and status", async () => {
    const [models, health, status] = await Promise.all([agent.models(), agent.health(), agent.status()]);
    assert.ok(models.every(({ object }) => object === "model") && models.length > 0);
    assert.equal(health.status, "ok");
    assert.equal(health.state, "running");
    assert.equal(status.agent, one.id);
    assert.ok(status.requests.limit > 0);
  });

  it("reach the agent by its own address, too", async () => {
    for (const endpoint of [one.url, `${one.url}/v1`, `${one.url}/v1/`]) {
      const other = new MoltGhostAgent({ agentId: one.id, apiKey: one.key, endpoint });
      assert.equal(other.baseURL, `${one.url}/v1`);
      assert.equal((await other.health()).status, "ok");
    }
  });
});

// What can be read of an agent with its key: models, status, health.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { type Fault, type Pod, startPod } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker, together, until } from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";

interface Model {
  id: string;
  object: string;
  created: number;
  owned_by: string;
}

let worker: RunningWorker;
let pod: Pod;
let one: Tenant;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
  one = await tenant(worker, pod, { model: "house-model", originHeaders: { "x-origin-secret": "hush" } });
});
beforeEach(() => {
  pod.setFault(null);
  pod.clear();
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

/** A tenant of its own: what a pod lists may be remembered for a while. */
async function models(
  fault: Fault,
  model?: string,
): Promise<{ status: number; ids: string[]; data: Model[] }> {
  pod.setFault(null);
  const own = await tenant(worker, pod, model === undefined ? {} : { model });
  pod.setFault(fault);
  const answer = await own.call("/v1/models");
  const data = answer.status === 200 ? answer.json<{ data: Model[] }>().data : [];
  return { status: answer.status, ids: data.map(({ id }) => id), data };
}

describe("the list of models", () => {
  it("is the pod's, asked with the origin's headers and without the key", async () => {
    const answer = await one.call("/v1/models", { headers: { cookie: "a=1" } });
    const { object, data } = answer.json<{ object: string; data: Model[] }>();
    assert.equal(object, "list");
    assert.deepEqual(
      data.map(({ id }) => id),
      ["demo-small", "demo-large"],
    );
    assert.deepEqual(data[0], {
      id: "demo-small",
      object: "model",
      created: 1767225600,
      owned_by: "moltghost-demo",
    });
    const asked = pod.requests.at(-1);
    assert.equal(asked?.headers["x-origin-secret"], "hush");
    assert.equal(asked?.headers.authorization, undefined);
    assert.equal(asked?.headers.cookie, undefined);
  });

  it("is the configured model where the pod has no list, or none where there is none", async () => {
    for (const status of [404, 405, 501]) {
      assert.deepEqual((await models({ status }, "house-model")).ids, ["house-model"], `${status}`);
    }
    for (const body of [{ object: "list", data: [] }, { object: "list" }]) {
      assert.deepEqual((await models({ body }, "house-model")).ids, ["house-model"]);
    }
    assert.deepEqual((await models({ status: 404 })).ids, []);
  });

  it("holds only what makes sense of the pod's entries", async () => {
    const body = {
      data: [{ id: "a", evil: "<script>" }, { id: 7 }, null, "b", {}, { id: "c", created: "x", owned_by: 1 }],
    };
    const { data } = await models({ body });
    const rest = { object: "model", created: 0, owned_by: "agent" };
    assert.deepEqual(data, [
      { id: "a", ...rest },
      { id: "c", ...rest },
    ]);
  });

  it("is a bad gateway where the pod answers nonsense", async () => {
    for (const fault of [
      { html: true },
      { not_json: true },
      { empty: true },
      { body: [1] },
      { status: 500 },
      { status: 401 },
      { redirect: "http://127.0.0.1:1/" },
      { no_headers_close: true },
      { cut_after_bytes: 10 },
      { body: { data: [{ id: "x".repeat(2_000_000) }] } },
    ]) {
      assert.equal((await models(fault)).status, 502, JSON.stringify(fault));
    }
  });

  it("shows one model, also one with a slash, and names those that there are for any other", async () => {
    const own = await tenant(worker, pod);
    pod.setFault({ body: { data: [{ id: "demo-small" }, { id: "org/model-7b" }, { id: "é" }] } });
    for (const [path, id] of [
      ["demo-small", "demo-small"],
      ["org/model-7b", "org/model-7b"],
      ["org%2Fmodel-7b", "org/model-7b"],
      ["%C3%A9", "é"],
    ]) {
      const answer = await own.call(`/v1/models/${path}`);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json<Model>().id, id);
    }
    const answer = await own.call("/v1/models/gpt-9");
    assert.equal(answer.status, 404, answer.text);
    const { error } = answer.json<{ error: { code: string; message: string } }>();
    assert.equal(error.code, "model_not_found");
    assert.match(error.message, /demo-small/);
  });

  it("is no run", async () => {
    const answer = await one.call("/v1/models");
    assert.equal(answer.header("x-moltghost-run-id"), undefined);
    assert.equal((await one.status()).usage.requests, 0);
  });
});

describe("the status", () => {
  it("tells state, links and settings", async () => {
    const status = await one.status();
    assert.equal(status.agent, one.id);
    assert.equal(status.state, "running");
    assert.equal(status.model, "house-model");
    const capabilities = {
      completions: true,
      models: true,
      embeddings: true,
      responses: true,
      tools: true,
      skills: true,
    };
    const { in_flight } = status;
    assert.deepEqual(status.links, [{ type: "http", up: true, in_flight, last_error: null, capabilities }]);
    assert.equal(status.timeout_seconds, 300);
    assert.ok(Math.abs(Date.parse(status.since) - Date.now()) < 600_000);
    assert.equal(status.usage.month, new Date().toISOString().slice(0, 7));
  });

  it("tells how much of the last 30 days the agent was there", async () => {
    const own = await tenant(worker, pod);
    await until("a second", async () => (await own.status()).availability.up_seconds >= 1);
    await own.pause();
    const { availability: before } = await own.status();
    assert.equal(before.ratio, 1);
    const first =
      new Date(`${new Date().toISOString().slice(0, 10)}T00:00:00.000Z`).getTime() - 29 * 86_400_000;
    assert.ok(Math.abs(Date.parse(before.from) - first) <= 86_400_000, before.from);
  });

  it("counts runs, tokens and where the figures come from", async () => {
    const own = await tenant(worker, pod);
    const messages = [{ role: "user", content: "one two three" }];
    const reported = (await own.completions({ messages })).json<{ usage: { total_tokens: number } }>().usage;
    const guessed = (await own.chat({ messages, metadata: { pod: { no_usage: true } } })).json<{
      usage: { total_tokens: number };
    }>().usage;
    const { usage, in_flight } = await own.status();
    assert.equal(in_flight, 0);
    assert.equal(usage.requests, 2);
    assert.deepEqual(usage.by_source, {
      reported: reported.total_tokens,
      counted: 0,
      estimated: guessed.total_tokens,
    });
    assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
  });

  it("is still the same after the object was dropped from memory", async () => {
    const own = await tenant(worker, pod);
    await own.completions({ messages: [{ role: "user", content: "x" }] });
    // What is left of the request limit goes on with time, and a drop in the midst of a burst may cost some of it.
    const { requests: _, availability: was, ...before } = await own.status();
    await worker.evict("Agent", `ep:${own.id}`);
    const { requests: __, availability: is, ...after } = await own.status();
    assert.deepEqual(after, before);
    assert.ok(is.up_seconds >= was.up_seconds && is.down_seconds === 0, JSON.stringify([was, is]));
  });

  it("shows the runs that are in flight", async () => {
    const own = await tenant(worker, pod);
    const calls = Array.from({ length: 3 }, () =>
      own.completions({
        stream: true,
        messages: [{ role: "user", content: "x" }],
        metadata: { pod: { chunks: 40, chunk_delay_ms: 40 } },
      }),
    );
    await until("three runs", async () => (await own.status()).in_flight === 3);
    await Promise.all(calls);
    await until("none", async () => (await own.status()).in_flight === 0);
  });
});

describe("health", () => {
  it("is one word for everybody, and more with a key", async () => {
    const known = await one.call("/v1/health", { key: null });
    assert.deepEqual(known.json(), { status: "ok" });
    const detail = (await one.call("/v1/health")).json<Record<string, unknown>>();
    assert.equal(detail.status, "ok");
    assert.equal(detail.state, "running");
    assert.equal(detail.replicas_up, 1);
    assert.equal(typeof detail.version, "string");
  });

  it("notices a key that is wrong", async () => {
    for (const key of ["molti_x", `${one.key}x`]) {
      assert.equal((await one.call("/v1/health", { key })).status, 401);
    }
  });

  it("asks no pod", async () => {
    await one.call("/v1/health");
    await one.status();
    assert.equal(pod.requests.length, 0);
  });
});

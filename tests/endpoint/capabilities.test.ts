// What a pod is found to serve: asked without running anything, shown in the status, and asked again for another pod.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker, until } from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";

const ALL = { completions: true, models: true, embeddings: true, responses: true, tools: true, skills: true };
const NAMES = Object.keys(ALL) as (keyof typeof ALL)[];

let worker: RunningWorker;
const pods: Pod[] = [];

before(async () => {
  worker = await startWorker();
});
after(async () => {
  await worker?.stop();
  await Promise.all(pods.map((pod) => pod.close()));
});

async function started(lacks: string[]): Promise<Pod> {
  const pod = await startPod({ lacks });
  pods.push(pod);
  return pod;
}

async function capabilities(agent: Tenant): Promise<Record<string, boolean | null> | null | undefined> {
  return (await agent.status()).links[0]?.capabilities;
}

describe("what a pod serves", () => {
  it("is what it does not answer with 404", async () => {
    const lacks = ["/v1/embeddings", "/v1/responses", "POST /v1/tools"];
    const agent = await tenant(worker, await started(lacks));
    assert.deepEqual(await capabilities(agent), {
      ...ALL,
      embeddings: false,
      responses: false,
      tools: false,
    });
    const bare = await tenant(
      worker,
      await started(["/v1/completions", "/v1/embeddings", "/v1/models", "/v1/responses", "/v1/tools"]),
    );
    assert.deepEqual(await capabilities(bare), Object.fromEntries(NAMES.map((name) => [name, false])));
    assert.equal((await bare.completions({ messages: [{ role: "user", content: "x" }] })).status, 200);
  });

  it("is not guessed where the pod refuses to say", async () => {
    const pod = await started([]);
    for (const path of ["/v1/embeddings", "/v1/responses"]) {
      pod.faultNext({ path, status: path === "/v1/embeddings" ? 401 : 503 });
    }
    pod.faultNext({ path: "/v1/completions", no_headers_close: true });
    const agent = await tenant(worker, pod);
    assert.deepEqual(await capabilities(agent), {
      ...ALL,
      completions: null,
      embeddings: null,
      responses: null,
    });
  });

  it("counts a 404 about a model as a route that is there", async () => {
    const pod = await started([]);
    pod.faultNext({
      path: "/v1/completions",
      status: 404,
      body: { object: "error", message: "The model `` does not exist.", code: 404 },
    });
    assert.deepEqual(await capabilities(await tenant(worker, pod)), ALL);
  });

  it("is asked for with the origin's headers and nothing to run", async () => {
    const pod = await started([]);
    await tenant(worker, pod, { originHeaders: { "x-origin-secret": "hush" } });
    const asked = pod.requests.map(({ method, path, text }) => `${method} ${path} ${text}`);
    assert.deepEqual(asked.sort(), [
      "GET /v1/models ",
      "GET /v1/tools ",
      "POST /v1/completions {}",
      "POST /v1/embeddings {}",
      "POST /v1/responses {}",
      "POST /v1/tools {}",
    ]);
    for (const { headers } of pod.requests) {
      assert.equal(headers["x-origin-secret"], "hush");
      assert.equal(headers["x-moltghost-key"], undefined);
    }
  });

  it("is unknown before the agent runs, and survives the object's leaving memory", async () => {
    const pod = await started(["/v1/responses"]);
    const agent = await tenant(worker, pod, { start: false });
    assert.equal(await capabilities(agent), null);
    await agent.start();
    await worker.evict("Agent", `ep:${agent.id}`);
    assert.deepEqual(await capabilities(agent), { ...ALL, responses: false });
  });

  it("is found out anew by a call after the origin was changed", async () => {
    const agent = await tenant(worker, await started(["/v1/responses"]));
    const other = await started(["/v1/embeddings"]);
    await agent.change({ origin: { type: "http", url: other.url } });
    assert.equal(await capabilities(agent), null);
    await agent.completions({ messages: [{ role: "user", content: "x" }] });
    await until("the new pod to be known", async () => (await capabilities(agent)) !== null);
    assert.deepEqual(await capabilities(agent), { ...ALL, embeddings: false });
  });
});

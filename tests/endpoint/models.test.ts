// Which models and skills a call may ask for: what the owner allows, what the pod lists, and for how long a list is
// remembered.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type Answer, type RunningWorker, startWorker, together } from "../harness/index.ts";
import { control, type Tenant, tenant } from "../harness/tenant.ts";

const CHAT = "/v1/chat/completions";

let worker: RunningWorker;
let pod: Pod;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
});
beforeEach(() => {
  pod.setFault(null);
  pod.clear();
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

const ask = (more: Record<string, unknown> = {}) => ({
  messages: [{ role: "user", content: "hi" }],
  ...more,
});

function refusal(answer: Answer): { code: string; message: string; param: string | null } {
  return answer.json<{ error: { code: string; message: string; param: string | null } }>().error;
}

async function listed(agent: Tenant): Promise<string[]> {
  const answer = await agent.call("/v1/models");
  assert.equal(answer.status, 200, answer.text);
  return answer.json<{ data: { id: string }[] }>().data.map(({ id }) => id);
}

describe("the models that an owner allows", () => {
  it("are all that is listed, and all that may be asked for", async () => {
    const agent = await tenant(worker, pod, { models: ["demo-large", "house"] });
    assert.deepEqual(await listed(agent), ["demo-large"]);
    for (const path of [CHAT, "/v1/chat"]) {
      const answer = await agent.call(path, { json: ask({ model: "demo-small" }) });
      assert.equal(answer.status, 404, answer.text);
      const { code, message, param } = refusal(answer);
      assert.deepEqual([code, param], ["model_not_found", "model"]);
      assert.match(message, /demo-large, house/);
      assert.equal((await agent.call(path, { json: ask({ model: "house" }) })).status, 200);
    }
    assert.equal(pod.requests.filter(({ path }) => path === CHAT).length, 2);
    assert.equal((await agent.call("/v1/models/demo-small")).status, 404);
    assert.equal((await agent.call("/v1/models/demo-large")).status, 200);
  });

  it("stand in for a list that the pod does not have", async () => {
    const bare = await startPod({ lacks: ["/v1/models"] });
    assert.deepEqual(await listed(await tenant(worker, bare, { models: ["a", "b"], model: "b" })), [
      "a",
      "b",
    ]);
    await bare.close();
  });

  it("give a call without a model the configured one, or the first", async () => {
    const sent = () => (pod.requests.at(-1)?.json as { model?: string } | undefined)?.model;
    const first = await tenant(worker, pod, { models: ["a", "b"] });
    await first.completions(ask());
    assert.equal(sent(), "a");
    await first.change({ model: "b" });
    await first.completions(ask({ model: null }));
    assert.equal(sent(), "b");
  });

  it("charge nothing for a refusal", async () => {
    const agent = await tenant(worker, pod, { models: ["a"] });
    assert.equal((await agent.completions(ask({ model: "x" }))).status, 404);
    const { usage, in_flight } = await agent.status();
    assert.deepEqual([usage.requests, in_flight], [0, 0]);
  });

  it("hold the configured one, or are refused", async () => {
    const agent = await tenant(worker, pod, { model: "a" });
    const patch = (json: object) => control(worker, `/agents/${agent.id}`, { method: "PATCH", json });
    const answer = await patch({ models: ["b"] });
    assert.equal(answer.status, 400, answer.text);
    assert.equal(refusal(answer).param, "model");
    assert.deepEqual((await agent.change({ models: ["b"], model: "b" })).models, ["b"]);
    assert.deepEqual((await agent.change({ models: [] })).models, []);
  });
});

describe("a pod's list of models", () => {
  it("is remembered, but not across origins", async () => {
    const agent = await tenant(worker, pod);
    pod.clear();
    for (let n = 0; n < 3; n += 1) {
      assert.deepEqual(await listed(agent), ["demo-small", "demo-large"]);
    }
    assert.equal(pod.requests.filter(({ path }) => path === "/v1/models").length, 1);
    const other = await startPod({ lacks: ["/v1/models"] });
    await agent.change({ origin: { type: "http", url: other.url }, model: "only" });
    assert.deepEqual(await listed(agent), ["only"]);
    await other.close();
  });
});

describe("names of skills", () => {
  it("are refused where the pod lists its skills and not this one", async () => {
    const agent = await tenant(worker, pod);
    for (const path of [CHAT, "/v1/chat"]) {
      const answer = await agent.call(path, { json: ask({ tools: ["crm_query", "nonsense"] }) });
      assert.equal(answer.status, 400, answer.text);
      const { code, message, param } = refusal(answer);
      assert.deepEqual([code, param], ["unknown_tool", "tools"]);
      assert.match(message, /`nonsense`.*crm_query, slack_notify/);
    }
    assert.equal((await agent.completions(ask({ tools: ["crm_query", "slack_notify"] }))).status, 200);
    const chats = pod.requests.filter(({ path }) => path === CHAT);
    assert.deepEqual(
      chats.map(({ headers }) => headers["x-moltghost-skills"]),
      ["crm_query,slack_notify"],
    );
  });

  it("are passed on where the pod lists none, or does not tell now", async () => {
    const mute = await startPod({ lacks: ["GET /v1/tools"] });
    const agent = await tenant(worker, mute);
    assert.equal((await agent.completions(ask({ tools: ["anything"] }))).status, 200);
    await mute.close();
    const silent = await tenant(worker, pod);
    pod.setFault({ path: "/v1/tools", status: 500 });
    assert.equal((await silent.completions(ask({ tools: ["anything"] }))).status, 200);
  });

  it("are asked for again before a call is refused by what is remembered", async () => {
    const agent = await tenant(worker, pod);
    assert.equal((await agent.completions(ask({ tools: ["search"] }))).status, 200);
    // A list is trusted to refuse for two seconds only; a name that the pod has learnt meanwhile is taken then.
    pod.setFault({ path: "/v1/tools", body: { data: ["search", "new"] } });
    const until = Date.now() + 10_000;
    let answer = await agent.completions(ask({ tools: ["new"] }));
    while (answer.status === 400 && Date.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      answer = await agent.completions(ask({ tools: ["new"] }));
    }
    assert.equal(answer.status, 200, answer.text);
  });
});

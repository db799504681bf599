// /v1/tools, asked of a pod that has it and of one that has chat alone; and what /v1/chat takes beside messages.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { type Pod, type RequestRecord, startPod } from "../fixtures/pod/index.ts";
import { type Answer, type RunningWorker, startWorker, together, until } from "../harness/index.ts";
import { type Tenant, tenant, uniqueName } from "../harness/tenant.ts";

const CHAT = "/v1/chat/completions";
const TOOLS = "/v1/tools";
const ASK = { prompt: "Check inventory levels", tools: ["crm_query", "warehouse_api"] };

interface Result {
  id: string;
  object: string;
  content: string;
  tool_calls: { name: string; arguments: unknown; result: unknown }[];
  usage: { tokens: number; total_tokens: number; source: string };
}

let worker: RunningWorker;
let pod: Pod;
let bare: Pod;
let one: Tenant;
let plain: Tenant;

before(async () => {
  [worker, pod, bare] = await together([startWorker(), startPod(), startPod({ lacks: [TOOLS] })]);
  [one, plain] = await Promise.all([tenant(worker, pod, { model: "house" }), tenant(worker, bare)]);
});
beforeEach(() => {
  for (const each of [pod, bare]) {
    each.setFault(null);
    each.clear();
  }
});
after(async () => {
  await worker?.stop();
  await Promise.all([pod?.close(), bare?.close()]);
});

function result(answer: Answer): Result {
  assert.equal(answer.status, 200, answer.text);
  return answer.json<Result>();
}

function refusal(answer: Answer): { status: number; code: string; param: string | null } {
  const { code, param } = answer.json<{ error: { code: string; param: string | null } }>().error;
  return { status: answer.status, code, param };
}

function last(of: Pod): RequestRecord {
  return of.requests.findLast(({ method }) => method === "POST") ?? assert.fail("the pod was not asked");
}

describe("a pod that has /v1/tools", () => {
  it("gets what was asked, and its result comes back under our id", async () => {
    const answer = await one.call(TOOLS, { json: { ...ASK, arguments: { below: 5 }, timeout_seconds: 9 } });
    const { id, object, content, tool_calls, usage } = result(answer);
    assert.equal(id, answer.header("x-moltghost-run-id")?.replace("run_", "msg_"));
    assert.deepEqual([object, content], ["tool.result", "Ran 2 of my skills for: Check inventory levels"]);
    assert.deepEqual(tool_calls[0], {
      name: "crm_query",
      arguments: { below: 5 },
      result: { ok: true, said: "crm_query ran" },
    });
    assert.deepEqual([usage.source, usage.tokens], ["reported", usage.total_tokens]);
    assert.equal(last(pod).path, TOOLS);
    assert.deepEqual(last(pod).json, { ...ASK, arguments: { below: 5 }, model: "house" });
    assert.equal(last(pod).headers["x-moltghost-skills"], undefined);
  });

  it("may leave out what is not the answer", async () => {
    pod.faultNext({ path: TOOLS, body: { content: "four" } }, 2);
    const short = result(await one.call(TOOLS, { json: { prompt: "x" } }));
    assert.deepEqual([short.content, short.tool_calls, short.usage.source], ["four", [], "estimated"]);
  });

  it("that answers with something else is a bad gateway", async () => {
    for (const fault of [{ body: {} }, { body: { choices: [] } }, { html: true }, { empty: true }]) {
      pod.faultNext({ ...fault, path: TOOLS });
      assert.equal((await one.call(TOOLS, { json: { prompt: "x" } })).status, 502, JSON.stringify(fault));
    }
  });
});

describe("a pod that has chat alone", () => {
  it("gets the prompt as a message and the names in a header", async () => {
    const { object, content, tool_calls, usage } = result(await plain.call(TOOLS, { json: ASK }));
    assert.deepEqual([object, content, tool_calls], ["tool.result", "You said: Check inventory levels", []]);
    assert.equal(usage.source, "reported");
    assert.equal(last(bare).path, CHAT);
    assert.deepEqual(last(bare).json, { messages: [{ role: "user", content: ASK.prompt }] });
    assert.equal(last(bare).headers["x-moltghost-skills"], "crm_query,warehouse_api");
  });

  it("tells its calls", async () => {
    const parameters = { type: "object", properties: { query: { type: "string" } } };
    const tools = ["search", { type: "function", function: { name: "look_up", parameters } }];
    const { tool_calls, content } = result(
      await plain.call(TOOLS, { json: { prompt: "call the tool", tools } }),
    );
    assert.deepEqual(tool_calls, [{ name: "look_up", arguments: { query: "demo" }, result: null }]);
    assert.equal(content, "");
    assert.equal(last(bare).headers["x-moltghost-skills"], "search");
  });

  it("fails as it does on any path", async () => {
    bare.setFault({ path: CHAT, status: 422, body: { error: { message: "no", code: "hot" } } });
    assert.deepEqual(refusal(await plain.call(TOOLS, { json: ASK })), {
      status: 422,
      code: "hot",
      param: null,
    });
    bare.setFault({ path: CHAT, html: true });
    assert.equal((await plain.call(TOOLS, { json: ASK })).status, 502);
  });
});

describe("a call of /v1/tools", () => {
  it("is refused for what it lacks or must not have", async () => {
    for (const [json, param] of [
      [{ tools: ["search"] }, "prompt"],
      [{ prompt: "" }, "prompt"],
      [{ messages: [{ role: "user", content: "x" }] }, "prompt"],
      [{ prompt: "x", stream: true }, "stream"],
      [{ prompt: "x", tools: "search" }, "tools"],
      [{ prompt: "x", tools: ["a b"] }, "tools"],
      [{ prompt: "x", arguments: "y" }, "arguments"],
    ] as const) {
      const answer = await one.call(TOOLS, { json });
      assert.deepEqual(
        refusal(answer),
        { status: 400, code: "invalid_request", param },
        JSON.stringify(json),
      );
    }
  });

  it("is refused for a skill that the pod does not list", async () => {
    const answer = await one.call(TOOLS, { json: { prompt: "x", tools: ["crm_query", "crm"] } });
    assert.deepEqual(refusal(answer), { status: 400, code: "unknown_tool", param: "tools" });
    assert.match(answer.text, /`crm`.*crm_query, slack_notify, warehouse_api/);
    assert.equal(
      pod.requests.some(({ method }) => method === "POST"),
      false,
    );
    await until("nothing to be in flight", async () => (await one.status()).in_flight === 0);
  });

  it("is told to wait while the agent starts", async () => {
    const starting = await tenant(worker, null);
    const answer = await starting.call(TOOLS, { json: ASK });
    assert.equal(answer.status, 202, answer.text);
  });
});

describe("a call of /v1/chat", () => {
  it("takes a prompt for one user message", async () => {
    for (const stream of [false, true]) {
      const answer = await one.chat({ prompt: "Hello, é", stream });
      assert.equal(answer.status, 200, answer.text);
      const sent = last(pod).json as Record<string, unknown>;
      assert.deepEqual(sent.messages, [{ role: "user", content: "Hello, é" }]);
      assert.equal(sent.prompt, undefined);
    }
    const both = await one.chat({ prompt: "x", messages: [{ role: "user", content: "y" }] });
    assert.deepEqual(refusal(both), { status: 400, code: "invalid_request", param: "prompt" });
  });

  it("may name the agent that it calls, and no other", async () => {
    const alias = uniqueName("bot").slice(0, 20);
    const named = await tenant(worker, pod, { alias });
    for (const name of [named.id, alias]) {
      for (const member of ["agent-id", "agent_id"]) {
        assert.equal((await named.chat({ prompt: "x", [member]: name })).status, 200, `${member} ${name}`);
        assert.equal((last(pod).json as Record<string, unknown>)[member], undefined);
        assert.equal((await named.call(TOOLS, { json: { prompt: "x", [member]: name } })).status, 200);
      }
    }
    for (const name of [one.id, "nobody-there", "", "../x"]) {
      const answer = await named.chat({ prompt: "x", "agent-id": name });
      assert.deepEqual(refusal(answer), { status: 400, code: "agent_mismatch", param: "agent-id" }, name);
    }
    assert.equal((await named.chat({ prompt: "x", agent_id: 7 })).status, 400);
  });
});

describe("a pod that takes /v1/tools no more", () => {
  it("gets a chat at once, and is known to have chat alone from then on", async () => {
    const moved = await tenant(worker, pod);
    const shown = async () => (await moved.status()).links[0]?.capabilities?.tools;
    assert.equal(await shown(), true);
    pod.clear();
    pod.setFault({ status: 404, path: TOOLS });
    const { object, content } = result(await moved.call(TOOLS, { json: ASK }));
    assert.deepEqual([object, content], ["tool.result", "You said: Check inventory levels"]);
    // The probe that follows asks the route, too, with a body that runs nothing.
    const asked = pod.requests.filter(({ method }) => method === "POST").map(({ path }) => path);
    assert.deepEqual(asked.filter((path) => path === TOOLS || path === CHAT).slice(0, 2), [TOOLS, CHAT]);
    await until("the pod to be known", async () => (await shown()) === false);
    pod.clear();
    result(await moved.call(TOOLS, { json: ASK }));
    assert.equal(
      pod.requests.some(({ path, method }) => path === TOOLS && method === "POST"),
      false,
    );
    await until("all runs to be settled", async () => (await moved.status()).in_flight === 0);
    assert.equal((await moved.status()).usage.requests, 2);
  });

  it("and loses other routes is asked anew, so that /v1/status tells the truth", async () => {
    const moved = await tenant(worker, pod);
    pod.setFault({ status: 405, path: "/v1/embeddings" });
    const answer = await moved.call("/v1/embeddings", { json: { input: "x" } });
    assert.equal(refusal(answer).code, "unsupported_endpoint");
    await until(
      "the pod to be known",
      async () => (await moved.status()).links[0]?.capabilities?.embeddings === false,
    );
  });
});

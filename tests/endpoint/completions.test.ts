// /v1/completions and /v1/embeddings: what OpenAI has, for pods that have it.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type Answer, type RunningWorker, startWorker, together, until } from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";

const TEXT = "/v1/completions";
const VECTORS = "/v1/embeddings";

let worker: RunningWorker;
let pod: Pod;
let bare: Pod;
let one: Tenant;
let without: Tenant;

before(async () => {
  [worker, pod, bare] = await together([
    startWorker(),
    startPod(),
    startPod({ lacks: [TEXT, VECTORS, "/v1/responses"] }),
  ]);
  [one, without] = await Promise.all([tenant(worker, pod, { model: "house" }), tenant(worker, bare)]);
});
beforeEach(() => {
  pod.setFault(null);
  pod.clear();
  bare.clear();
});
after(async () => {
  await worker?.stop();
  await Promise.all([pod?.close(), bare?.close()]);
});

function events(answer: Answer): string[] {
  return answer.text.split("\n\n").filter((event) => event !== "");
}

function code(answer: Answer): string {
  return answer.json<{ error: { code: string } }>().error.code;
}

describe("a text completion", () => {
  it("has the pod's own bytes, plain and streamed, but for usage that nobody asked for", async () => {
    for (const body of [
      { prompt: "unicode", model: "m" },
      { prompt: ["one", "two"], model: "m", n: 1, max_tokens: 3 },
      { prompt: "one two", model: "m", stream: true, stream_options: { include_usage: true } },
    ]) {
      const direct = await fetch(pod.url + TEXT, { method: "POST", body: JSON.stringify(body) });
      const through = await one.call(TEXT, { json: body });
      assert.equal(through.status, 200, through.text);
      assert.deepEqual(through.bytes, Buffer.from(await direct.arrayBuffer()));
    }
    const cut = events(await one.call(TEXT, { json: { prompt: "one two", stream: true } }));
    assert.equal(cut.at(-1), "data: [DONE]");
    assert.equal(
      cut.some((event) => event.includes('"choices":[]')),
      false,
    );
    assert.match(cut.join(""), /"text":"You".*"text":" said:"/);
  });

  it("comes the same for every cut of the pod's bytes", async () => {
    const body = { prompt: "unicode", stream: true };
    const whole = await one.call(TEXT, { json: body });
    const split = await one.call(TEXT, { json: { ...body, metadata: { pod: { split: "every" } } } });
    assert.deepEqual(split.bytes, whole.bytes);
  });

  it("is asked with the agent's model, for usage in a stream, and without what is ours", async () => {
    await one.call(TEXT, { json: { prompt: "x", stream: true, timeout_seconds: 9, best_of: 1 } });
    const asked = pod.requests.at(-1);
    assert.equal(asked?.path, TEXT);
    assert.deepEqual(asked?.json, {
      prompt: "x",
      stream: true,
      best_of: 1,
      model: "house",
      stream_options: { include_usage: true },
    });
  });

  it("is charged by what the pod reports", async () => {
    const own = await tenant(worker, pod);
    await own.call(TEXT, { json: { prompt: "one two three" } });
    await own.call(TEXT, { json: { prompt: "one two three", stream: true } });
    await until("both to be settled", async () => (await own.status()).usage.requests === 2);
    assert.deepEqual((await own.status()).usage.by_source, { reported: 18, counted: 0, estimated: 0 });
  });

  it("needs a prompt", async () => {
    for (const json of [{}, { prompt: null }, { prompt: [] }, { prompt: 7 }, { messages: [{}] }]) {
      const answer = await one.call(TEXT, { json });
      assert.equal(answer.status, 400, answer.text);
      assert.equal(answer.json<{ error: { param: string } }>().error.param, "prompt");
    }
    assert.equal(pod.requests.length, 0);
  });

  it("that breaks off ends in an error event", async () => {
    const json = { prompt: "count to 50", stream: true, metadata: { pod: { cut_after_bytes: 900 } } };
    const last = events(await one.call(TEXT, { json })).at(-1) ?? "";
    assert.match(last, /^data: \{"error":.*"bad_gateway"/);
  });
});

describe("embeddings", () => {
  it("have the pod's own bytes", async () => {
    for (const body of [
      { input: "one", model: "m" },
      { input: ["one", "two"], model: "m", encoding_format: "base64" },
      { input: [[1, 2], [3]], model: "m", dimensions: 3 },
    ]) {
      const direct = await fetch(pod.url + VECTORS, { method: "POST", body: JSON.stringify(body) });
      const through = await one.call(VECTORS, { json: body });
      assert.equal(through.status, 200, through.text);
      assert.deepEqual(through.bytes, Buffer.from(await direct.arrayBuffer()));
    }
  });

  it("are charged for the prompt alone", async () => {
    const own = await tenant(worker, pod);
    await own.call(VECTORS, { json: { input: "12345678" } });
    await until("the run to be settled", async () => (await own.status()).usage.requests === 1);
    const { usage } = await own.status();
    assert.deepEqual([usage.prompt_tokens, usage.completion_tokens, usage.by_source.reported], [2, 0, 2]);
  });

  it("need an input, and never stream", async () => {
    for (const json of [{}, { input: [] }, { input: {} }]) {
      assert.equal((await one.call(VECTORS, { json })).status, 400);
    }
    const answer = await one.call(VECTORS, { json: { input: "x", stream: true } });
    assert.match(answer.header("content-type") ?? "", /^application\/json/);
  });

  it("that are none are a bad gateway", async () => {
    for (const fault of [
      { body: { object: "list" } },
      { body: { data: {} } },
      { not_json: true },
      { html: true },
    ]) {
      pod.faultNext({ ...fault, path: VECTORS });
      assert.equal((await one.call(VECTORS, { json: { input: "x" } })).status, 502, JSON.stringify(fault));
    }
  });
});

describe("a pod without the route", () => {
  const BODIES = { [TEXT]: { prompt: "x" }, [VECTORS]: { input: "x" }, "/v1/responses": { input: "x" } };

  it("is not asked, and nothing is charged", async () => {
    for (const [path, json] of Object.entries(BODIES)) {
      const answer = await without.call(path, { json });
      assert.equal(answer.status, 404, answer.text);
      assert.equal(code(answer), "unsupported_endpoint");
      assert.match(answer.text, new RegExp(path));
    }
    assert.equal(bare.requests.length, 0);
    assert.deepEqual([(await without.status()).usage.requests, (await without.status()).in_flight], [0, 0]);
  });

  it("is told by its own answer where that was not known before", async () => {
    // What the pod lacks is found out anew after such an answer: that is this agent's alone.
    const own = await tenant(worker, pod, { model: "house" });
    for (const [path, json] of Object.entries(BODIES)) {
      for (const fault of [
        { status: 404, body: { detail: "Not Found" } },
        { status: 405 },
        { status: 501 },
      ]) {
        for (const stream of [false, true]) {
          pod.setFault({ ...fault, path });
          const answer = await own.call(path, { json: { ...json, stream } });
          assert.equal(answer.status, 404, answer.text);
          assert.equal(code(answer), "unsupported_endpoint");
        }
      }
    }
  });

  it("is not one that lacks the model", async () => {
    pod.faultNext({
      path: VECTORS,
      status: 404,
      body: { error: { message: "no such model", type: "x", param: "model", code: "model_not_found" } },
    });
    const answer = await one.call(VECTORS, { json: { input: "x" } });
    assert.deepEqual([answer.status, code(answer)], [404, "model_not_found"]);
  });
});

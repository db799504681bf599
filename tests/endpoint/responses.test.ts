// /v1/responses: OpenAI's Responses API, with its own usage, its own errors, and streams of named events.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { type Fault, type Pod, startPod } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker, together, until } from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";

const PATH = "/v1/responses";

let worker: RunningWorker;
let pod: Pod;
let one: Tenant;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
  one = await tenant(worker, pod);
});
beforeEach(() => {
  pod.setFault(null);
  pod.clear();
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

interface Event {
  name: string;
  data: { type: string; sequence_number: number; code?: string; error?: { code: string; type: string } };
}

async function streamed(input: string, fault: Fault = {}, more: object = {}): Promise<Event[]> {
  const json = { input, stream: true, ...more, metadata: { pod: fault } };
  const answer = await one.call(PATH, { json });
  assert.equal(answer.status, 200, answer.text);
  return answer.text
    .split("\n\n")
    .filter((event) => event.startsWith("event: "))
    .map((event) => {
      const [, name = "", data = ""] = /^event: (.*)\ndata: (.*)$/.exec(event) ?? assert.fail(event);
      return { name, data: JSON.parse(data) as Event["data"] };
    });
}

describe("a response", () => {
  it("has the pod's own bytes, plain and streamed", async () => {
    for (const body of [
      { input: "unicode", model: "m" },
      { input: [{ role: "user", content: "one two" }], model: "m", stream: true, max_output_tokens: 2 },
      { input: "unicode", model: "m", stream: true, metadata: { pod: { split: "every" } } },
      { input: "one", model: "m", stream: true, metadata: { pod: { crlf: true, comments: true } } },
    ]) {
      const direct = await fetch(pod.url + PATH, { method: "POST", body: JSON.stringify(body) });
      const through = await one.call(PATH, { json: body });
      assert.equal(through.status, 200, through.text);
      assert.deepEqual(through.bytes, Buffer.from(await direct.arrayBuffer()));
    }
  });

  it("is asked for as it came", async () => {
    const body = '{"input":"x", "stream":true,"tools":[{"type":"web_search"}],"n":"mine","model":"m"}';
    await one.call(PATH, { method: "POST", body });
    assert.equal(pod.requests.at(-1)?.text, body);
  });

  it("is charged by its own figures, and else by what was written", async () => {
    const own = await tenant(worker, pod);
    await own.call(PATH, { json: { input: "one two three" } });
    await own.call(PATH, { json: { input: "one two three", stream: true } });
    await own.call(PATH, { json: { input: "one", stream: true, metadata: { pod: { no_usage: true } } } });
    await until("all to be settled", async () => (await own.status()).usage.requests === 3);
    const { by_source } = (await own.status()).usage;
    assert.equal(by_source.reported, 18);
    assert.ok(by_source.counted > 3, JSON.stringify(by_source));
  });

  it("that failed is still one", async () => {
    const body = {
      id: "r",
      object: "response",
      status: "failed",
      error: { code: "server_error" },
      output: [],
    };
    pod.faultNext({ path: PATH, body });
    const answer = await one.call(PATH, { json: { input: "x" } });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(answer.json(), body);
  });

  it("that is none is a bad gateway, and an error of the pod is the pod's", async () => {
    pod.faultNext({ path: PATH, body: { choices: [] } });
    assert.equal((await one.call(PATH, { json: { input: "x" } })).status, 502);
    const answer = await one.call(PATH, { json: { input: 7 } });
    assert.equal(answer.status, 400, answer.text);
    assert.equal(answer.json<{ error: { param: string } }>().error.param, "input");
  });
});

describe("a stream of a response that fails", () => {
  it("ends in an error event of that API, with the common error in it, numbered after the last", async () => {
    for (const fault of [{ cut_after_bytes: 1_500 }, { end_after_bytes: 1_500 }, { no_done: true }]) {
      const events = await streamed("count to 50", fault);
      const last = events.at(-1);
      assert.equal(last?.name, "error", JSON.stringify(fault));
      assert.equal(last.data.type, "error");
      assert.equal(last.data.code, "bad_gateway");
      assert.deepEqual(last.data.error?.type, "upstream_error");
      assert.equal(last.data.sequence_number, (events.at(-2)?.data.sequence_number ?? 0) + 1);
    }
  });

  it("ends with the pod's own error event, and nothing after it", async () => {
    const events = await streamed("count to 50", { error_mid_stream: 2 });
    assert.equal(events.at(-1)?.data.code, "pod_fault");
    assert.equal(events.filter(({ name }) => name === "error").length, 1);
  });

  it("ends in time", async () => {
    const events = await streamed("count to 50", { stall_after_chunks: 2 }, { timeout_seconds: 1 });
    assert.equal(events.at(-1)?.data.error?.code, "timeout");
  });

  it("is heard of by comments while the pod is silent", { timeout: 60_000 }, async () => {
    const json = { input: "x", stream: true, metadata: { pod: { stall_before_headers_ms: 11_000 } } };
    const answer = await one.call(PATH, { json });
    assert.ok(answer.text.startsWith(": ka\nevent: response.created\n"), answer.text.slice(0, 80));
    assert.match(answer.text, /event: response\.completed/);
  });
});

// `legacy_403`: the request limit answers 403 on /v1/chat, as the older document has it, and 429 everywhere else.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type Answer, type RunningWorker, startWorker, together } from "../harness/index.ts";
import { tenant } from "../harness/tenant.ts";

const ASK = { messages: [{ role: "user", content: "hello" }] };

describe("legacy_403", () => {
  let worker: RunningWorker;
  let pod: Pod;
  before(async () => {
    [worker, pod] = await together([startWorker(), startPod()]);
  });
  after(async () => {
    await worker?.stop();
    await pod?.close();
  });

  function limited(answer: Answer, status: number): void {
    assert.equal(answer.status, status, answer.text);
    const { code, type } = answer.json<{ error: { code: string; type: string } }>().error;
    assert.deepEqual([code, type], ["rate_limited", "rate_limit_error"]);
    assert.equal(answer.header("x-should-retry"), "true");
    const ms = Number(answer.header("retry-after-ms"));
    assert.ok(ms > 0 && ms <= 59_000, String(ms));
    assert.equal(answer.header("retry-after"), String(Math.ceil(ms / 1000)));
    assert.equal(answer.header("x-ratelimit-remaining-requests"), "0");
  }

  it("is for /v1/chat alone, binds the next call, and goes again", async () => {
    const one = await tenant(worker, pod, { limits: { rpm: 1 }, legacy_403: true });
    assert.equal((await one.shown()).legacy_403, true);
    assert.equal((await one.chat(ASK)).status, 200);
    for (const stream of [false, true]) {
      limited(await one.chat({ ...ASK, stream }), 403);
      limited(await one.completions({ ...ASK, stream }), 429);
    }
    limited(await one.call("/v1/tools", { json: { prompt: "hi", tools: ["crm_query"] } }), 429);
    assert.equal((await one.change({ legacy_403: false })).legacy_403, false);
    limited(await one.chat(ASK), 429);
  });
});

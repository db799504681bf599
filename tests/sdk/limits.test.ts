// What the SDKs make of the request limit: they wait as long as they are told, and no longer. By itself, for it takes the
// minute of the limit.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker, together, until } from "../harness/index.ts";
import { startCheckedProxy } from "../harness/openapi.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";
import type { Call, Case } from "./case.ts";
import { expectOutcome, SDKS } from "./sdks.ts";

const CALL: Call = { kind: "chat", body: { messages: [{ role: "user", content: "Analyze Q4 sales" }] } };
const REFUSED: Case = {
  name: "rate limited, whenever it is tried",
  agent: "running",
  call: CALL,
  attempts: 3,
  wanted: {
    ok: false,
    error: { class: "RateLimitError", status: 429, code: "rate_limited", type: "rate_limit_error" },
  },
};
const SERVED: Case = {
  name: "rate limited at first",
  agent: "running",
  call: CALL,
  attempts: 2,
  wanted: { ok: true, content: "You said: Analyze Q4 sales", finish: "stop" },
};

/** Milliseconds between the calls that use up the limit: what a call waits when one of them leaves the minute. */
const APART_MS = 6_000;

let worker: RunningWorker;
let pod: Pod;
before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

/** An agent that takes three calls a minute, which it has had, each some seconds after the other. */
async function exhausted(): Promise<Tenant> {
  const one = await tenant(worker, pod, { limits: { rpm: 3 } });
  let last = 0;
  for (let n = 0; n < 3; n += 1) {
    await until("the next call's time", () => performance.now() - last > APART_MS);
    assert.equal((await one.completions(CALL.body)).status, 200);
    last = performance.now();
  }
  await until("a permit to be near", async () => (await one.status()).requests.next_ms < 4_000, 60_000);
  return one;
}

describe("an agent whose requests are used up", { concurrency: true, timeout: 180_000 }, () => {
  for (const sdk of SDKS) {
    it(`to ${sdk.language} ${sdk.version}`, async () => {
      const [{ run, end }, proxy, one] = await Promise.all([
        sdk.begin(),
        startCheckedProxy(worker.url),
        exhausted(),
      ]);
      try {
        const call = () => run(`${proxy.url}${one.path}/v1`, one.key, CALL, "demo-small");
        // Each time that the SDK comes back, there is a permit less.
        const refused = call();
        for (const [answers, rpm] of [
          [1, 2],
          [2, 1],
        ] as const) {
          await until(`answer ${answers}`, () => proxy.answers === answers);
          await one.change({ limits: { rpm } });
        }
        expectOutcome(sdk, REFUSED, await refused);
        assert.equal(proxy.answers, REFUSED.attempts, "attempts");
        const began = performance.now();
        const { next_ms } = (await one.status()).requests;
        expectOutcome(sdk, SERVED, await call());
        const took = performance.now() - began;
        assert.equal(proxy.answers - REFUSED.attempts, SERVED.attempts, "attempts");
        assert.ok(took < next_ms + 3_000, `${took} ms where ${next_ms} would have been enough`);
      } finally {
        await end();
        await proxy.close();
      }
    });
  }
});

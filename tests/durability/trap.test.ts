// A trap in one object takes the WebAssembly instance along, and with it every object of the isolate: what they had stored
// is there afterwards, and the next call finds everybody at work again (architecture rule 14).

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import {
  builtWorker,
  ROOT,
  type RunningWorkerd,
  startRawWorkerd,
  together,
  until,
} from "../harness/index.ts";
import { tenant } from "../harness/tenant.ts";

const CHAT = "/v1/chat/completions";
const ASK = { messages: [{ role: "user", content: "hello" }] };
/** A lease outlives its run's time, here five seconds, by 30 s. */
const LEASE_MS = 35_000;

let worker: RunningWorkerd;
let pod: Pod;
let slow: Pod;

before(async () => {
  const built = builtWorker();
  const module = (name: string) => ({
    name,
    path: join(ROOT, "tests/fixtures/trapping", name),
    type: "esModule" as const,
  });
  [worker, pod, slow] = await together([
    startRawWorkerd({ ...built, modules: [module("worker.js"), module("memory.js"), ...built.modules] }),
    startPod(),
    startPod({ defaults: { chunk_delay_ms: 50, chunks: 10_000 } }),
  ]);
});
after(async () => {
  await worker?.stop();
  await Promise.all([pod?.close(), slow?.close()]);
});

describe("a trap in one object", { timeout: 120_000 }, () => {
  it("costs nobody what was stored: calls, leases, limits and keys go on", async () => {
    const one = await tenant(worker, pod, { limits: { rpm: 100 } });
    const limits = { max_timeout_seconds: 5, concurrency: 1_000, rpm: 1_000 };
    const other = await tenant(worker, slow, { timeout_seconds: 5, limits });
    for (let n = 0; n < 10; n += 1) {
      assert.equal((await one.completions(ASK)).status, 200);
    }
    const held = await other.open(CHAT, { json: { ...ASK, stream: true, max_tokens: 100 } });
    assert.equal(held.status, 200);
    await until("all calls to be settled", async () => (await one.status()).in_flight === 0);
    assert.equal((await other.status()).in_flight, 1);

    assert.equal((await fetch(new URL(`/trap/ep:${one.id}`, worker.url))).status, 200);
    const trapped = await one.call(CHAT, { json: ASK });
    assert.equal(trapped.status, 500, trapped.text);
    await until("the trap to be told", () => worker.printed.some((line) => line.includes("Critical")));

    // All that were stored are there, in this object and in the others.
    const { usage, requests } = await one.status();
    assert.equal(usage.requests, 10);
    assert.ok(requests.remaining <= 90, `${requests.remaining} left of 100`);
    assert.equal((await one.completions(ASK)).status, 200);
    assert.equal((await other.status()).in_flight, 1, "the lease is lost");
    // The stream's rules are gone: it ends by its last resort, and its lease is charged in full.
    let text = "";
    try {
      for await (const chunk of held.chunks) {
        text += chunk.toString();
      }
    } catch {
      // Or it was cut with its instance.
    }
    assert.ok(!text.includes("[DONE]"), "a stream that was cut says that it is done");
    const status = await until(
      "the lease to end",
      async () => {
        const now = await other.status();
        return now.in_flight === 0 ? now : null;
      },
      LEASE_MS + 15_000,
    );
    assert.equal(status.usage.requests, 1);
    assert.ok(status.usage.by_source.estimated >= 100, JSON.stringify(status.usage));
  });
});

// Runs at once (agent-endpoints §5): who finds no slot waits, fair per key, not for ever and not after leaving.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import {
  builtWorker,
  ROOT,
  type RunningWorkerd,
  startRawWorkerd,
  together,
  until,
} from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";

const CHAT = "/v1/chat/completions";
const say = (content: string, pod?: object) => ({
  messages: [{ role: "user", content }],
  ...(pod && { metadata: { pod } }),
});

let worker: RunningWorkerd;
let pod: Pod;

before(async () => {
  const built = builtWorker();
  const entry = {
    name: "leaving.js",
    path: join(ROOT, "tests/fixtures/leaving/worker.js"),
    type: "esModule" as const,
  };
  [worker, pod] = await together([
    startRawWorkerd({ ...built, modules: [entry, ...built.modules] }),
    startPod(),
  ]);
});
beforeEach(() => pod.clear());
after(async () => {
  await worker?.stop();
  await pod?.close();
});

/** What the pod was asked, in order. */
const asked = () =>
  pod.requests
    .filter(({ path }) => path === CHAT)
    .map(({ json }) => (json as { messages: { content: string }[] }).messages.at(-1)?.content);

/** A stream that holds a slot until its caller leaves, which its next chunk finds out. */
async function hold(one: Tenant) {
  const json = { ...say("hold", { chunks: 10_000, chunk_delay_ms: 20 }), stream: true };
  const held = await one.open(CHAT, { json });
  assert.equal(held.status, 200);
  return held;
}

describe("runs at once", () => {
  it("are as many as the agent takes, and all that wait are served", async () => {
    const one = await tenant(worker, pod, { limits: { concurrency: 3 } });
    let most = 0;
    const running = () =>
      pod.requests.filter(
        ({ path, finished_at, aborted_at }) => path === CHAT && finished_at === null && aborted_at === null,
      ).length;
    const watch = setInterval(() => {
      most = Math.max(most, running());
    }, 2);
    try {
      const calls = Array.from({ length: 30 }, (_, n) =>
        one.completions(say(`call ${n}`, { stall_before_headers_ms: 30 })),
      );
      const statuses = (await Promise.all(calls)).map(({ status }) => status);
      assert.deepEqual(new Set(statuses), new Set([200]));
    } finally {
      clearInterval(watch);
    }
    assert.ok(most >= 2 && most <= 3, `${most} at once`);
    assert.equal(asked().length, 30);
  });

  it("go to keys in turn, however many calls one of them sends", async () => {
    const one = await tenant(worker, pod, { limits: { concurrency: 1 } });
    const other = (await one.newKey()).key;
    const held = await hold(one);
    const waiting: Promise<unknown>[] = [];
    const wait = async (content: string, key: string, place: number) => {
      waiting.push(one.completions(say(content), { key }));
      // The pod is not asked, and status does not show who waits: time is all there is to tell the order by.
      await until(`${content} to wait`, async () => (await one.queued()) === place);
    };
    await wait("first 1", one.key, 1);
    await wait("first 2", one.key, 2);
    await wait("first 3", one.key, 3);
    await wait("second 1", other, 4);
    held.leave();
    await Promise.all(waiting);
    assert.deepEqual(asked(), ["hold", "first 1", "second 1", "first 2", "first 3"]);
  });

  it("end the wait of a call after ten seconds with 503 and when to come again", async () => {
    const one = await tenant(worker, pod, { limits: { concurrency: 1 } });
    const held = await hold(one);
    const begun = performance.now();
    const late = one.completions(say("late"));
    const brief = await one.completions({ ...say("brief"), timeout_seconds: 1 });
    assert.equal(brief.status, 503, brief.text);
    assert.ok(performance.now() - begun < 8_000);
    const answer = await late;
    const took = performance.now() - begun;
    assert.equal(answer.status, 503, answer.text);
    assert.equal(answer.json<{ error: { code: string } }>().error.code, "agent_busy");
    assert.equal(answer.header("x-should-retry"), "true");
    assert.ok(took >= 9_500 && took < 20_000, `${took} ms`);
    held.leave();
    assert.deepEqual(asked(), ["hold"]);
  });

  it("are refused at once where the queue is full or there is none", async () => {
    const one = await tenant(worker, pod, { limits: { concurrency: 1, queue: 0 } });
    const held = await hold(one);
    const answer = await one.completions(say("no"));
    assert.equal(answer.status, 503, answer.text);
    held.leave();
    await until("the slot", async () => (await one.completions(say("yes"))).status === 200);
  });

  it("are not kept for a caller that left the queue", async () => {
    const one = await tenant(worker, pod, { limits: { concurrency: 1 } });
    const held = await hold(one);
    const leaving = one.completions(say("gone"), { headers: { "x-leave-after": "500" } });
    await until("a call to wait", async () => (await one.queued()) === 1);
    // Long before its wait would have ended.
    await until("nobody to wait", async () => (await one.queued()) === 0, 4_000);
    assert.equal((await leaving).status, 503);
    held.leave();
    assert.equal((await one.completions(say("after"))).status, 200);
    assert.deepEqual(asked(), ["hold", "after"]);
    await until("all slots to be free", async () => (await one.status()).in_flight === 0);
  });
});

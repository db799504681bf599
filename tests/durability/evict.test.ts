// Objects that the platform drops from memory, between calls and under them: callers notice nothing, and nothing is
// counted twice or forgotten.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker, together, until } from "../harness/index.ts";
import { control, type Tenant, tenant, uniqueName } from "../harness/tenant.ts";
import { Calls } from "./calls.ts";

const LOOPS = 4;
const EVICTIONS = 25;
/** Above what an object without work takes to go, and below what is left of any wait by then. */
const LEFT_BEHIND_MS = 5_000;

describe("eviction", () => {
  let worker: RunningWorker;
  let pod: Pod;
  before(async () => {
    [worker, pod] = await together([startWorker(), startPod()]);
  });
  after(async () => {
    await worker?.stop();
    await pod?.close();
  });

  /** An object that does not run is as good as evicted. */
  const evict = (className: string, name: string) =>
    worker
      .evict(className, name)
      .catch((error: Error) => assert.match(error.message, /not currently running/));
  const evictAll = async (t: Tenant) => {
    await evict("Agent", `ep:${t.id}`);
    await evict("Account", `acct:${t.account}`);
    await evict("Account", "accounts");
  };
  const settled = (t: Tenant, requests: number) =>
    until("all calls to be settled", async () => {
      const { usage, in_flight } = await t.status();
      assert.ok(usage.requests <= requests, `${usage.requests} of ${requests} are counted`);
      return usage.requests === requests && in_flight === 0;
    });

  it("between calls changes nothing of what is shown", async () => {
    const t = await tenant(worker, pod, {
      alias: uniqueName("evicted"),
      originHeaders: { "x-pod": "secret" },
    });
    const second = await t.newKey();
    await t.revoke(second.id);
    await t.completions({ messages: [{ role: "user", content: "hi" }] });
    await settled(t, 1);
    const paths = [
      `/agents/${t.id}`,
      `/agents/${t.agent.alias}`,
      `/agents?account=${t.account}`,
      `/agents/${t.id}/keys`,
      `/keys?account=${t.account}`,
      `/accounts/${t.account}/tokens`,
      "/accounts",
    ];
    const shown = () => Promise.all(paths.map(async (path) => (await control(worker, path)).json()));
    const status = async () => {
      // What is left of the request limit goes on with time, and a drop in the midst of a burst may cost some of it.
      const { requests: _, availability: __, ...rest } = await t.status();
      return rest;
    };
    // The last use of a key is told to the minute, and to look is to use it.
    await until("a minute with time left", () => new Date().getSeconds() < 45);
    const before = [await status(), await shown()];
    await evictAll(t);
    assert.deepEqual([await status(), await shown()], before);
    assert.equal((await t.completions({ messages: [] }, { key: second.key })).status, 401);
    pod.clear();
    const answer = await t.completions({ messages: [{ role: "user", content: "hi" }] });
    assert.equal(answer.status, 200);
    assert.equal(pod.requests.at(-1)?.headers["x-pod"], "secret", "the sealed header did not come back");
  });

  it("right after a call keeps its lease and its settlement", async () => {
    const t = await tenant(worker, pod);
    const calls = new Calls(t);
    for (let n = 0; n < 10; n += 1) {
      assert.ok(await calls.once(n % 2 === 0));
      await evict("Agent", `ep:${t.id}`);
    }
    await settled(t, 10);
  });

  it("under a stream lets it go on, and it is counted once", async () => {
    const slow = await startPod({ defaults: { chunk_delay_ms: 10, chunks: 60 } });
    try {
      const t = await tenant(worker, slow);
      const stream = await t.fetch("/v1/chat/completions", {
        method: "POST",
        body: JSON.stringify({ messages: [{ role: "user", content: "hi" }], stream: true }),
      });
      await until("the stream at the pod", () => slow.requests.some(({ path }) => path.includes("chat")));
      await evictAll(t);
      assert.equal((await t.status()).in_flight, 1, "the lease was not stored");
      await evictAll(t);
      assert.match(await stream.text(), /data: \[DONE\]\s*$/);
      await settled(t, 1);
    } finally {
      await slow.close();
    }
  });

  // What an object waits for keeps it in memory: the question about a run that lives long, and a call's turn.
  it("waits for nothing that calls have left behind", async () => {
    const slow = await startPod({ defaults: { chunk_delay_ms: 100, chunks: 10 } });
    try {
      const t = await tenant(worker, slow, { limits: { concurrency: 1 } });
      const body = JSON.stringify({ messages: [{ role: "user", content: "hi" }], stream: true });
      const call = async () => await (await t.fetch("/v1/chat/completions", { method: "POST", body })).text();
      for (const [calls, counted] of [
        [1, 1],
        [2, 3],
      ] as const) {
        await Promise.all(Array.from({ length: calls }, call));
        await settled(t, counted);
        const since = performance.now();
        await evict("Agent", `ep:${t.id}`);
        const waited = performance.now() - since;
        assert.ok(waited < LEFT_BEHIND_MS, `${calls}: the object stayed for ${Math.round(waited)} ms`);
      }
    } finally {
      await slow.close();
    }
  });

  // The platform drops an object while it has nothing to do; here it is dropped in the midst of its work, as by a
  // deploy. What it had only in memory then is the lease of a call that was admitted within the same turn.
  it("under load fails no call, counts none twice, and every later one", async () => {
    const t = await tenant(worker, pod);
    const calls = new Calls(t);
    calls.begin(LOOPS);
    try {
      for (let n = 0; n < EVICTIONS; n += 1) {
        const { acknowledged } = calls;
        await until("calls between evictions", () => calls.acknowledged > acknowledged + 2 * LOOPS);
        await evict("Agent", `ep:${t.id}`);
      }
    } finally {
      await calls.end();
    }
    assert.deepEqual(calls.refused, []);
    assert.equal(calls.cut, 0, "a call had no whole answer");
    assert.equal(calls.acknowledged, calls.sent, "a call failed");
    const counted = await until("settlements to arrive", async () => {
      const before = await t.status();
      const after = await t.status();
      return before.usage.requests === after.usage.requests && after;
    });
    const held = counted.usage.requests + counted.in_flight;
    assert.ok(held <= calls.sent, `${held} of ${calls.sent} calls are counted`);
    assert.ok(held >= calls.sent - LOOPS * EVICTIONS, `${held} of ${calls.sent} calls are counted`);
    const later = new Calls(t);
    for (let n = 0; n < 20; n += 1) {
      assert.ok(await later.once(n % 2 === 0));
    }
    await until("the later calls to be settled", async () => {
      const { usage } = await t.status();
      assert.ok(usage.requests <= counted.usage.requests + 20);
      return usage.requests === counted.usage.requests + 20;
    });
  });

  it("under control calls fails none", async () => {
    const t = await tenant(worker, pod);
    let over = false;
    const evicting = (async () => {
      while (!over) {
        await evictAll(t);
      }
    })();
    try {
      for (let n = 0; n < 15; n += 1) {
        const json = { account: t.account, name: uniqueName("agent"), alias: uniqueName("alias") };
        const made = await control(worker, "/agents", { json });
        assert.equal(made.status, 201, made.text);
        assert.equal((await control(worker, "/agents", { json })).status, 200);
        assert.equal((await control(worker, `/agents/${t.id}/keys`, { json: { name: "key" } })).status, 201);
      }
    } finally {
      over = true;
      await evicting;
    }
    const keys = await control(worker, `/agents/${t.id}/keys?limit=200`);
    assert.equal(keys.json<{ data: unknown[] }>().data.length, 16);
  });
});

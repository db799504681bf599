// A start without calls: probes in the background, the deadline, and what outlives the object and the process.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker, together, until } from "../harness/index.ts";
import { control, type Tenant, tenant } from "../harness/tenant.ts";
import { startRawWorkerd } from "../harness/workerd.ts";
import { watch } from "../observe/watcher.ts";

const ASK = { messages: [{ role: "user", content: "hello" }] };
/** Probes that fail come ever more seldom, every 15 s in the end. */
const PATIENCE_MS = 45_000;
const NOT_READY = { status: 503, path: "/v1/models" };

async function begin(one: Tenant): Promise<void> {
  const started = await control(one.served, `/agents/${one.id}/start`, { method: "POST" });
  assert.equal(started.json<{ state: string }>().state, "initializing", started.text);
}

function probes(pod: Pod): number {
  return pod.requests.filter(({ path }) => path === "/v1/models").length;
}

/** Waits at the control API alone: no call comes that could bring a probe about. */
function comesTo(one: Tenant, state: string): Promise<unknown> {
  const there = async () => (await one.shown()).state === state;
  return until(`the agent to be ${state}`, there, PATIENCE_MS);
}

describe("a start", () => {
  let worker: RunningWorker;
  let pod: Pod;
  before(async () => {
    [worker, pod] = await together([startWorker(), startPod()]);
  });
  after(async () => {
    await worker?.stop();
    await pod?.close();
  });

  /** An agent with a pod of its own that is not ready. */
  async function slow(overrides: Record<string, unknown>, use: (one: Tenant, own: Pod) => Promise<void>) {
    const own = await startPod();
    own.setFault(NOT_READY);
    try {
      await use(await tenant(worker, own, { start: false, ...overrides }), own);
    } finally {
      await own.close();
    }
  }

  it("comes to running by itself once the pod is ready, and then leaves the pod alone", async () => {
    await slow({}, async (one, own) => {
      await begin(one);
      await until("probes in the background", () => probes(own) >= 3);
      assert.match((await one.shown()).reason ?? "", /503/);
      own.setFault(null);
      await comesTo(one, "running");
      assert.equal((await one.shown()).reason, null);
      const seen = probes(own);
      await worker.evict("Agent", `ep:${one.id}`);
      assert.equal((await one.shown()).state, "running");
      assert.equal(probes(own), seen);
      assert.equal((await one.completions(ASK)).status, 200);
    });
  });

  it("that finds no pod in time is failed, tells of it, and is left by start and by restart", async () => {
    await slow({ start_deadline_seconds: 1 }, async (one, own) => {
      const watcher = await watch(worker.url, { account: one.account });
      for (const verb of ["start", "restart"]) {
        await control(worker, `/agents/${one.id}/${verb}`, { method: "POST" });
        const told = await watcher.saw(`the end after ${verb}`, ({ data }) => data.state === "failed");
        assert.match(String(told.data.reason), /^its pod was not ready within 1 s: .*503/);
        watcher.events.length = 0;
        const shown = await one.shown();
        assert.deepEqual([shown.state, shown.reason], ["failed", told.data.reason]);
      }
      const seen = probes(own);
      own.setFault(null);
      assert.equal((await one.restart()).state, "running");
      assert.equal(probes(own), seen + 1);
      watcher.close();
    });
  });

  it("goes on in an instance that comes after, whatever became of the one before", async () => {
    await slow({}, async (one, own) => {
      await begin(one);
      for (let n = 0; n < 2; n += 1) {
        const seen = probes(own);
        await worker.evict("Agent", `ep:${one.id}`);
        await until("a probe of the next instance", () => probes(own) > seen, PATIENCE_MS);
      }
      own.setFault(null);
      await comesTo(one, "running");
    });
  });

  it("says how long it will take by how long it took", async () => {
    await slow({}, async (one, own) => {
      await begin(one);
      assert.equal((await one.chat(ASK)).json<{ retry_after: number }>().retry_after, 5);
      own.setFault(null);
      await comesTo(one, "running");
      own.setFault(NOT_READY);
      await one.restart();
      const wait = (await one.chat(ASK)).json<{ retry_after: number }>().retry_after;
      assert.ok(wait >= 1 && wait <= 59, String(wait));
      const openai = await one.completions(ASK);
      assert.equal(
        openai.header("retry-after"),
        String(Math.ceil(Number(openai.header("retry-after-ms")) / 1000)),
      );
    });
  });

  it("takes the pod's word at the address that is set now", async () => {
    await slow({}, async (one, own) => {
      await begin(one);
      const other = await startPod();
      try {
        await one.change({ origin: { type: "http", url: other.url } });
        await comesTo(one, "running");
        assert.ok(probes(other) >= 1);
        const seen = probes(own);
        assert.equal((await one.completions(ASK)).status, 200);
        assert.equal(probes(own), seen);
      } finally {
        await other.close();
      }
    });
  });

  it("is nothing that a stranger can ask the Worker for", async () => {
    const host = "objects.moltghost.invalid";
    const body = JSON.stringify({ v: 1, ask: { probe: { url: pod.url, headers: "", timeout_ms: 1000 } } });
    const seen = pod.requests.length;
    const minute = Math.floor(Date.now() / 60_000);
    for (const signature of [null, "", "1.1.1", `1.${minute}.${"0".repeat(64)}`]) {
      const headers = { host, ...(signature === null ? {} : { "x-moltghost-object": signature }) };
      const answer = await worker.ask("/", { method: "POST", headers, body });
      assert.equal(answer.status, 421, answer.text);
      assert.equal(answer.json<{ error: { code: string } }>().error.code, "misdirected_request");
    }
    assert.equal(pod.requests.length, seen);
  });
});

describe("a start on workerd alone", () => {
  it("comes to running by itself, over a power cut", async () => {
    const pod = await startPod();
    pod.setFault(NOT_READY);
    let workerd = await startRawWorkerd();
    const { persist, port } = workerd;
    try {
      const one = await tenant(workerd, pod, { start: false });
      await begin(one);
      await until("a probe in the background", () => probes(pod) >= 2);
      await workerd.kill9();
      const seen = probes(pod);
      workerd = await startRawWorkerd(undefined, { persist, port });
      // workerd runs the alarms of objects once somebody has asked for them.
      assert.equal((await one.shown()).state, "initializing");
      await until("a probe after the power cut", () => probes(pod) > seen, PATIENCE_MS);
      pod.setFault(null);
      await comesTo(one, "running");
    } finally {
      await workerd.stop();
      await pod.close();
    }
  });
});

// Runs that are ended before their time (agent-endpoints §3, §4): the key was revoked or has ended, the agent was
// paused at once or terminated. A stream ends within a second with an error event, a plain call with an error.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { builtWorker, type RunningWorkerd, startRawWorkerd, together, until } from "../harness/index.ts";
import { control, type Tenant, tenant } from "../harness/tenant.ts";

const CHAT = "/v1/chat/completions";
const LONG = { chunks: 3_000, chunk_delay_ms: 20 };

let worker: RunningWorkerd;
let pod: Pod;

before(async () => {
  [worker, pod] = await together([startRawWorkerd(builtWorker()), startPod()]);
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

const ask = (name: string, stream: boolean, fault: object) => ({
  messages: [{ role: "user", content: name }],
  stream,
  metadata: { pod: fault },
});
const of = (name: string) => pod.requests.find(({ path, text }) => path === CHAT && text.includes(name));

/** Ends the runs of a tenant, a stream and a plain call, and tells what they ended with and how long that took. */
async function ended(t: Tenant, name: string, key: string, end: () => Promise<unknown>) {
  const stream = await t.fetch(CHAT, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify(ask(`${name} stream`, true, LONG)),
  });
  const plain = t.completions(ask(`${name} plain`, false, { stall_before_headers_ms: 60_000 }), { key });
  await until("both at the pod", () => of(`${name} stream`) && of(`${name} plain`));
  const text = stream.text();
  const begun = performance.now();
  await end();
  const answered = performance.now();
  const took = async (what: Promise<unknown>) => {
    await what;
    return performance.now() - answered;
  };
  const times = await Promise.all([took(text), took(plain)]);
  const events = (await text).trim().split("\n\n");
  const last = JSON.parse(events.at(-1)?.replace(/^data: /, "") ?? "") as { error: { code: string } };
  assert.ok(events.length > 2, "the stream had begun");
  for (const time of times) {
    assert.ok(time < 1_000, `${time} ms after the answer, ${time + answered - begun} ms after the question`);
  }
  await until("the pod to be told", () => of(`${name} stream`)?.aborted_at !== null);
  await until("the pod to be told", () => of(`${name} plain`)?.aborted_at !== null);
  return { stream: last.error.code, plain: await plain };
}

const code = (answer: { json<T>(): T }) => answer.json<{ error: { code: string } }>().error.code;

describe("runs in flight", { concurrency: true }, () => {
  it("end when their key is revoked, and those of other keys go on", async () => {
    const t = await tenant(worker, pod);
    const other = t.fetch(CHAT, {
      method: "POST",
      body: JSON.stringify(ask("other", true, { chunks: 100, chunk_delay_ms: 20 })),
    });
    const { id, key } = await t.newKey();
    const { stream, plain } = await ended(t, "revoked", key, () => t.revoke(id));
    assert.deepEqual([stream, plain.status, code(plain)], ["invalid_api_key", 401, "invalid_api_key"]);
    assert.match(await (await other).text(), /data: \[DONE\]\s*$/);
    await until("the slots to be free", async () => (await t.status()).in_flight === 0);
  });

  it("end when their key ends", async () => {
    const t = await tenant(worker, pod);
    const end = Date.now() + 4_000;
    const { key } = await t.newKey(undefined, { expires_at: new Date(end).toISOString() });
    const passed = () => until("the key to end", () => Date.now() >= end);
    const { stream, plain } = await ended(t, "expired", key, passed);
    assert.deepEqual([stream, plain.status], ["invalid_api_key", 401]);
    assert.equal((await t.completions(ask("late", false, {}), { key })).status, 401);
  });

  it("end when their agent is paused at once, and not when it is paused", async () => {
    const t = await tenant(worker, pod);
    const quiet = t.fetch(CHAT, {
      method: "POST",
      body: JSON.stringify(ask("quiet", true, { chunks: 60, chunk_delay_ms: 20 })),
    });
    await until("the stream at the pod", () => of("quiet"));
    await t.pause();
    assert.match(await (await quiet).text(), /data: \[DONE\]\s*$/);
    await t.start();
    const now = async () => {
      const answer = await control(worker, `/agents/${t.id}/pause`, { json: { now: true } });
      assert.equal(answer.status, 200, answer.text);
    };
    const { stream, plain } = await ended(t, "paused", t.key, now);
    assert.deepEqual([stream, plain.status, code(plain)], ["agent_paused", 503, "agent_paused"]);
    await t.start();
    assert.equal((await t.completions(ask("again", false, {}))).status, 200);
  });

  it("end when their agent is terminated", async () => {
    const t = await tenant(worker, pod);
    const { stream, plain } = await ended(t, "terminated", t.key, () => t.terminate());
    assert.deepEqual([stream, plain.status, code(plain)], ["agent_terminated", 410, "agent_terminated"]);
  });
});

// `early_headers`: plain answers that begin with white space once they take long, so that proxies wait and the caller's
// leaving shows. Each case waits for more than twenty seconds; all wait at once.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Fault, type Pod, startPod } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker, together, until } from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";

const CHAT = "/v1/chat/completions";
/** The head and a byte at once, the rest later. */
const SLOW: Fault = { split: [1], split_delay_ms: 21_500, chunked: true };

let worker: RunningWorker;
let pod: Pod;
let early: Tenant;
let usual: Tenant;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
  early = await tenant(worker, pod, { early_headers: true });
  usual = await tenant(worker, pod);
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

interface Timed {
  status: number;
  /** Milliseconds until the head came. */
  head: number;
  text: string;
}

async function timed(agent: Tenant, path: string, fault: Fault, content = "hello"): Promise<Timed> {
  const began = performance.now();
  const json = { messages: [{ role: "user", content }], metadata: { pod: fault } };
  const answer = await agent.open(path, { json });
  const head = performance.now() - began;
  const pieces: Buffer[] = [];
  for await (const piece of answer.chunks) {
    pieces.push(piece);
  }
  return { status: answer.status, head, text: Buffer.concat(pieces).toString() };
}

describe("a plain answer that takes long", { concurrency: true, timeout: 90_000 }, () => {
  it("begins with white space where the owner wants that, and is the same answer", async () => {
    const answers = await Promise.all([CHAT, "/v1/chat"].map((path) => timed(early, path, SLOW)));
    for (const { status, head, text } of answers) {
      assert.equal(status, 200, text);
      assert.ok(head > 19_000 && head < 21_400, `the head came after ${head} ms`);
      assert.match(text, /^\n+\{/);
      assert.equal((JSON.parse(text) as { object: string }).object, "chat.completion");
    }
  });

  it("tells a failure in its body", async () => {
    const { status, text } = await timed(early, CHAT, { ...SLOW, cut_after_bytes: 100 });
    assert.equal(status, 200);
    assert.match(text, /^\n/);
    const { error } = JSON.parse(text) as { error: { code: string } };
    assert.equal(error.code, "bad_gateway");
  });

  it("shows that its caller has left", async () => {
    const marked = {
      messages: [{ role: "user", content: "leaver" }],
      metadata: { pod: { stall_after_bytes: 1, chunked: true } },
    };
    const answer = await early.open(CHAT, { json: marked });
    for await (const piece of answer.chunks) {
      assert.equal(piece.toString(), "\n");
      break;
    }
    answer.leave();
    const left = performance.now();
    await pod.waitFor((record) => record.text.includes("leaver") && record.aborted_at !== null, 15_000);
    // Nothing is written into the silence but white space, every ten seconds: that is when it shows.
    assert.ok(performance.now() - left < 12_000);
  });

  it("does not begin while nothing shows that the pod has taken the run", async () => {
    const { status, head, text } = await timed(early, CHAT, { stall_before_headers_ms: 21_500 });
    assert.equal(status, 200);
    assert.ok(head > 21_400, `the head came after ${head} ms`);
    assert.match(text, /^\{/);
  });

  it("begins with the answer where the owner has not asked for more", async () => {
    const { head, text } = await timed(usual, CHAT, SLOW);
    assert.ok(head > 21_400, `the head came after ${head} ms`);
    assert.match(text, /^\{/);
  });
});

describe("a plain answer that does not take long", () => {
  it("is the same with it and without", async () => {
    const json = { messages: [{ role: "user", content: "unicode" }] };
    const answers = await Promise.all([early, usual].map((agent) => agent.completions(json)));
    assert.deepEqual(answers[0]?.bytes, answers[1]?.bytes);
    const refused = await early.completions({ ...json, metadata: { pod: { status: 422 } } });
    assert.equal(refused.status, 422);
    const html = await early.completions({ ...json, metadata: { pod: { html: true } } });
    assert.equal(html.status, 502);
  });

  it("leaves no run in flight", async () => {
    await until("every run to be settled", async () => (await early.status()).in_flight === 0);
  });
});

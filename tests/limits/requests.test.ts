// The request limit (agent-endpoints §5): exactly as many calls reach the pod as the limit says, whoever comes at once,
// and every answer that follows a key says what is left.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import {
  type Answer,
  builtWorker,
  type RunningWorkerd,
  startRawWorkerd,
  together,
} from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";

const CHAT = "/v1/chat/completions";
const ASK = { messages: [{ role: "user", content: "hello" }] };
const HEADERS = [
  "x-ratelimit-limit-requests",
  "x-ratelimit-remaining-requests",
  "x-ratelimit-reset-requests",
  "ratelimit-policy",
  "ratelimit",
];

let worker: RunningWorkerd;
let pod: Pod;

before(async () => {
  [worker, pod] = await together([startRawWorkerd(builtWorker()), startPod()]);
});
beforeEach(() => pod.clear());
after(async () => {
  await worker?.stop();
  await pod?.close();
});

const reached = () => pod.requests.filter(({ path }) => path === CHAT).length;
const remaining = (answer: Answer) => Number(answer.header("x-ratelimit-remaining-requests"));

/** A key of its own limit. */
async function limited(one: Tenant, rpm: number): Promise<string> {
  return (await one.newKey(undefined, { limits: { rpm } })).key;
}

describe("the request limit", () => {
  it("lets exactly 100 of 2,000 calls at once through to the pod", async () => {
    const one = await tenant(worker, pod);
    const key = await limited(one, 100);
    const answers = await Promise.all(Array.from({ length: 2_000 }, () => one.completions(ASK, { key })));
    const passed = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => status === 429);
    assert.deepEqual([passed.length, refused.length], [100, 1_900]);
    assert.equal(reached(), 100);
    for (const answer of refused) {
      assert.equal(answer.json<{ error: { code: string } }>().error.code, "rate_limited");
      assert.equal(answer.header("x-should-retry"), "true");
      const wait = Number(answer.header("retry-after-ms"));
      assert.ok(wait >= 1 && wait <= 59_000, String(wait));
    }
  });

  it("is 100 for a key unless somebody set another, and keys do not share it", async () => {
    const one = await tenant(worker, pod, { limits: { rpm: null } });
    assert.equal((await one.call("/v1/status")).header("x-ratelimit-limit-requests"), "100");
    const tight = await limited(one, 1);
    assert.equal((await one.completions(ASK, { key: tight })).status, 200);
    assert.equal((await one.completions(ASK, { key: tight })).status, 429);
    assert.equal(remaining(await one.completions(ASK)), 99);
  });

  it("of the agent binds all its keys together", async () => {
    const one = await tenant(worker, pod, { limits: { rpm: 3 } });
    const other = (await one.newKey()).key;
    const answers = [];
    for (const key of [one.key, other, one.key, other]) {
      answers.push((await one.completions(ASK, { key })).status);
    }
    assert.deepEqual(answers, [200, 200, 200, 429]);
    await one.change({ limits: { rpm: 4 } });
    assert.equal((await one.completions(ASK)).status, 200);
    assert.equal((await one.completions(ASK)).status, 429);
  });

  it("is told on every answer that follows a key, and on no other", async () => {
    const one = await tenant(worker, pod);
    const key = await limited(one, 2);
    const told = (answer: Answer) => HEADERS.filter((name) => answer.header(name) !== undefined);
    const calls: [number, Promise<Answer>][] = [
      [200, one.completions(ASK, { key })],
      [200, one.completions({ ...ASK, stream: true }, { key })],
      [429, one.completions(ASK, { key })],
      [200, one.call("/v1/models", { key })],
      [404, one.call("/v1/models/none", { key })],
      [200, one.call("/v1/status", { key })],
      [200, one.call("/v1/health", { key })],
      [400, one.call(CHAT, { key, method: "POST", body: "{" })],
    ];
    for (const [status, call] of calls) {
      const answer = await call;
      assert.equal(answer.status, status, answer.text);
      assert.deepEqual(told(answer), HEADERS, `${status}: ${answer.text}`);
      assert.equal(answer.header("x-ratelimit-limit-requests"), "2");
      assert.equal(answer.header("ratelimit-policy"), '"requests";q=2;w=60');
    }
    assert.deepEqual(told(await one.completions(ASK, { key: null })), []);
    assert.deepEqual(told(await one.call("/v1/health", { key: null })), []);
  });

  it("does not count readings, bodies that cannot be read, and calls that were refused", async () => {
    const one = await tenant(worker, pod);
    const key = await limited(one, 2);
    for (let n = 0; n < 5; n += 1) {
      assert.equal((await one.call("/v1/models", { key })).status, 200);
      assert.equal((await one.call(CHAT, { key, method: "POST", body: "{" })).status, 400);
      assert.equal((await one.completions({ messages: [] }, { key })).status, 400);
    }
    assert.equal(remaining(await one.completions(ASK, { key })), 1);
    assert.equal((await one.completions(ASK, { key })).status, 200);
    for (let n = 0; n < 5; n += 1) {
      assert.equal((await one.completions(ASK, { key })).status, 429);
    }
    assert.equal(reached(), 2);
  });

  it("gives back the permit of a call that did not reach the pod", async () => {
    const one = await tenant(worker, pod, { models: ["demo-small"] });
    const key = await limited(one, 1);
    for (let n = 0; n < 3; n += 1) {
      const answer = await one.completions({ ...ASK, model: "other" }, { key });
      assert.equal(answer.status, 404, answer.text);
    }
    assert.equal((await one.completions(ASK, { key })).status, 200);
    assert.equal((await one.completions(ASK, { key })).status, 429);
  });
});

describe("a key that is confined to paths", () => {
  it("opens those and no others", async () => {
    const one = await tenant(worker, pod);
    const { key } = await one.newKey(undefined, { allowed_paths: ["/v1/chat", "/v1/models"] });
    assert.equal((await one.chat(ASK, { key })).status, 200);
    assert.equal((await one.call("/v1/models", { key })).status, 200);
    assert.equal((await one.call("/v1/models/demo-small", { key })).status, 200);
    assert.equal((await one.call("/v1/health", { key })).status, 200);
    for (const call of [one.completions(ASK, { key }), one.call("/v1/status", { key })]) {
      const answer = await call;
      assert.equal(answer.status, 403, answer.text);
      assert.equal(answer.json<{ error: { code: string } }>().error.code, "path_not_allowed");
    }
  });
});

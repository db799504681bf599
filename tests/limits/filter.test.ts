// The filter at the edge, with the real rate-limit binding: floods do not reach the agent's object, and nothing is refused
// that it would admit. Without the binding there is none: every suite on raw workerd runs that way.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type Answer, type RunningWorker, startWorker, together, until } from "../harness/index.ts";
import { control, type Tenant, tenant } from "../harness/tenant.ts";

const ASK = { messages: [{ role: "user", content: "hello" }] };
/** What the binding of wrangler.toml allows in ten seconds. */
const ALLOWED = 100;

let worker: RunningWorker;
let pod: Pod;
before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

const code = (answer: Answer) => answer.json<{ error: { code: string } }>().error.code;
const from = (address: string) => ({ headers: { "cf-connecting-ip": address } });

/** Calls with a key until it is refused for coming too often. */
async function heldUp(one: Tenant, key: string, address: string): Promise<Answer> {
  const seen = new Set<string>();
  for (let n = 0; n < 4 * ALLOWED; n += 1) {
    const answer = await one.completions(ASK, { key, ...from(address) });
    seen.add(code(answer));
    if (answer.status !== 401) {
      assert.deepEqual([...seen], ["invalid_api_key", "rate_limited"]);
      return answer;
    }
  }
  return assert.fail(`${4 * ALLOWED} wrong keys were answered alike`);
}

/** Refusals that the agent's object has counted. */
async function counted(one: Tenant): Promise<Record<string, number>> {
  const answer = await control(worker, `/agents/${one.id}/metrics?step=3600`);
  assert.equal(answer.status, 200, answer.text);
  const sums: Record<string, number> = {};
  for (const { refused } of answer.json<{ data: { refused: Record<string, number> }[] }>().data) {
    for (const [why, count] of Object.entries(refused)) {
      sums[why] = (sums[why] ?? 0) + count;
    }
  }
  return sums;
}

describe("an address that sends many wrong keys", { concurrency: 1 }, () => {
  for (const [what, make] of [
    ["that cannot be keys", async () => "molti_acme_nonsense"],
    [
      "that were revoked",
      async (one: Tenant) => {
        const { id, key } = await one.newKey();
        await one.revoke(id);
        return key;
      },
    ],
  ] as const) {
    it(`${what} is told to come later, and opens with a good key what that opens`, async () => {
      const one = await tenant(worker, pod);
      const key = await make(one);
      const address = what.includes("revoked") ? "203.0.113.8" : "2001:db8:1:2:3::9";
      const refused = await heldUp(one, key, address);
      assert.equal(refused.status, 429);
      assert.equal(refused.header("x-should-retry"), "true");
      assert.equal(refused.header("retry-after"), "10");
      const before = await counted(one);
      for (let n = 0; n < 20; n += 1) {
        assert.equal((await one.completions(ASK, { key, ...from(address) })).status, 429);
      }
      assert.deepEqual(await counted(one), before, "the object was asked");
      // Whoever else is behind the address, and a wrong key that was never seen, are nobody's flood.
      assert.equal((await one.completions(ASK, from(address))).status, 200);
      const other = await one.newKey();
      assert.equal((await one.completions(ASK, { key: other.key, ...from(address) })).status, 200);
      await one.revoke(other.id);
      assert.equal((await one.completions(ASK, { key: other.key, ...from(address) })).status, 401);
      assert.equal((await one.completions(ASK, { key, ...from("203.0.113.9") })).status, 401);
    });
  }
});

describe("a key over its limit that keeps coming", { concurrency: 1 }, () => {
  it("is asked about seldom, and refused as its object refuses it", async () => {
    const one = await tenant(worker, pod, { limits: { rpm: 3 } });
    pod.clear();
    const answers: Answer[] = [];
    for (let round = 0; round < 6; round += 1) {
      const calls = Array.from({ length: 200 }, () => one.completions(ASK));
      answers.push(...(await Promise.all(calls)));
    }
    assert.equal(answers.filter(({ status }) => status === 200).length, 3);
    assert.equal(pod.requests.filter(({ path }) => path.endsWith("completions")).length, 3);
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      assert.deepEqual([answer.status, code(answer)], [429, "rate_limited"]);
      assert.equal(answer.header("x-ratelimit-remaining-requests"), "0");
      const wait = Number(answer.header("retry-after-ms"));
      assert.ok(wait >= 1 && wait <= 59_000, String(wait));
    }
    const asked = (await counted(one)).rate_limited ?? 0;
    assert.ok(asked < 700, `the object was asked about ${asked} of 1197 calls`);
  });

  it("passes the moment that it may", async () => {
    const one = await tenant(worker, pod, { limits: { rpm: 1 } });
    assert.equal((await one.completions(ASK)).status, 200);
    let over = false;
    const refused: Answer[] = [];
    const flood = Array.from({ length: 20 }, async () => {
      while (!over) {
        refused.push(await one.completions(ASK));
      }
    });
    await until("a flood", () => refused.length > 3 * ALLOWED);
    assert.ok(refused.every(({ status }) => status === 429));
    // Whatever comes after this is acknowledged passes.
    await one.change({ limits: { rpm: 1_000_000 } });
    const after = await Promise.all(Array.from({ length: 20 }, () => one.completions(ASK)));
    over = true;
    await Promise.all(flood);
    assert.deepEqual(new Set(after.map(({ status }) => status)), new Set([200]));
  });

  it("is refused by nobody's answer but its own", async () => {
    const one = await tenant(worker, pod);
    const { key } = await one.newKey(undefined, { limits: { rpm: 1 } });
    const flood = await Promise.all(Array.from({ length: 5 * ALLOWED }, () => one.completions(ASK, { key })));
    assert.equal(flood.filter(({ status }) => status === 200).length, 1);
    const others = Array.from({ length: 2 * ALLOWED }, () => one.completions(ASK));
    const again = Array.from({ length: ALLOWED }, () => one.completions(ASK, { key }));
    assert.deepEqual(new Set((await Promise.all(others)).map(({ status }) => status)), new Set([200]));
    assert.deepEqual(new Set((await Promise.all(again)).map(({ status }) => status)), new Set([429]));
    const bad = await one.call("/v1/chat/completions", { key, method: "POST", body: "{" });
    assert.equal(bad.status, 400, bad.text);
  });
});

describe("what the edge refuses", () => {
  it("is counted in the deployment's metrics, once", async () => {
    const shown = async () => {
      const answer = await control(worker, "/metrics");
      const line = /^moltghost_edge_refused_total\{code="misdirected_request"\} (\d+)$/m.exec(answer.text);
      return Number(line?.[1] ?? "0");
    };
    const before = await shown();
    const calls = Array.from({ length: 25 }, () => worker.ask("/", { headers: { host: "nowhere.example" } }));
    for (const answer of await Promise.all(calls)) {
      assert.equal(answer.status, 421);
    }
    await until("the register to be told", async () => (await shown()) === before + 25, 20_000);
  });
});

// Calls that are admitted with the socket that they go over: they wait for their turn, are refused and leave as calls of
// an http origin do.

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
import { type Tenant, type TenantOverrides, tenant } from "../harness/tenant.ts";
import { Connector } from "./connector.ts";

const CHAT = "/v1/chat/completions";

let worker: RunningWorkerd;
let pod: Pod;

before(async () => {
  const built = builtWorker();
  const path = join(ROOT, "tests/fixtures/leaving/worker.js");
  const entry = { name: "leaving.js", path, type: "esModule" as const };
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

function body(fault: Record<string, unknown> = {}, stream = false, marker = "x"): Record<string, unknown> {
  return { stream, marker, messages: [{ role: "user", content: marker }], metadata: { pod: fault } };
}

/** An agent behind a tunnel whose Worker knows that it is: the calls from now on bring their sockets. */
async function known(overrides: TenantOverrides = {}): Promise<[Tenant, Connector]> {
  const one = await tenant(worker, null, overrides);
  const { connect_token } = one.agent as unknown as { connect_token: string };
  const connector = await Connector.connect(one.url, connect_token, pod.url);
  await until("the agent to run", async () => (await one.shown()).state === "running");
  assert.equal((await one.completions(body())).status, 200);
  return [one, connector];
}

const reached = (marker: string) =>
  pod.requests.some(({ json }) => (json as { marker?: string } | undefined)?.marker === marker);

const code = (text: string) => (JSON.parse(text) as { error: { code: string } }).error.code;

describe("a call over a tunnel", () => {
  it("waits for its turn and is served, however many wait", async () => {
    const [one] = await known({ limits: { concurrency: 1 } });
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        one.completions(body({ chunk_delay_ms: 2 }, n % 2 === 0, `turn${n}`)),
      ),
    );
    for (const [n, { status, text }] of answers.entries()) {
      assert.equal(status, 200, text);
      assert.ok(text.includes(`turn${n}`), text);
    }
    await until("no run in flight", async () => (await one.status()).in_flight === 0);
    assert.equal((await one.status()).usage.requests, 13);
  });

  it("that its caller leaves while it waits never reaches the pod", async () => {
    const [one] = await known({ limits: { concurrency: 1 } });
    const first = await one.open(CHAT, { json: body({ chunks: 2_000, chunk_delay_ms: 20 }, true) });
    const second = one.completions(body({}, false, "second"), { headers: { "x-leave-after": "1500" } });
    const third = one.completions(body({}, false, "third"));
    await until("both to wait", async () => (await one.queued()) === 2);
    await until("one to wait", async () => (await one.queued()) === 1);
    assert.equal((await second).status, 503);
    first.leave();
    assert.equal((await third).status, 200);
    assert.ok(reached("third") && !reached("second"));
    await until("no run in flight", async () => (await one.status()).in_flight === 0);
  });

  it("is refused as ever: over its limit, without a slot, without a link, and by a paused agent", async () => {
    const [one] = await known({ limits: { rpm: 2 } });
    assert.equal((await one.completions(body())).status, 200);
    const limited = await one.completions(body());
    assert.deepEqual([limited.status, code(limited.text)], [429, "rate_limited"]);
    const [crowded] = await known({ limits: { concurrency: 1, queue: 0 } });
    await until("no run in flight", async () => (await crowded.status()).in_flight === 0);
    const first = await crowded.open(CHAT, { json: body({ chunks: 2_000, chunk_delay_ms: 20 }, true) });
    assert.equal(first.status, 200);
    const busy = await crowded.completions(body());
    assert.deepEqual([busy.status, code(busy.text)], [503, "agent_busy"]);
    first.leave();
    const [cut, connector] = await known();
    connector.kill();
    await until("no link", async () => (await cut.status()).links.every(({ up }) => !up));
    const unreachable = await cut.completions(body());
    assert.deepEqual([unreachable.status, code(unreachable.text)], [503, "agent_unreachable"]);
    const [paused] = await known();
    await paused.pause();
    const still = await paused.completions(body());
    assert.deepEqual([still.status, code(still.text)], [503, "agent_paused"]);
  });

  it("is told at length what it may ask for", async () => {
    const models = Array.from({ length: 64 }, (_, n) => `${n}-`.padEnd(256, "m"));
    const [one] = await known({ models });
    for (const model of models.slice(0, 2)) {
      const answer = await one.completions({ ...body(), model });
      assert.equal(answer.status, 200, answer.text);
    }
  });

  it("that asks for a model it may not have gives its slot back", async () => {
    const [one] = await known({ models: ["demo-small"], limits: { concurrency: 1 } });
    for (let n = 0; n < 3; n += 1) {
      const answer = await one.completions({ ...body(), model: "other" });
      assert.deepEqual([answer.status, code(answer.text)], [404, "model_not_found"]);
    }
    assert.equal((await one.completions(body())).status, 200);
  });

  it("goes where its agent's origin is by then", async () => {
    const [one] = await known();
    await one.change({ origin: { type: "http", url: pod.url } });
    assert.equal((await one.completions(body({}, false, "by address"))).status, 200);
    assert.ok(reached("by address"));
  });
});

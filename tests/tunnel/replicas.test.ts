// Several replicas of one agent: which of them takes a call, what is known of each, and how an owner sends one away.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, type PodOptions, startPod } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker, until } from "../harness/index.ts";
import { type AgentLink, control, type Tenant, tenant } from "../harness/tenant.ts";
import { Connector, type ConnectorOptions } from "./connector.ts";
import { ACCEPTED, frame, RESET } from "./frames.ts";

const CHAT = "/v1/chat/completions";
const DRAINED = 9;
const [REFUSED, FAILED] = [2, 4];

let worker: RunningWorker;
const pods: Pod[] = [];

before(async () => {
  worker = await startWorker();
});
after(async () => {
  await worker?.stop();
  await Promise.all(pods.map((pod) => pod.close()));
});

async function started(options: PodOptions = {}): Promise<Pod> {
  const pod = await startPod(options);
  pods.push(pod);
  return pod;
}

function connect(one: Tenant, pod: Pod, options: ConnectorOptions): Promise<Connector> {
  return Connector.connect(
    one.url,
    (one.agent as unknown as { connect_token: string }).connect_token,
    pod.url,
    options,
  );
}

async function link(one: Tenant, replica: string): Promise<AgentLink | undefined> {
  return (await one.status()).links.find((link) => link.replica === replica);
}

/** Waits until a replica's pod was asked what it serves. */
function known(one: Tenant, ...replicas: string[]): Promise<unknown> {
  return until("the pods to be known", async () => {
    const { links } = await one.status();
    const asked = links
      .filter(({ capabilities }) => capabilities !== null)
      .map(({ replica }) => replica ?? "");
    return replicas.every((replica) => asked.includes(replica));
  });
}

const drain = (one: Tenant, replica: string, json: Record<string, unknown> = {}) =>
  control(worker, `/agents/${one.id}/replicas/${replica}/drain`, { method: "POST", json });

const body = (fault: Record<string, unknown> = {}, stream = false) => ({
  stream,
  messages: [{ role: "user", content: "x" }],
  metadata: { pod: fault },
});

/** Gives up every run for a reason, and answers what is no run from the pod. */
const gives =
  (reason: number, accepts = false): ConnectorOptions["takes"] =>
  (stream, head, connector) => {
    if (!head.includes("x-moltghost-run")) return false;
    connector.streams.delete(stream);
    connector.send(...(accepts ? [frame(ACCEPTED, stream)] : []), frame(RESET, stream, [reason]));
    return true;
  };

describe("each replica", () => {
  it("is shown with what its own pod serves, to callers and to owners", async () => {
    const one = await tenant(worker, null);
    await connect(one, await started(), { replica: "all", weight: 2 });
    await connect(one, await started({ lacks: ["/v1/embeddings"] }), { replica: "few" });
    await known(one, "all", "few");
    const { links } = await one.status();
    assert.deepEqual((await one.shown()).links, links);
    assert.deepEqual(
      links.map(({ replica, capabilities }) => [replica, capabilities?.embeddings]),
      [
        ["all", true],
        ["few", false],
      ],
    );
    for (const { up, in_flight, breaker, draining, last_error } of links) {
      assert.deepEqual([up, in_flight, breaker, draining, last_error], [true, 0, "closed", undefined, null]);
    }
  });

  it("gets the calls that its pod can serve", async () => {
    const one = await tenant(worker, null);
    await connect(one, await started({ lacks: ["/v1/embeddings"] }), { replica: "few", weight: 100 });
    await connect(one, await started(), { replica: "all" });
    await known(one, "all", "few");
    for (let n = 0; n < 3; n += 1) {
      const answer = await one.call("/v1/embeddings", { json: { input: "x", model: "demo-small" } });
      assert.equal(answer.status, 200, answer.text);
    }
  });

  it("whose pod is not ready gets no calls while another is", async () => {
    const one = await tenant(worker, null);
    const [good, bad] = [await started(), await started({ defaults: { status: 500 } })];
    await connect(one, good, { replica: "good" });
    await known(one, "good");
    await connect(one, bad, { replica: "bad", weight: 100 });
    await until("the probe", async () => (await link(one, "bad"))?.last_error);
    for (let n = 0; n < 3; n += 1) assert.equal((await one.completions(body())).status, 200);
    assert.ok(bad.requests.every(({ path }) => path !== CHAT));
  });

  it("shows its calls in flight", async () => {
    const one = await tenant(worker, null);
    await connect(one, await started(), { replica: "a" });
    await known(one, "a");
    const stream = await one.open(CHAT, { json: body({ chunks: 2_000, chunk_delay_ms: 20 }, true) });
    for await (const bytes of stream.chunks) {
      if (!bytes.toString().includes('"content"')) continue;
      assert.equal((await link(one, "a"))?.in_flight, 1);
      // Who breaks off leaves.
      break;
    }
    await until("its end", async () => (await link(one, "a"))?.in_flight === 0);
  });
});

describe("the breaker of a replica", () => {
  for (const [what, takes] of [
    ["that refuses calls", gives(REFUSED)],
    ["that takes calls and breaks off", gives(FAILED, true)],
  ] as const) {
    it(`${what} opens, and the others serve`, async () => {
      const one = await tenant(worker, null);
      const pod = await started();
      const bad = await connect(one, pod, { replica: "bad", takes: takes as NonNullable<typeof takes> });
      await known(one, "bad");
      const before = bad.requests;
      assert.ok((await one.completions(body())).status >= 502, "the last link is asked");
      assert.equal(bad.requests, before + 1);
      await until("the breaker", async () =>
        ["open", "half_open"].includes((await link(one, "bad"))?.breaker ?? ""),
      );
      await connect(one, pod, { replica: "good" });
      await known(one, "good");
      let failed = 0;
      for (let n = 0; n < 20; n += 1) failed += (await one.completions(body())).status === 200 ? 0 : 1;
      // After each rest, which doubles, one call tries the replica.
      assert.ok(failed <= 3, `${failed} of 20 calls failed`);
    });
  }
});

describe("a replica that its owner drains", () => {
  it("ends what it has, takes nothing more, and is gone then", async () => {
    const one = await tenant(worker, null);
    const pod = await started();
    const [a, b] = [await connect(one, pod, { replica: "a" }), await connect(one, pod, { replica: "b" })];
    await known(one, "a", "b");
    const streams = await Promise.all(
      [0, 1].map(() => one.open(CHAT, { json: body({ chunks: 3, chunk_delay_ms: 1_500 }, true) })),
    );
    await until("both to work", async () =>
      (await one.status()).links.every(({ in_flight }) => in_flight === 1),
    );
    const answer = await drain(one, "a");
    assert.equal(answer.status, 200, answer.text);
    const told = answer.json<{ links: AgentLink[] }>().links;
    assert.deepEqual(
      told.map(({ replica, up, draining, in_flight }) => [replica, up, draining, in_flight]),
      [
        ["a", false, true, 1],
        ["b", true, undefined, 1],
      ],
    );
    await until("word of it", () => a.goaways.length > 0);
    assert.deepEqual(a.goaways, [DRAINED]);
    const before = a.requests;
    for (let n = 0; n < 3; n += 1) assert.equal((await one.completions(body())).status, 200);
    assert.equal(a.requests, before);
    for (const { chunks } of streams) {
      let text = "";
      for await (const bytes of chunks) text += bytes.toString();
      assert.ok(text.endsWith("data: [DONE]\n\n"), text.slice(-200));
    }
    await until("the end of its link", () => a.closed !== undefined);
    assert.deepEqual([a.closed, b.closed, b.goaways], [4400 + DRAINED, undefined, []]);
    assert.deepEqual(
      (await one.status()).links.map(({ replica }) => replica),
      ["b"],
    );
  });

  it("is ended at once where that is asked", async () => {
    const one = await tenant(worker, null);
    const a = await connect(one, await started(), { replica: "a" });
    await known(one, "a");
    const stream = await one.open(CHAT, { json: body({ chunks: 2, stall_after_chunks: 1 }, true) });
    await until("the call", async () => (await link(one, "a"))?.in_flight === 1);
    assert.equal((await drain(one, "a", { now: true })).status, 200);
    let text = "";
    for await (const bytes of stream.chunks) text += bytes.toString();
    assert.match(text, /data: \{"error":\{.*broke off before its end/);
    await until("the end of its link", () => a.closed !== undefined);
    assert.deepEqual([a.goaways, a.closed], [[DRAINED], 4400 + DRAINED]);
  });

  it("takes calls again once its connector was started again", async () => {
    const one = await tenant(worker, null);
    const pod = await started();
    const first = await connect(one, pod, { replica: "a" });
    await known(one, "a");
    await drain(one, "a");
    await until("the end of its link", () => first.closed !== undefined);
    assert.equal((await one.completions(body())).status, 503);
    await connect(one, pod, { replica: "a" });
    assert.equal((await one.completions(body())).status, 200);
  });

  it("must be one that is up", async () => {
    const one = await tenant(worker, null);
    await connect(one, await started(), { replica: "a" });
    const answer = await drain(one, "b");
    assert.equal(answer.status, 404);
    assert.match(answer.text, /Those that are up: a\./);
    await one.terminate();
    assert.equal((await drain(one, "a")).status, 410);
  });
});

describe("a region", () => {
  it("brings calls to the nearest replicas that are well", async () => {
    const one = await tenant(worker, null, { region: "eu-west-1" });
    assert.deepEqual([(await one.shown()).region, (await one.status()).region], ["eu-west-1", "eu-west-1"]);
    const pod = await started();
    const far = await connect(one, pod, { replica: "far", region: "us-east-1", weight: 100 });
    const near = await connect(one, pod, { replica: "near", region: "eu-west-2" });
    await known(one, "far", "near");
    const taken = async (calls: number) => {
      const before = [near.requests, far.requests];
      for (let n = 0; n < calls; n += 1) assert.equal((await one.completions(body())).status, 200);
      return [near.requests - (before[0] ?? 0), far.requests - (before[1] ?? 0)];
    };
    assert.deepEqual(await taken(3), [3, 0]);
    await one.change({ region: "us-east-2" });
    assert.deepEqual(await taken(3), [0, 3]);
    await one.change({ region: "weur" });
    near.kill();
    await until("its end", async () => (await link(one, "near")) === undefined);
    assert.deepEqual(await taken(1), [0, 1]);
  });

  it("is one of the list", async () => {
    const one = await tenant(worker, null);
    const answer = await control(worker, `/agents/${one.id}`, { method: "PATCH", json: { region: "eu" } });
    assert.equal(answer.status, 400);
    const { error } = answer.json<{ error: { code: string; param: string; message: string } }>();
    assert.deepEqual([error.code, error.param], ["unknown_region", "region"]);
    assert.match(error.message, /ap-southeast-1/);
  });
});

// What a call costs (architecture: the hop budget): one object request before the pod, at most one after the last byte,
// and nothing of D1; what the edge can refuse by itself costs nothing at all.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { agentIdOf } from "../harness/credential.ts";
import {
  ask,
  builtWorker,
  type RequestOptions,
  ROOT,
  type RunningWorkerd,
  startRawWorkerd,
  together,
  until,
} from "../harness/index.ts";
import { type Tenant, tenant, uniqueName } from "../harness/tenant.ts";
import { Connector } from "../tunnel/connector.ts";

const CHAT = "/v1/chat/completions";
const ASK = { messages: [{ role: "user", content: "hello" }] };

interface Note {
  kind: "agent" | "account" | "d1" | "pod";
  what: string;
}

let worker: RunningWorkerd;
let pod: Pod;
let one: Tenant;
let alias: string;

before(async () => {
  const built = builtWorker();
  const entry = {
    name: "counting.js",
    path: join(ROOT, "tests/fixtures/counting/worker.js"),
    type: "esModule" as const,
  };
  [worker, pod] = await together([
    startRawWorkerd({ ...built, modules: [entry, ...built.modules] }),
    startPod(),
  ]);
  alias = uniqueName("bot");
  one = await tenant(worker, pod, { alias, model: "demo-small" });
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

/** Everything that was noted since the last time, as `kind:what`. */
async function counted(): Promise<string[]> {
  const notes = (await ask(`${worker.url}/_counted`)).json<Note[]>();
  return notes.map(({ kind, what }) => `${kind}:${what}`);
}

/** The notes of one call, its settlement included: that goes alone after a moment, as nothing follows. */
async function notesOf(call: () => Promise<unknown>, settles = true): Promise<string[]> {
  await call();
  const notes = await counted();
  if (settles) {
    await until("the settlement", async () => {
      notes.push(...(await counted()));
      return notes.includes("agent:settle");
    });
  }
  return notes;
}

beforeEach(async () => {
  // The settlement of the call before may still be on its way.
  await until("no run in flight", async () => (await one.status()).in_flight === 0);
  await counted();
});

const RUN = ["agent:admit", `pod:${CHAT}`, "agent:settle"];

describe("a call that runs", () => {
  for (const path of [CHAT, "/v1/chat"]) {
    for (const stream of [false, true]) {
      it(`on ${path}, ${stream ? "streamed" : "plain"}, asks the object once before the pod and once after`, async () => {
        const notes = await notesOf(async () => {
          const answer = await one.call(path, { json: { ...ASK, stream } });
          assert.equal(answer.status, 200, answer.text);
        });
        assert.deepEqual(notes, RUN);
      });
    }
  }

  it("whose pod is behind a tunnel costs the same, but for the first", async () => {
    const behind = await tenant(worker, null);
    const { connect_token } = behind.agent as unknown as { connect_token: string };
    const connector = await Connector.connect(behind.url, connect_token, pod.url);
    await until("what the pod serves", async () => (await behind.status()).links[0]?.capabilities !== null);
    await counted();
    const call = () => notesOf(async () => assert.equal((await behind.completions(ASK)).status, 200));
    assert.deepEqual(await call(), ["agent:admit", "agent:socket", "agent:settle"]);
    for (let n = 0; n < 2; n += 1) assert.deepEqual(await call(), ["agent:admit", "agent:settle"]);
    await behind.change({ origin: { type: "http", url: pod.url } });
    await until("the pod there", async () => (await behind.completions(ASK)).status === 200);
    await until("no run in flight", async () => (await behind.status()).in_flight === 0);
    await counted();
    assert.deepEqual(await call(), RUN);
    connector.kill();
  });

  it("whose pod fails costs the same", async () => {
    for (const fault of [
      { status: 500 },
      { html: true },
      { no_headers_close: true },
      { cut_after_bytes: 20 },
    ]) {
      assert.deepEqual(await notesOf(() => one.completions({ ...ASK, metadata: { pod: fault } })), RUN);
    }
  });

  it("that its caller leaves costs the same", async () => {
    const notes = await notesOf(async () => {
      const json = { ...ASK, stream: true, metadata: { pod: { chunks: 500, chunk_delay_ms: 10 } } };
      const stream = await one.open(CHAT, { json });
      for await (const _ of stream.chunks) {
        break;
      }
      stream.leave();
    });
    assert.deepEqual(notes, RUN);
  });

  it("right after another takes that one's settlement along", async () => {
    const calls = 20;
    const notes = await notesOf(async () => {
      for (let n = 0; n < calls; n += 1) {
        assert.equal((await one.completions(ASK)).status, 200);
      }
    });
    const count = (note: string) => notes.filter((other) => other === note).length;
    assert.equal(count("agent:admit"), calls);
    assert.equal(count(`pod:${CHAT}`), calls);
    assert.equal(notes.length, 2 * calls + count("agent:settle"));
    assert.ok(count("agent:settle") <= calls);
  });

  it("among 32 at once is within the same budget, and none touches D1", async () => {
    const calls = 32;
    const notes = await notesOf(async () => {
      const answers = await Promise.all(
        Array.from({ length: calls }, (_, n) => one.completions({ ...ASK, stream: n % 2 === 0 })),
      );
      assert.ok(answers.every(({ status }) => status === 200));
    });
    assert.equal(notes.filter((note) => note === "agent:admit").length, calls);
    assert.ok(notes.filter((note) => note.startsWith("agent:")).length <= 2 * calls);
    assert.ok(
      notes.every((note) => note.startsWith("agent:") || note.startsWith("pod:")),
      notes.join(" "),
    );
  });

  it("by alias looks it up once, and from then on costs the same", async () => {
    const host = `${alias}.agent.localhost:${worker.port}`;
    const headers = { authorization: `Bearer ${one.key}` };
    const call = (): Promise<unknown> => ask(`${worker.url}${CHAT}`, { host, headers, json: ASK });
    assert.deepEqual(await notesOf(call), ["account:alias", ...RUN]);
    assert.deepEqual(await notesOf(call), RUN);
  });
});

describe("a call that is refused", () => {
  const keyed = (key: string): RequestOptions => ({ json: ASK, headers: { authorization: `Bearer ${key}` } });

  async function costOf(path: string, options: RequestOptions, status: number): Promise<string[]> {
    const answer = await ask(worker.url + path, options);
    assert.equal(answer.status, status, answer.text);
    return counted();
  }

  it("costs nothing where the edge can tell", async () => {
    const { key, path } = one;
    const nobody = `/agents/${one.id.slice(0, 2)}/v1/chat`;
    const typo = key.slice(0, -1) + (key.endsWith("a") ? "b" : "a");
    for (const [where, options, status] of [
      [`${path}/v1/chat`, keyed("molti_x"), 401],
      [`${path}/v1/chat`, keyed(typo), 401],
      [`${path}${CHAT}`, keyed(` ${key}`), 401],
      [`${path}/v1/status`, { headers: { authorization: `Bearer ${typo}` } }, 401],
      [`${path}/v1/models`, { headers: { authorization: "Basic eA==" } }, 401],
      [`${path}/v1/nothing`, keyed(key), 404],
      [`${path}/v1/chat`, { headers: { authorization: `Bearer ${key}` } }, 405],
      [nobody, keyed(key), 404],
      ["/healthz", {}, 200],
      ["/openapi.json", {}, 200],
      ["/", { host: "example.com" }, 421],
    ] as const) {
      assert.deepEqual(await costOf(where, options, status), [], where);
    }
  });

  it("costs one object request where only the object can tell", async () => {
    const unknown = await one.newKey();
    await one.revoke(unknown.id);
    await counted();
    for (const [options, status] of [
      [keyed(unknown.key), 401],
      [{ json: ASK }, 401],
      [{ ...keyed(one.key), json: undefined, body: "{" }, 400],
      [
        { ...keyed(one.key), headers: { ...keyed(one.key).headers, "content-type": "multipart/form-data" } },
        415,
      ],
    ] as const) {
      assert.deepEqual(await costOf(`${one.path}/v1/chat`, options, status), ["agent:admit"]);
    }
    const stranger = `/agents/${agentIdOf("zzzzzzzzzz")}/v1/chat`;
    assert.deepEqual(await costOf(stranger, keyed(one.key), 404), ["agent:admit"]);
  });
});

describe("reading", () => {
  it("costs one object request, and for models one of the pod", async () => {
    const options = { headers: { authorization: `Bearer ${one.key}` } };
    for (const [path, notes] of [
      ["/v1/status", ["agent:inspect"]],
      ["/v1/health", ["agent:inspect"]],
      ["/v1/models", ["agent:inspect", "pod:/v1/models"]],
    ] as const) {
      await ask(worker.url + one.path + path, options);
      assert.deepEqual(await counted(), notes);
    }
    await ask(`${worker.url}${one.path}/v1/health`);
    assert.deepEqual(await counted(), ["agent:health"]);
    await ask(`${worker.url}${one.path}/v1/chat`, {
      method: "OPTIONS",
      headers: { origin: "https://a.example" },
    });
    assert.deepEqual(await counted(), ["agent:cors"]);
  });
});

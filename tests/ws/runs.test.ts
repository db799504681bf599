// Runs over `/ws` (agent-endpoints §6): frames, overlap, cancelling, limits, and what ends a run or a socket.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker, together, until } from "../harness/index.ts";
import { control, type KeyDocument, type Tenant, tenant } from "../harness/tenant.ts";
import { Caller } from "./caller.ts";

let worker: RunningWorker;
let pod: Pod;
let agent: Tenant;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
  agent = await tenant(worker, pod);
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

const open = (of = agent, key = of.key) => Caller.open(of.url, { key });

/** Makes the pod speak for a long time. */
const LONG = { metadata: { pod: { chunks: 100_000, chunk_delay_ms: 20 } } };

describe("a message", () => {
  it("is answered piece by piece, the last with usage, under an id of ours where it names none", async () => {
    const caller = await open();
    caller.ask("Hello!");
    await until("the end", () => caller.frames.some(({ done }) => done === true));
    const id = caller.frames[0]?.id ?? "";
    assert.match(id, /^msg_/);
    assert.equal(caller.text(id), "You said: Hello!");
    const last = await caller.last(id);
    assert.equal(last.content, "");
    assert.equal(last.finish_reason, "stop");
    assert.ok((last.usage?.total_tokens ?? 0) > 0);
    assert.ok(caller.frames.length > 3, "the text came as one piece");
    caller.close();
  });

  it("may overlap with others, told apart by their ids", async () => {
    const caller = await open();
    const ids = Array.from({ length: 20 }, (_, at) => `run ${at}`);
    for (const id of ids) {
      caller.ask(`Hello ${id}`, { id });
    }
    for (const id of ids) {
      assert.equal((await caller.last(id)).finish_reason, "stop");
      assert.equal(caller.text(id), `You said: Hello ${id}`);
    }
    caller.close();
  });

  it("takes what a chat takes, and tells of calls of functions", async () => {
    const caller = await open();
    const tools = [
      { type: "function", function: { name: "look_up", parameters: { type: "object" } } },
      "crm_query",
    ];
    caller.ask("Look", { id: "a", tools, tool_choice: "required", temperature: 0.5 });
    assert.equal((await caller.last("a")).finish_reason, "tool_calls");
    assert.ok(caller.frames.some(({ tool_calls }) => tool_calls !== undefined));
    const record = pod.requests.at(-1);
    assert.equal(record?.headers["x-moltghost-skills"], "crm_query");
    assert.equal(record?.headers["x-moltghost-key"], agent.keyId);
    assert.equal((record?.json as { temperature?: number } | undefined)?.temperature, 0.5);
    caller.close();
  });

  it("is counted, limited and settled as any call", async () => {
    const { key } = await agent.newKey("narrow", { limits: { rpm: 1 } });
    const before = (await agent.status()).usage;
    const caller = await open(agent, key);
    caller.ask("one", { id: "1" });
    const { usage } = await caller.last("1");
    caller.ask("two", { id: "2" });
    const { error } = await caller.last("2");
    assert.equal(error?.code, "rate_limited");
    assert.ok((error?.retry_after_ms ?? 0) > 1_000);
    await until("the usage to be told", async () => (await agent.status()).usage.requests > before.requests);
    const told = (await agent.status()).usage;
    assert.equal(told.total_tokens - before.total_tokens, usage?.total_tokens);
    await caller.pong();
    caller.close();
  });
});

describe("a run", () => {
  it("ends at the pod when it is cancelled", async () => {
    const caller = await open();
    pod.clear();
    caller.ask("Go on", { id: "long", ...LONG });
    await until("a piece", () => caller.text("long") !== "");
    caller.send({ action: "cancel", id: "long" });
    assert.equal((await caller.last("long")).finish_reason, "cancelled");
    await pod.waitFor(({ outcome }) => outcome === "aborted");
    const frames = caller.frames.length;
    caller.send({ action: "cancel", id: "long" });
    await caller.pong();
    assert.equal(caller.frames.length, frames + 1);
    await until("the slot to be free", async () => (await agent.status()).in_flight === 0);
    caller.close();
  });

  it("ends at the pod when its socket closes", async () => {
    const caller = await open();
    pod.clear();
    caller.ask("Go on", { id: "long", ...LONG });
    await until("a piece", () => caller.text("long") !== "");
    caller.close();
    await pod.waitFor(({ outcome }) => outcome === "aborted");
    await until("the slot to be free", async () => (await agent.status()).in_flight === 0);
  });

  it("that fails says so, and the socket stays", async () => {
    const caller = await open();
    caller.ask("x", { id: "1", metadata: { pod: { not_json: true } } });
    assert.equal((await caller.last("1")).error?.code, "bad_gateway");
    caller.ask("one two three four", { id: "2", metadata: { pod: { error_mid_stream: 2 } } });
    assert.ok((await caller.last("2")).error);
    assert.notEqual(caller.text("2"), "");
    caller.ask("x", { id: "3", timeout_seconds: 0.5, metadata: { pod: { stall_after_chunks: 1 } } });
    assert.equal((await caller.last("3")).error?.code, "timeout");
    caller.ask("x", { id: "4", messages: [] });
    assert.equal((await caller.last("4")).error?.code, "invalid_request");
    caller.ask("again", { id: "5" });
    assert.equal((await caller.last("5")).finish_reason, "stop");
    caller.close();
  });

  it("is one of 64 at most on a socket", async () => {
    const caller = await open();
    for (let at = 0; at < 65; at += 1) {
      caller.ask("Go on", { id: `${at}`, ...LONG });
    }
    assert.equal((await caller.last("64")).error?.code, "too_many_streams");
    caller.ask("Go on", { id: "0" });
    assert.equal((await caller.last(null)).error?.param, "id");
    caller.close();
    await until("the slots to be free", async () => (await agent.status()).in_flight === 0);
  });
});

describe("a frame that is none", () => {
  it("is answered with an error, and the socket stays", async () => {
    const caller = await open();
    for (const frame of ["", "{", "[]", "7", "{}", '{"action":"shout"}', '{"action":"cancel"}']) {
      caller.send(frame);
    }
    caller.socket.send(Buffer.from("bytes"));
    await until("the answers", () => caller.frames.length === 8);
    assert.ok(caller.frames.every(({ id, error }) => id === null && error?.type === "invalid_request_error"));
    await caller.pong();
    caller.close();
  });

  it("sent again and again closes the socket", async () => {
    const caller = await open();
    for (let at = 0; at < 64; at += 1) {
      caller.send("nonsense");
    }
    assert.equal(await caller.code(), 4400);
  });
});

describe("an agent that stops serving", () => {
  it("answers each message with an error; the socket goes on once it runs again", async () => {
    const other = await tenant(worker, pod);
    const caller = await open(other);
    await other.pause();
    caller.ask("x", { id: "1" });
    assert.equal((await caller.last("1")).error?.code, "agent_paused");
    await other.start();
    caller.ask("x", { id: "2" });
    assert.equal((await caller.last("2")).finish_reason, "stop");
    await other.terminate();
    assert.equal(await caller.code(), 4410);
  });

  it("ends runs and sockets of a key that is revoked, and no others", async () => {
    const { key, id } = await agent.newKey();
    const [theirs, mine] = [await open(agent, key), await open()];
    theirs.ask("Go on", { id: "long", ...LONG });
    await until("a piece", () => theirs.text("long") !== "");
    await agent.revoke(id);
    const since = Date.now();
    assert.equal((await theirs.last("long")).error?.code, "invalid_api_key");
    assert.equal(await theirs.code(), 4401);
    assert.ok(Date.now() - since < 1_000);
    await mine.pong();
    mine.close();
  });

  it("ends sockets of a secret that was rotated away, when its grace is over and though nobody says anything", async () => {
    const { key, id } = await agent.newKey();
    const rotate = async (grace_seconds: number) => {
      const path = `/agents/${agent.id}/keys/${id}/rotate`;
      const answer = await control(worker, path, { json: { grace_seconds } });
      assert.equal(answer.status, 200, answer.text);
      return answer.json<KeyDocument & { old_secret_until: string }>();
    };
    const first = await open(agent, key);
    first.ask("Go on", { id: "long", ...LONG });
    await until("a piece", () => first.text("long") !== "");
    const rotated = await rotate(0);
    assert.equal((await first.last("long")).error?.code, "invalid_api_key");
    assert.equal(await first.code(), 4401);
    const [second, third] = [await open(agent, rotated.key), await open(agent, rotated.key)];
    const { old_secret_until, key: newest } = await rotate(5);
    await worker.evict("Agent", `ep:${agent.id}`);
    await second.pong();
    assert.equal(await second.code(), 4401);
    assert.equal(await third.code(), 4401);
    assert.ok(Date.now() >= Date.parse(old_secret_until));
    const last = await open(agent, newest);
    await last.pong();
    last.close();
  });

  it("ends sockets of a key whose time is over", async () => {
    const ends = Date.now() + 2_000;
    const { key } = await agent.newKey("short", { expires_at: new Date(ends).toISOString() });
    const caller = await open(agent, key);
    assert.equal(await caller.code(), 4401);
    assert.ok(Date.now() >= ends);
  });
});

describe("an object that goes", () => {
  it("keeps its sockets", async () => {
    const caller = await open();
    await worker.evict("Agent", `ep:${agent.id}`);
    await caller.pong();
    caller.ask("still there?", { id: "1" });
    assert.equal((await caller.last("1")).finish_reason, "stop");
    caller.close();
  });
});

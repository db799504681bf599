// What happens in an account, as server-sent events: nothing twice, nothing silently lost, nobody else's.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { freshId, refused, type Session, session } from "../control/session.ts";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { RawSocket, together, until } from "../harness/index.ts";
import { OPERATOR_TOKEN } from "../harness/worker.ts";
import { refusal, type Watcher, watch } from "./watcher.ts";

const seqOf = (id: string | null) => Number(String(id).split("-")[1]);

describe("the events of an account", () => {
  let s: Session;
  let pod: Pod;
  const open: Watcher[] = [];
  before(async () => {
    [s, pod] = await together([session(), startPod()]);
  });
  after(async () => {
    for (const watcher of open) {
      watcher.close();
    }
    await s?.stop();
    await pod?.close();
  });

  const watching = async (options: Parameters<typeof watch>[1]) => {
    const watcher = await watch(s.worker.url, options);
    open.push(watcher);
    return watcher;
  };
  const origin = () => ({ origin: { type: "http", url: pod.url } });
  const post = (agent: string, verb: string) => s.ok(200, `/agents/${agent}/${verb}`, { method: "POST" });

  it("tell of an agent's whole life and of its keys, in order and once", async () => {
    const account = await s.account();
    const viewer = await s.token(account, "viewer");
    const watcher = await watching({ token: viewer.token });
    const { id } = await s.agent(account, origin());
    await post(id, "start");
    const key = await s.key(id, "first");
    await s.ok(200, `/keys/${key.id}`, { method: "DELETE" });
    await post(id, "pause");
    await s.ok(200, `/agents/${id}`, { method: "DELETE" });
    await watcher.saw("the end", ({ data }) => data.state === "terminated");
    assert.deepEqual(watcher.of(id), [
      "deploying",
      "initializing",
      "running",
      "key.created first",
      "key.revoked first",
      "paused",
      "terminated",
    ]);
    const seqs = watcher.events.map((event) => seqOf(event.id));
    assert.deepEqual(
      seqs,
      [...seqs.keys()].map((n) => n + 1),
    );
    assert.equal(new Set(watcher.events.map((event) => String(event.id).split("-")[0])).size, 1);
  });

  it("tell of a key that is rotated, and of the end of its time, once", async () => {
    const account = await s.account();
    const watcher = await watching({ account });
    const { id } = await s.agent(account);
    const expires_at = new Date(Date.now() + 4_000).toISOString();
    const key = await s.ok<{ id: string }>(201, `/agents/${id}/keys`, {
      json: { name: "brief", expires_at },
    });
    const rotate = () =>
      s.ok<{ old_secret_until: string }>(200, `/agents/${id}/keys/${key.id}/rotate`, {
        json: { grace_seconds: 60, rotation_id: "first" },
      });
    const { old_secret_until } = await rotate();
    await rotate();
    const named = { id: key.id, name: "brief" };
    const expired = await watcher.saw("the end", ({ data }) => data.type === "key.expired");
    assert.deepEqual([expired.data.key, expired.data.expires_at], [named, expires_at]);
    const rotations = watcher.events.filter(({ data }) => data.type === "key.rotated");
    assert.deepEqual(
      rotations.map(({ data }) => [data.key, data.old_secret_until]),
      [[named, old_secret_until]],
    );
  });

  it("reach the operator by account, and nobody of another account", async () => {
    const [mine, other] = [await s.account(), await s.account()];
    const stranger = await watching({ token: (await s.token(other)).token });
    const operator = await watching({ account: mine });
    const { id } = await s.agent(mine);
    await operator.saw("the agent", ({ data }) => data.agent === id);
    const own = await s.agent(other);
    await stranger.saw("its own agent", ({ data }) => data.agent === own.id);
    assert.deepEqual(stranger.of(id), []);
    assert.deepEqual(operator.of(own.id), []);
  });

  it("go on after the last one seen, whatever happened meanwhile", async () => {
    const account = await s.account();
    const first = await watching({ account });
    const one = await s.agent(account);
    await first.saw("the first", ({ data }) => data.agent === one.id);
    first.close();
    const two = await s.agent(account);
    const three = await s.agent(account);
    await s.worker.evict("Account", `acct:${account}`, "close");
    for (const inQuery of [false, true]) {
      const again = await watching({ account, after: first.last, inQuery });
      await again.saw("the third", ({ data }) => data.agent === three.id);
      assert.deepEqual(
        again.events.map(({ data }) => data.agent),
        [two.id, three.id],
      );
      assert.equal(seqOf(again.events[0]?.id ?? null), seqOf(first.last) + 1);
    }
  });

  it("say that there is a gap where the id is not known, and then tell all that is kept", async () => {
    const account = await s.account();
    const { id } = await s.agent(account);
    const all = await watching({ account, after: "ffffffffffff-1" });
    await all.saw("the agent", ({ data }) => data.agent === id);
    assert.equal(all.events[0]?.event, "stream.gap");
    assert.equal(all.events[0]?.data.requested, "ffffffffffff-1");
    assert.equal(all.events[0]?.data.newest, all.last);
    // The gap is told once: its id is a place like any other.
    const again = await watching({ account, after: String(all.events[0]?.id) });
    await again.saw("the agent again", ({ data }) => data.agent === id);
    assert.equal(again.events.length, 1);
  });

  it("outlive the object: a link that breaks is made anew, and its reader notices nothing", async () => {
    const account = await s.account();
    const watcher = await watching({ account });
    for (const how of ["hibernate", "close", "close"] as const) {
      const { id } = await s.agent(account);
      await watcher.saw(`an agent before the object went (${how})`, ({ data }) => data.agent === id);
      await s.worker.evict("Account", `acct:${account}`, how);
    }
    const last = await s.agent(account);
    await watcher.saw("an agent after it", ({ data }) => data.agent === last.id);
    assert.deepEqual(
      watcher.events.map((event) => seqOf(event.id)),
      [1, 2, 3, 4],
    );
    assert.equal(watcher.ended, false);
  });

  it("end with the token, by revocation and by expiry, and say so", async () => {
    const account = await s.account();
    const revoked = await s.token(account, "viewer");
    const expires_at = new Date(Date.now() + 2_000).toISOString();
    const expiring = await s.token(account, "viewer", { expires_at });
    const [one, two, other] = await Promise.all([
      watching({ token: revoked.token }),
      watching({ token: expiring.token }),
      watching({ token: (await s.token(account, "viewer")).token }),
    ]);
    await s.ok(200, `/accounts/${account}/tokens/${revoked.id}`, { method: "DELETE" });
    for (const watcher of [one, two]) {
      const end = await watcher.saw("the end", ({ event }) => event === "stream.end");
      assert.equal((end.data.error as { code: string }).code, "invalid_token");
      await until("the stream's end", () => watcher.ended);
    }
    assert.equal(other.ended, false);
    assert.deepEqual(await refusal(s.worker.url, { token: revoked.token }), {
      status: 401,
      code: "invalid_token",
      param: null,
    });
  });

  it("are refused as every other call is", async () => {
    const account = await s.account();
    const foreign = await s.token(await s.account());
    for (const [options, status, code, param] of [
      [{}, 400, "invalid_request", "account"],
      [{ account: "No_Id" }, 400, "invalid_request", "account"],
      [{ account: freshId() }, 404, "not_found", null],
      [{ token: foreign.token, account }, 404, "not_found", null],
      [{ token: "nonsense" }, 401, "invalid_token", null],
      [{ account, after: "x".repeat(129) }, 400, "invalid_request", "last-event-id"],
    ] as const) {
      assert.deepEqual(await refusal(s.worker.url, options), { status, code, param });
    }
    refused(await s.call("/events", { method: "POST", body: "" }), 405, "method_not_allowed");
    const head = await s.call(`/events?account=${account}`, { method: "HEAD" });
    assert.deepEqual([head.status, head.headers["content-type"], head.text], [200, "text/event-stream", ""]);
  });

  it("are open a hundred times at most, and free again once a reader has left", async () => {
    const account = await s.account();
    const many = await Promise.all(Array.from({ length: 100 }, () => watching({ account })));
    assert.equal((await refusal(s.worker.url, { account })).code, "too_many_streams");
    many[0]?.close();
    const next = await until("a free place", () => watching({ account }).catch(() => null));
    const { id } = await s.agent(account);
    for (const watcher of [...many.slice(1), next]) {
      await watcher.saw("the agent", ({ data }) => data.agent === id);
    }
  });

  it("are free again once a reader has closed its connection in good order, without a word", async () => {
    const account = await s.account();
    const port = Number(new URL(s.worker.url).port);
    const head = `host: 127.0.0.1:${port}\r\nauthorization: Bearer ${OPERATOR_TOKEN}`;
    const quiet = await RawSocket.open(port);
    await quiet.write(`GET /api/v1/events?account=${account} HTTP/1.1\r\n${head}\r\n\r\n`);
    await quiet.waitFor(": open");
    await Promise.all(Array.from({ length: 99 }, () => watching({ account })));
    assert.equal((await refusal(s.worker.url, { account })).code, "too_many_streams");
    quiet.close();
    // Well before the comment that every stream gets every 15 seconds would tell.
    await until("a free place", () => watching({ account }).catch(() => null), 10_000);
  });

  it("wait for a slow reader, who then gets every one of them, far beyond the window", async () => {
    const account = await s.account();
    const { id } = await s.agent(account);
    const port = Number(new URL(s.worker.url).port);
    const socket = await RawSocket.open(port);
    const head = `host: 127.0.0.1:${port}\r\nauthorization: Bearer ${OPERATOR_TOKEN}`;
    await socket.write(`GET /api/v1/events?account=${account} HTTP/1.1\r\n${head}\r\n\r\n`);
    await socket.waitFor(": open");
    socket.pause();
    const fast = await watching({ account });
    for (let n = 0; n < 400; n += 20) {
      await Promise.all(Array.from({ length: 20 }, (_, i) => s.key(id, `slow-${n + i}`)));
    }
    const keys = (watcher: Watcher) => watcher.of(id).filter((name) => name.startsWith("key.created"));
    await until("all keys at the fast reader", () => keys(fast).length === 400);
    socket.resume();
    for (const { id: cursor } of fast.events) {
      await socket.waitFor(`id: ${cursor}`);
    }
    socket.close();
    const bytes = fast.events.reduce((all, { data }) => all + JSON.stringify(data).length, 0);
    assert.ok(bytes > 64 * 1024, `${bytes} bytes are within the window`);
    const again = await watching({ account, after: String(fast.events[0]?.id) });
    await until("all keys from the log", () => keys(again).length === keys(fast).length - 1);
    assert.deepEqual(again.events, fast.events.slice(1));
  });
});

// Keys: shown once, listed by agent and by account, revoked by their id or by themselves with effect on the next call.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { together } from "../harness/index.ts";
import { tenant, uniqueName } from "../harness/tenant.ts";
import { type ListedKey, type MadeKey, refused, type Session, session } from "./session.ts";

describe("keys", () => {
  let s: Session;
  let pod: Pod;
  let account: string;
  let agent: string;
  before(async () => {
    [s, pod] = await together([session(), startPod()]);
    account = await s.account();
    agent = (await s.agent(account)).id;
  });
  after(async () => {
    await s?.stop();
    await pod?.close();
  });
  const path = () => `/agents/${agent}/keys`;

  it("are shown when they are made and never again", async () => {
    const made = await s.ok<MadeKey>(201, path(), { json: { name: "Production API" } });
    assert.ok(made.key.startsWith(`molti_${account}_${made.id}`), made.key);
    assert.ok(made.id.startsWith(agent));
    assert.equal(made.masked, `molti_${account}_${made.id}…`);
    assert.deepEqual(
      [made.name, made.last_used_at, made.revoked_at, made.age_days, made.rotate_due],
      ["Production API", null, null, 0, false],
    );
    const answer = await s.call(path());
    const { key, ...shown } = made;
    assert.deepEqual(
      answer.json<{ data: ListedKey[] }>().data.find(({ id }) => id === made.id),
      shown,
    );
    assert.ok(!answer.text.includes(key.slice(-38)));
  });

  it("may share a name and are all different", async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => s.key(agent, "same")));
    assert.equal(new Set(made.map(({ id }) => id)).size, 8);
    assert.equal(new Set(made.map(({ key }) => key.slice(-38))).size, 8);
  });

  it("name the field that is wrong", async () => {
    for (const [json, param] of [
      [{}, "name"],
      [{ name: "" }, "name"],
      [{ name: 1 }, "name"],
      [{ name: "a", expires_at: "tomorrow" }, "expires_at"],
      [{ name: "a", expires_at: "2020-01-01T00:00:00Z" }, "expires_at"],
      [{ name: "a", allowed_paths: ["/v1/chat", "/v2"] }, "allowed_paths"],
      [{ name: "a", allowed_paths: [] }, "allowed_paths"],
      [{ name: "a", limits: { rpm: 0 } }, "limits.rpm"],
      [{ name: "a", limits: { rpm: 1_000_001 } }, "limits.rpm"],
      [{ name: "a", limits: { rps: 1 } }, "limits.rps"],
      [{ name: "a", secret: "mine" }, "secret"],
    ] as const) {
      refused(await s.call(path(), { json }), 400, "invalid_request", param);
    }
  });

  it("say when they were last used, to the minute", async () => {
    const t = await tenant(s.worker, pod, { account });
    const before = Date.now();
    assert.equal((await t.completions({ messages: [{ role: "user", content: "hi" }] })).status, 200);
    const [listed] = await s.all<ListedKey>(`/agents/${t.id}/keys`, 10);
    const used = Date.parse(listed?.last_used_at ?? "");
    assert.ok(used > before - 60_000 && used <= Date.now(), String(listed?.last_used_at));
    assert.equal(used % 60_000, 0);
  });

  describe("with an Idempotency-Key", () => {
    it("are the same again, secret included, also to many at once", async () => {
      const options = { json: { name: "once" }, headers: { "idempotency-key": uniqueName("key") } };
      const answers = await Promise.all(Array.from({ length: 6 }, () => s.call(path(), options)));
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201]);
      assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
      const made = answers[0]?.json<MadeKey>();
      const listed = await s.all<ListedKey>(path(), 200);
      assert.equal(listed.filter(({ id }) => id === made?.id).length, 1);
    });

    it("are a mismatch with another body", async () => {
      const headers = { "idempotency-key": uniqueName("key") };
      await s.ok(201, path(), { json: { name: "one" }, headers });
      refused(await s.call(path(), { json: { name: "two" }, headers }), 422, "idempotency_mismatch");
    });

    it("belong to their agent", async () => {
      const options = { json: { name: "once" }, headers: { "idempotency-key": uniqueName("key") } };
      const here = await s.ok<MadeKey>(201, path(), options);
      const other = (await s.agent(account)).id;
      const there = await s.ok<MadeKey>(201, `/agents/${other}/keys`, options);
      assert.notEqual(there.key.slice(-38), here.key.slice(-38));
    });

    it("do not come back after they were revoked", async () => {
      const options = { json: { name: "once" }, headers: { "idempotency-key": uniqueName("key") } };
      const made = await s.ok<MadeKey>(201, path(), options);
      await s.ok(200, `/keys/${made.id}`, { method: "DELETE" });
      refused(await s.call(path(), options), 422, "idempotency_mismatch");
    });
  });

  describe("are listed", () => {
    const counts = [3, 0, 1, 4, 2];
    let own: string;
    const agents: string[] = [];
    const keys: string[] = [];
    before(async () => {
      own = await s.account();
      for (const count of counts) {
        const { id } = await s.agent(own);
        agents.push(id);
        for (let n = 0; n < count; n += 1) {
          keys.push((await s.key(id)).id);
        }
      }
      // More agents than are asked for one page, none of which has a key.
      await Promise.all(Array.from({ length: 30 }, () => s.agent(own)));
      const { id } = await s.agent(own);
      agents.push(id);
      keys.push((await s.key(id)).id);
    });

    it("for an account over all its agents, each once, in order, at any limit", async () => {
      for (const limit of [1, 2, 3, 4, 7, 200]) {
        const listed = (await s.all<ListedKey>(`/keys?account=${own}`, limit)).map(({ id }) => id);
        assert.deepEqual(listed, [...keys].sort(), `limit ${limit}`);
      }
    });

    it("for the account of a token, without naming it", async () => {
      const { token } = await s.token(own, "viewer");
      const listed = (await s.all<ListedKey>("/keys", 3, { token })).map(({ id }) => id);
      assert.deepEqual(listed, [...keys].sort());
    });

    it("for one agent, by whatever it is called", async () => {
      const id = agents[3] ?? "";
      const wanted = keys.filter((key) => key.startsWith(id)).sort();
      const { name } = await s.ok<{ name: string }>(200, `/agents/${id}`);
      for (const list of [`/agents/${id}/keys`, `/keys?agent=${id}`, `/keys?agent=${own}%2F${name}`]) {
        for (const limit of [1, 3, 200]) {
          const listed = (await s.all<ListedKey>(list, limit)).map((key) => key.id);
          assert.deepEqual(listed, wanted, `${list} ${limit}`);
        }
      }
    });

    it("with the revoked ones among them", async () => {
      const { id } = await s.agent(own);
      const key = await s.key(id);
      await s.ok(200, `/keys/${key.id}`, { method: "DELETE" });
      const [listed] = await s.all<ListedKey>(`/keys?agent=${id}`, 10);
      assert.equal(listed?.id, key.id);
      assert.notEqual(listed?.revoked_at, null);
      keys.push(key.id);
    });

    it("not where nothing is named, or what is not there", async () => {
      refused(await s.call("/keys"), 400, "invalid_request");
      assert.equal((await s.call("/keys?account=nobody")).status, 404);
      assert.equal((await s.call("/keys?agent=nobody")).status, 404);
      const { token } = await s.token(account, "viewer");
      assert.equal((await s.call(`/keys?agent=${agents[0]}`, { token })).status, 404);
      assert.equal((await s.call(`/keys?account=${own}`, { token })).status, 404);
    });

    it("not by limits and cursors that cannot be", async () => {
      const foreign = Buffer.from((await s.key(agent)).id).toString("hex");
      for (const list of [`/keys?account=${own}`, `/agents/${agents[0]}/keys`]) {
        refused(
          await s.call(`${list}${list.includes("?") ? "&" : "?"}limit=0`),
          400,
          "invalid_request",
          "limit",
        );
        refused(
          await s.call(`${list}${list.includes("?") ? "&" : "?"}limit=201`),
          400,
          "invalid_request",
          "limit",
        );
        refused(
          await s.call(`${list}${list.includes("?") ? "&" : "?"}cursor=zz`),
          400,
          "invalid_request",
          "cursor",
        );
      }
      refused(await s.call(`/keys?account=${own}&cursor=${foreign}`), 400, "invalid_request", "cursor");
    });
  });

  describe("are revoked", () => {
    const message = { messages: [{ role: "user", content: "hi" }] };

    it("by id: the next call is refused, and again is the same", async () => {
      const t = await tenant(s.worker, pod, { account });
      assert.equal((await t.completions(message)).status, 200);
      const revoked = await s.ok<ListedKey>(200, `/keys/${t.keyId}`, { method: "DELETE" });
      refused(await t.completions(message), 401, "invalid_api_key");
      assert.notEqual(revoked.revoked_at, null);
      const again = await s.ok<ListedKey>(200, `/keys/${t.keyId}`, { method: "DELETE" });
      assert.equal(again.revoked_at, revoked.revoked_at);
    });

    it("by the key itself, with white space around it, and again is the same", async () => {
      const t = await tenant(s.worker, pod, { account });
      const other = await t.newKey();
      const revoked = await s.ok<ListedKey>(200, "/keys/revoke", { json: { key: ` ${t.key}\n` } });
      assert.equal(revoked.id, t.keyId);
      refused(await t.completions(message), 401, "invalid_api_key");
      assert.equal((await t.completions(message, { key: other.key })).status, 200);
      const again = await s.ok<ListedKey>(200, "/keys/revoke", { json: { key: t.key } });
      assert.equal(again.revoked_at, revoked.revoked_at);
    });

    it("also of agents that are terminated", async () => {
      const { id } = await s.agent(account);
      const key = await s.key(id);
      await s.ok(200, `/agents/${id}`, { method: "DELETE" });
      assert.notEqual((await s.ok<ListedKey>(200, `/keys/${key.id}`, { method: "DELETE" })).revoked_at, null);
    });

    it("not where there is none, or where it is another account's", async () => {
      const made = await s.key(agent);
      const unknown = made.id.replace(/.{3}$/, (tail) => (tail === "000" ? "001" : "000"));
      const { token } = await s.token(await s.account(), "admin");
      for (const id of [unknown, "nope", agent, made.id.toUpperCase(), made.id.slice(0, -1)]) {
        refused(await s.call(`/keys/${id}`, { method: "DELETE" }), 404, "not_found");
      }
      refused(await s.call(`/keys/${made.id}`, { method: "DELETE", token }), 404, "not_found");
      refused(await s.call("/keys/revoke", { json: { key: made.key }, token }), 404, "not_found");
      const flipped = made.key.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
      for (const key of ["", "nope", flipped, made.id, made.masked, `${made.key}x`]) {
        refused(await s.call("/keys/revoke", { json: { key } }), 404, "not_found");
      }
      refused(await s.call("/keys/revoke", { json: {} }), 400, "invalid_request", "key");
      const [listed] = (await s.all<ListedKey>(path(), 200)).filter(({ id }) => id === made.id);
      assert.equal(listed?.revoked_at, null);
    });
  });
});

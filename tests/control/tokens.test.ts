// Tokens of accounts: shown once, bound to a role, ended by time or revocation at once.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { until } from "../harness/index.ts";
import { uniqueName } from "../harness/tenant.ts";
import { type MadeToken, refused, type Session, session, type TokenDocument } from "./session.ts";

describe("account tokens", () => {
  let s: Session;
  let account: string;
  before(async () => {
    s = await session();
    account = await s.account();
  });
  after(() => s?.stop());
  const path = () => `/accounts/${account}/tokens`;

  it("are admin's and endless unless said otherwise", async () => {
    const made = await s.ok<MadeToken>(201, path(), { json: { name: "plain" } });
    assert.equal(made.role, "admin");
    assert.equal(made.expires_at, null);
    assert.ok(made.token.startsWith(`molta_${account}_${made.id}`));
    await s.ok(200, "/agents", { token: made.token });
  });

  it("are listed without their secrets", async () => {
    const made = await s.token(account, "viewer");
    const answer = await s.call(`${path()}?limit=200`);
    const listed = answer.json<{ data: TokenDocument[] }>().data.find((token) => token.id === made.id);
    const { token, ...shown } = made;
    assert.deepEqual(listed, shown);
    assert.ok(!answer.text.includes(token));
  });

  it("are listed page by page, in the order of ids", async () => {
    const made = await Promise.all(Array.from({ length: 5 }, () => s.token(account, "viewer")));
    const listed = (await s.all<TokenDocument>(path(), 2)).map((token) => token.id);
    assert.deepEqual(listed, [...listed].sort());
    assert.equal(new Set(listed).size, listed.length);
    assert.ok(made.every(({ id }) => listed.includes(id)));
  });

  it("are made and revoked by an admin of the account, too", async () => {
    const admin = await s.token(account, "admin");
    const made = await s.ok<MadeToken>(201, path(), { json: { name: "child" }, token: admin.token });
    await s.ok(200, `${path()}/${made.id}`, { method: "DELETE", token: admin.token });
  });

  it("name the field that is wrong", async () => {
    const wrong: [Record<string, unknown>, string][] = [
      [{}, "name"],
      [{ name: "a", role: "owner" }, "role"],
      [{ name: "a", role: 1 }, "role"],
      [{ name: "a", expires_at: "tomorrow" }, "expires_at"],
      [{ name: "a", expires_at: "2020-01-01T00:00:00Z" }, "expires_at"],
      [{ name: "a", expires_at: 1_900_000_000 }, "expires_at"],
      [{ name: "a", expires_at: "2999-13-01T00:00:00Z" }, "expires_at"],
      [{ name: "a", scope: "all" }, "scope"],
    ];
    for (const [json, param] of wrong) {
      refused(await s.call(path(), { json }), 400, "invalid_request", param);
    }
  });

  it("take an end with any offset", async () => {
    const made = await s.token(account, "viewer", { expires_at: "2999-01-01T02:00:00+02:00" });
    assert.equal(made.expires_at, "2999-01-01T00:00:00.000Z");
  });

  it("end when their time has come", async () => {
    const end = Date.now() + 1_500;
    const made = await s.token(account, "viewer", { expires_at: new Date(end).toISOString() });
    await s.ok(200, "/agents", { token: made.token });
    const refusal = await until("the token's end", async () => {
      const answer = await s.call("/agents", { token: made.token });
      return answer.status === 200 ? null : answer;
    });
    assert.ok(Date.now() >= end, "it ended before its time");
    refused(refusal, 401, "invalid_token");
  });

  it("are dead with the very next call once revoked, also by themselves", async () => {
    for (const own of [false, true]) {
      const made = await s.token(account, "admin");
      await s.ok(200, "/agents", { token: made.token });
      const options = own ? { method: "DELETE", token: made.token } : { method: "DELETE" };
      const revoked = await s.ok<TokenDocument>(200, `${path()}/${made.id}`, options);
      assert.equal(revoked.id, made.id);
      refused(await s.call("/agents", { token: made.token }), 401, "invalid_token");
      const listed = await s.all<TokenDocument>(path(), 200);
      assert.ok(!listed.some(({ id }) => id === made.id), "a revoked token is listed");
      refused(await s.call(`${path()}/${made.id}`, { method: "DELETE" }), 404, "not_found");
    }
  });

  it("are unknown by ids that nobody has", async () => {
    for (const id of ["aaaaaaaa", "nope", "A".repeat(8), "%2e%2e"]) {
      const answer = await s.call(`${path()}/${id}`, { method: "DELETE" });
      assert.equal(answer.status, 404, `${id}: ${answer.text}`);
    }
  });

  it("of another account say that this one does not exist", async () => {
    const stranger = await s.token(await s.account(), "admin");
    refused(await s.call(path(), { token: stranger.token }), 404, "not_found");
    refused(await s.call(path(), { token: stranger.token, json: { name: "a" } }), 404, "not_found");
    refused(await s.call(`/agents?account=${account}`, { token: stranger.token }), 404, "not_found");
    const json = { account, name: uniqueName("agent") };
    refused(await s.call("/agents", { token: stranger.token, json }), 404, "not_found");
  });

  it("need an account that exists", async () => {
    refused(await s.call("/accounts/nobody/tokens"), 404, "not_found");
    refused(await s.call("/accounts/nobody/tokens", { json: { name: "a" } }), 404, "not_found");
    refused(await s.call("/accounts/No-Body/tokens"), 404, "not_found");
  });

  it("are asked for before anything else is said, also of what cannot be a name", async () => {
    const [live, dead] = [await s.token(account), await s.token(account)];
    await s.ok(200, `${path()}/${dead.id}`, { method: "DELETE" });
    const calls = (token: string) => [
      s.call(`${path()}/nonsense`, { token, method: "DELETE" }),
      s.call("/accounts/No-Body/tokens", { token }),
      s.call("/accounts/No-Body/tokens", { token, json: { name: "a" } }),
      s.call("/keys/nonsense", { token, method: "DELETE" }),
      s.call("/keys/revoke", { token, json: { key: "nonsense" } }),
    ];
    for (const answer of await Promise.all(calls(dead.token))) {
      refused(answer, 401, "invalid_token");
    }
    for (const answer of await Promise.all(calls(live.token))) {
      refused(answer, 404, "not_found");
    }
  });

  it("are asked for before a body, a parameter or another account is looked at", async () => {
    const [live, dead] = [await s.token(account), await s.token(account)];
    await s.ok(200, `${path()}/${dead.id}`, { method: "DELETE" });
    const other = await s.account();
    const calls = (token: string) => [
      s.call("/agents", { token, body: "{" }),
      s.call("/agents", { token, body: "x".repeat(70_000) }),
      s.call("/agents/any", { token, body: "{", method: "PATCH" }),
      s.call("/agents/any/pause", { token, body: "{" }),
      s.call("/agents/any/keys", { token, body: "{" }),
      s.call("/keys/revoke", { token, body: "{" }),
      s.call(`${path()}`, { token, body: "{" }),
      s.call("/agents?limit=none", { token }),
      s.call("/agents/any/usage?from=none", { token }),
      s.call("/events?last_event_id=%00", { token }),
      s.call(`/agents?account=${other}`, { token }),
      s.call(`/accounts/${other}/tokens`, { token }),
    ];
    for (const answer of await Promise.all(calls(dead.token))) {
      refused(answer, 401, "invalid_token");
    }
    const statuses = (await Promise.all(calls(live.token))).map(({ status }) => status);
    assert.deepEqual(statuses, [400, 413, 400, 400, 400, 400, 400, 400, 400, 400, 404, 404]);
  });

  describe("with an Idempotency-Key", () => {
    const json = { name: "once", role: "operator" };

    it("are the same again, secret included", async () => {
      const headers = { "idempotency-key": uniqueName("key") };
      const first = await s.ok<MadeToken>(201, path(), { json, headers });
      assert.deepEqual(await s.ok(201, path(), { json, headers }), first);
      const listed = await s.all<TokenDocument>(path(), 200);
      assert.equal(listed.filter(({ id }) => id === first.id).length, 1);
      await s.ok(200, "/agents", { token: first.token });
    });

    it("are a mismatch with another body", async () => {
      const headers = { "idempotency-key": uniqueName("key") };
      await s.ok(201, path(), { json, headers });
      for (const other of [
        { ...json, name: "other" },
        { ...json, role: "viewer" },
        { ...json, expires_at: "2999-01-01T00:00:00Z" },
      ]) {
        refused(await s.call(path(), { json: other, headers }), 422, "idempotency_mismatch");
      }
    });

    it("do not come back after they were revoked", async () => {
      const headers = { "idempotency-key": uniqueName("key") };
      const made = await s.ok<MadeToken>(201, path(), { json, headers });
      await s.ok(200, `${path()}/${made.id}`, { method: "DELETE" });
      refused(await s.call(path(), { json, headers }), 422, "idempotency_mismatch");
      refused(await s.call("/agents", { token: made.token }), 401, "invalid_token");
    });

    it("belong to their account: the same key elsewhere is another token", async () => {
      const headers = { "idempotency-key": uniqueName("key") };
      const here = await s.ok<MadeToken>(201, path(), { json, headers });
      const there = await s.account();
      const other = await s.ok<MadeToken>(201, `/accounts/${there}/tokens`, { json, headers });
      assert.notEqual(other.id, here.id);
      assert.notEqual(other.token.slice(-38), here.token.slice(-38));
    });
  });
});

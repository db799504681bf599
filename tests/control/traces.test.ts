// Objects that were never created leave no trace: whoever asks for random names fills no disk.
//
// The local runtime makes an empty database file for each object that it starts, also for one that only reads; what
// counts is that there is no table in it.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { type MadeAgent, type MadeKey, type MadeToken, type Session, session } from "./session.ts";
import { databasesOf, filledDatabases, tablesOf } from "./storage.ts";

const CLASSES = ["Account", "Agent"];

describe("what was never created", () => {
  let elsewhere: Session;
  let s: Session;
  let agent: MadeAgent;
  let key: MadeKey;
  let token: MadeToken;
  before(async () => {
    // Ids, keys and tokens of the right form, which the deployment under test has never seen.
    [elsewhere, s] = await Promise.all([session(), session()]);
    const account = await elsewhere.account();
    agent = await elsewhere.agent(account);
    key = await elsewhere.key(agent.id);
    token = await elsewhere.token(account);
    await elsewhere.stop();
    await s.account();
  });
  after(() => s?.stop());

  const stored = () => CLASSES.map((name) => filledDatabases(s.worker.persist, name));

  it("leaves no trace, whatever is asked of it", async () => {
    const before = stored();
    assert.equal(before[0]?.length, 2, "the account that exists, and the register");
    const random = randomBytes(6).toString("hex");
    const message = { json: { messages: [{ role: "user", content: "hi" }] } };
    for (const ref of [agent.id, `alias-${random}`, `${random}/name`]) {
      for (const [path, options] of [
        ["", {}],
        ["", { method: "PATCH", json: { model: "m" } }],
        ["", { method: "PATCH", json: { name: "n", alias: `x-${random}` } }],
        ["", { method: "DELETE" }],
        ["/start", { method: "POST" }],
        ["/pause", { method: "POST" }],
        ["/keys", {}],
        ["/keys", { json: { name: "k" } }],
      ] as const) {
        assert.equal((await s.call(`/agents/${ref}${path}`, options)).status, 404, ref + path);
        const answer = await s.call(`/agents/${ref}${path}`, { ...options, token: token.token });
        assert.equal(answer.status, 401, ref + path);
      }
    }
    for (const [path, options] of [
      [`/accounts/${random}/tokens`, {}],
      [`/accounts/${random}/tokens`, { json: { name: "t" } }],
      [`/accounts/${random}/tokens/abcdefgh`, { method: "DELETE" }],
      ["/agents", { json: { account: random, name: "a", alias: `y-${random}` } }],
      [`/agents?account=${random}`, {}],
      [`/keys?account=${random}`, {}],
      [`/keys?agent=${agent.id}`, {}],
      [`/keys/${key.id}`, { method: "DELETE" }],
      ["/keys/revoke", { json: { key: key.key } }],
    ] as const) {
      assert.equal((await s.call(path, options)).status, 404, path);
    }
    for (const ref of [agent.id, `alias-${random}`]) {
      for (const [path, options] of [
        ["/v1/chat/completions", message],
        ["/v1/chat", message],
        ["/v1/models", {}],
        ["/v1/status", {}],
        ["/v1/health", {}],
        ["/v1/chat", { method: "OPTIONS" }],
      ] as const) {
        const headers = { authorization: `Bearer ${key.key}`, origin: "https://a.example" };
        const answer = await s.worker.ask(`/agents/${ref}${path}`, { headers, ...options });
        assert.equal(answer.status, 404, `${ref}${path}: ${answer.text}`);
      }
      const host = `pending-${ref}.agent.localhost`;
      assert.equal((await s.worker.ask("/v1/health", { host })).status, 404);
    }
    assert.deepEqual(stored(), before, "a look-up has stored something");
  });

  it("is judged by databases that were really there to look at", async () => {
    const looked = CLASSES.flatMap((name) => databasesOf(s.worker.persist, name));
    assert.ok(looked.length > 3, "the look-ups reached no object");
    const filled = stored().flat();
    assert.ok(filled.length > 0 && filled.length < looked.length);
    assert.ok(filled.every((database) => tablesOf(database).length > 0));
  });

  it("is not asked for at all where its id cannot be one", async () => {
    const count = () => CLASSES.flatMap((name) => databasesOf(s.worker.persist, name)).length;
    const before = count();
    const wrong = agent.id.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
    const flipped = key.key.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
    for (const ref of ["a", "A-B", "www", "agent-x", "-x-"]) {
      await s.call(`/agents/${ref}`);
      await s.worker.ask(`/agents/${ref}/v1/health`);
    }
    await s.worker.ask("/v1/health", { host: `${wrong.slice(0, 3)}_.agent.localhost` });
    await s.call("/keys/revoke", { json: { key: flipped } });
    await s.call("/accounts/No-Account/tokens");
    assert.equal(count(), before, "an object was started for a name that cannot be");
  });
});

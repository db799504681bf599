// Agents: made once, shown by every name they have, listed in pages, changed.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type AgentDocument, uniqueName } from "../harness/tenant.ts";
import { type MadeAgent, type Page, refused, type Session, session } from "./session.ts";

describe("agents", () => {
  let s: Session;
  let account: string;
  before(async () => {
    s = await session();
    account = await s.account();
  });
  after(() => s?.stop());

  const change = (agent: string, json: unknown) => s.call(`/agents/${agent}`, { method: "PATCH", json });

  describe("are made", () => {
    it("with everything that is not given at its usual value", async () => {
      const made = await s.agent(account);
      assert.equal(made.state, "deploying");
      assert.equal(made.account, account);
      assert.deepEqual(made.origin, { type: "tunnel" });
      assert.deepEqual(made.limits, {
        ...{ rpm: null, concurrency: 8, queue: 64 },
        ...{ body_bytes: 10 * 1024 * 1024, max_timeout_seconds: 300 },
      });
      assert.deepEqual(
        [made.alias, made.model, made.timeout_seconds, made.cors, made.forward_headers, made.reason],
        [null, null, 300, { origins: ["*"] }, [], null],
      );
      const port = new URL(s.worker.url).port;
      assert.equal(made.endpoint, `http://${made.id}.agent.localhost:${port}`);
      assert.equal(made.pending_endpoint, `http://pending-${made.id}.agent.localhost:${port}`);
      assert.equal(made.path_endpoint, `http://127.0.0.1:${port}/agents/${made.id}`);
    });

    it("the same with null as without a member", async () => {
      const json = {
        account,
        name: uniqueName("agent"),
        ...{ alias: null, model: null, origin: null, timeout_seconds: null, cors: null },
        ...{ forward_headers: null, limits: null },
      };
      const made = await s.ok<MadeAgent>(201, "/agents", { json });
      const { connect_token, ...shown } = made;
      assert.ok(connect_token.startsWith(`moltc_${made.id}_`));
      assert.deepEqual(await s.ok(200, "/agents", { json: { account, name: made.name } }), shown);
    });

    it("once: the same again is 200 without a connect token, in whatever order and case", async () => {
      const first = {
        account,
        name: uniqueName("agent"),
        model: "m",
        origin: { type: "http", url: "https://Pod.Example:443/v1/", headers: { "X-B": "2", "x-a": "1" } },
        limits: { max_timeout_seconds: 60 },
      };
      const second = {
        limits: { max_timeout_seconds: 60, body_bytes: 10 * 1024 * 1024 },
        timeout_seconds: 60,
        origin: { headers: { "x-a": "1", "x-b": "2" }, url: "https://pod.example/v1", type: "http" },
        model: "m",
        name: first.name,
        account,
      };
      const { connect_token: _, ...shown } = await s.ok<MadeAgent>(201, "/agents", { json: first });
      assert.deepEqual(await s.ok(200, "/agents", { json: second }), shown);
    });

    it("not over an agent of the same name with other settings", async () => {
      const made = await s.agent(account, { model: "a" });
      for (const other of [{ model: "b" }, {}, { model: "a", timeout_seconds: 10 }]) {
        const json = { account, name: made.name, ...other };
        refused(await s.call("/agents", { json }), 409, "name_taken", "name");
      }
      const secret = { type: "http", url: "https://pod.example", headers: { "x-a": "1" } };
      const named = await s.agent(account, { origin: secret });
      const json = { account, name: named.name, origin: { ...secret, headers: { "x-a": "2" } } };
      refused(await s.call("/agents", { json }), 409, "name_taken", "name");
    });

    it("once by many requests at once", async () => {
      const json = { account, name: uniqueName("rush"), alias: uniqueName("rush") };
      const answers = await Promise.all(Array.from({ length: 10 }, () => s.call("/agents", { json })));
      assert.equal(new Set(answers.map((answer) => answer.json<AgentDocument>().id)).size, 1);
      assert.equal(answers.filter(({ status }) => status === 201).length, 1, "made more than once");
    });

    it("under the same name in two accounts", async () => {
      const made = await s.agent(account);
      const other = await s.ok<MadeAgent>(201, "/agents", {
        json: { account: await s.account(), name: made.name },
      });
      assert.notEqual(other.id, made.id);
    });

    it("for the account of a token, which may leave it out or name it", async () => {
      const { token } = await s.token(account, "admin");
      const json = { name: uniqueName("agent") };
      const made = await s.ok<MadeAgent>(201, "/agents", { json, token });
      assert.equal(made.account, account);
      assert.equal(
        (await s.ok<MadeAgent>(200, "/agents", { json: { ...json, account }, token })).id,
        made.id,
      );
    });

    it("not by the operator without an account, nor in one that is not there", async () => {
      refused(await s.call("/agents", { json: { name: "a" } }), 400, "invalid_request", "account");
      refused(await s.call("/agents", { json: { name: "a", account: "nobody" } }), 404, "not_found");
      refused(await s.call("/agents"), 400, "invalid_request", "account");
    });

    it("as if no Idempotency-Key were sent", async () => {
      const headers = { "idempotency-key": uniqueName("key") };
      const [one, two] = [uniqueName("agent"), uniqueName("agent")];
      await s.ok(201, "/agents", { json: { account, name: one }, headers });
      await s.ok(201, "/agents", { json: { account, name: two }, headers });
      await s.ok(200, "/agents", { json: { account, name: one }, headers });
    });
  });

  describe("are shown", () => {
    it("by id, alias and name, to the operator by account/name with the slash plain or encoded", async () => {
      const { connect_token: _, ...made } = await s.agent(account, { alias: uniqueName("shown") });
      const { token } = await s.token(account, "viewer");
      for (const ref of [made.id, made.alias, made.name]) {
        assert.deepEqual(await s.ok(200, `/agents/${ref}`, { token }), made);
      }
      const full = [`${account}/${made.name}`, `${account}%2F${made.name}`, `${account}%2f${made.name}`];
      for (const ref of [made.id, made.alias, ...full]) {
        assert.deepEqual(await s.ok(200, `/agents/${ref}`), made);
      }
      refused(await s.call(`/agents/${made.name}`), 404, "agent_not_found");
    });

    it("under names with spaces and names of routes", async () => {
      for (const name of ["My agent 7", "start", "keys", "pause", "A.b_c-d"]) {
        const made = await s.agent(account, { name });
        const ref = `${account}%2F${encodeURIComponent(name)}`;
        assert.equal((await s.ok<AgentDocument>(200, `/agents/${ref}`)).id, made.id);
        const listed = await s.ok<Page<unknown>>(200, `/agents/${ref}/keys`);
        assert.deepEqual(listed, { data: [], next_cursor: null });
      }
    });

    it("by alias before by name", async () => {
      const both = uniqueName("both");
      const named = await s.agent(account, { name: both });
      const aliased = await s.agent(account, { alias: both });
      const { token } = await s.token(account, "viewer");
      const found = await s.ok<AgentDocument>(200, `/agents/${both}`, { token });
      assert.equal(found.id, aliased.id, `${both} is the alias of one agent and the name of ${named.id}`);
    });

    it("not where there is none", async () => {
      const other = await s.agent(await s.account(), { alias: uniqueName("other") });
      const { token } = await s.token(account, "admin");
      const wrongCheck = other.id.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
      for (const ref of [other.id, other.alias, other.name, `${account}%2Fx`, wrongCheck, "%00", "a b"]) {
        const answer = await s.call(`/agents/${encodeURI(String(ref)).replace("%25", "%")}`, { token });
        refused(answer, 404, "agent_not_found");
      }
      for (const ref of [wrongCheck, "nosuch", `${account}/nosuch`, "no-body/nosuch", "nobody/nosuch"]) {
        refused(await s.call(`/agents/${ref}`), 404, "agent_not_found");
      }
    });
  });

  it("are listed in pages, each once, in the order of ids, terminated ones left out", async () => {
    const own = await s.account();
    const made = [];
    for (let n = 0; n < 5; n += 1) {
      made.push((await s.agent(own)).id);
    }
    const gone = await s.agent(own);
    await s.ok(200, `/agents/${gone.id}`, { method: "DELETE" });
    const { token } = await s.token(own, "viewer");
    for (const limit of [1, 2, 5, 200]) {
      const listed = await s.all<AgentDocument>(`/agents?account=${own}`, limit);
      assert.deepEqual(
        listed.map(({ id }) => id),
        [...made].sort(),
      );
      assert.deepEqual(await s.all<AgentDocument>("/agents", limit, { token }), listed);
    }
    for (const limit of ["0", "201"]) {
      refused(await s.call(`/agents?account=${own}&limit=${limit}`), 400, "invalid_request", "limit");
    }
    refused(await s.call(`/agents?account=${own}&cursor=xyz`), 400, "invalid_request", "cursor");
    refused(await s.call("/agents?account=No"), 400, "invalid_request", "account");
  });

  describe("are changed", () => {
    it("only in what the change names", async () => {
      const { connect_token: _, ...made } = await s.agent(account, {
        alias: uniqueName("kept"),
        model: "m",
        origin: { type: "http", url: "https://pod.example", headers: { "x-a": "1" } },
        cors: { origins: ["https://a.example"] },
      });
      const changed = await s.ok<AgentDocument>(200, `/agents/${made.id}`, {
        method: "PATCH",
        json: { limits: { body_bytes: 1000 }, forward_headers: ["X-Trace"] },
      });
      assert.deepEqual(changed, {
        ...made,
        limits: { ...made.limits, body_bytes: 1000 },
        forward_headers: ["x-trace"],
        updated_at: changed.updated_at,
      });
      assert.ok(changed.updated_at >= made.updated_at);
      assert.deepEqual(await s.ok(200, `/agents/${made.id}`), changed);
    });

    it("by null: alias and model go, the rest stays", async () => {
      const made = await s.agent(account, { alias: uniqueName("gone"), model: "m", timeout_seconds: 7 });
      const json = { name: null, alias: null, model: null, origin: null, timeout_seconds: null, cors: null };
      const changed = await s.ok<AgentDocument>(200, `/agents/${made.id}`, { method: "PATCH", json });
      assert.deepEqual(
        [changed.name, changed.alias, changed.model, changed.timeout_seconds],
        [made.name, null, null, 7],
      );
    });

    it("by an empty body not at all", async () => {
      const made = await s.agent(account);
      for (const options of [{ json: {} }, { body: "" }]) {
        const same = await s.ok<AgentDocument>(200, `/agents/${made.id}`, { method: "PATCH", ...options });
        assert.deepEqual(
          { ...same, updated_at: "" },
          { ...(await s.ok<AgentDocument>(200, `/agents/${made.id}`)), updated_at: "" },
        );
      }
    });

    it("with the default time following the longest down", async () => {
      const made = await s.agent(account);
      const shorter = (await change(made.id, { limits: { max_timeout_seconds: 60 } })).json<AgentDocument>();
      assert.equal(shorter.timeout_seconds, 60);
      const answer = await change(made.id, { timeout_seconds: 61 });
      refused(answer, 400, "invalid_request", "timeout_seconds");
    });

    it("to a free name, and the old one is free at once", async () => {
      const [one, two] = [await s.agent(account), await s.agent(account)];
      refused(await change(one.id, { name: two.name }), 409, "name_taken", "name");
      const name = uniqueName("renamed");
      assert.equal((await change(one.id, { name })).json<AgentDocument>().name, name);
      refused(await s.call(`/agents/${account}/${one.name}`), 404, "agent_not_found");
      assert.equal((await s.ok<AgentDocument>(200, `/agents/${account}/${name}`)).id, one.id);
      const successor = await s.agent(account, { name: one.name });
      assert.notEqual(successor.id, one.id);
    });
  });
});

// States of agents and what leads from one to the other; aliases that move and stay closed to others.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { together } from "../harness/index.ts";
import { type AgentDocument, type AgentState, tenant, uniqueName } from "../harness/tenant.ts";
import { refused, type Session, session } from "./session.ts";

describe("the life of an agent", () => {
  let s: Session;
  let pod: Pod;
  let account: string;
  before(async () => {
    [s, pod] = await together([session(), startPod()]);
    account = await s.account();
  });
  after(async () => {
    await s?.stop();
    await pod?.close();
  });

  const http = () => ({ origin: { type: "http", url: pod.url } });
  const post = (agent: string, verb: string) => s.call(`/agents/${agent}/${verb}`, { method: "POST" });
  const terminate = (agent: string) => s.call(`/agents/${agent}`, { method: "DELETE" });

  async function in_(state: AgentState): Promise<string> {
    const { id } = await s.agent(account, state === "initializing" ? {} : http());
    const steps: Partial<Record<AgentState, string[]>> = {
      initializing: ["start"],
      running: ["start"],
      paused: ["start", "pause"],
    };
    for (const verb of steps[state] ?? []) {
      await s.ok(200, `/agents/${id}/${verb}`, { method: "POST" });
    }
    if (state === "terminated") {
      assert.equal((await terminate(id)).status, 200);
    }
    assert.equal((await s.ok<AgentDocument>(200, `/agents/${id}`)).state, state);
    return id;
  }

  /** Where each move leads; null is refused. */
  const MOVES: [AgentState, string, AgentState | null][] = [
    ["deploying", "start", "running"],
    ["deploying", "pause", null],
    ["deploying", "stop", null],
    ["initializing", "start", "initializing"],
    ["initializing", "pause", "paused"],
    ["running", "start", "running"],
    ["running", "pause", "paused"],
    ["running", "stop", "paused"],
    ["paused", "start", "running"],
    ["paused", "pause", "paused"],
    ["deploying", "restart", null],
    ["initializing", "restart", "initializing"],
    ["running", "restart", "running"],
    ["paused", "restart", "running"],
    ["terminated", "restart", null],
    ["terminated", "start", null],
    ["terminated", "pause", null],
    ["terminated", "stop", null],
  ];
  for (const [from, verb, to] of MOVES) {
    it(`${verb} from ${from} ${to === null ? "is refused" : `leads to ${to}`}`, async () => {
      const id = await in_(from);
      const before = await s.ok<AgentDocument>(200, `/agents/${id}`);
      const answer = await post(id, verb);
      if (to === null) {
        assert.equal(refused(answer, 409, "invalid_state").state, from);
        assert.deepEqual(await s.ok(200, `/agents/${id}`), before);
        return;
      }
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json<AgentDocument>().state, to);
      if (from === to && verb !== "restart") {
        assert.equal(answer.json<AgentDocument>().since, before.since, "the state is as old as it was");
      }
      assert.deepEqual(await s.ok(200, `/agents/${id}`), answer.json());
    });
  }

  for (const from of ["deploying", "initializing", "running", "paused"] as const) {
    it(`terminating from ${from} is final`, async () => {
      const id = await in_(from);
      const gone = await s.ok<AgentDocument>(200, `/agents/${id}`, { method: "DELETE" });
      assert.equal(gone.state, "terminated");
      assert.deepEqual(await s.ok(200, `/agents/${id}`, { method: "DELETE" }), gone);
      assert.deepEqual(await s.ok(200, `/agents/${id}`), gone);
    });
  }

  it("restarts anew: since now, and with nothing known of the pod before", async () => {
    const t = await tenant(s.worker, pod, { account });
    const before = await t.shown();
    pod.setFault({ status: 503, path: "/v1/models" });
    const again = (await post(t.id, "restart")).json<AgentDocument>();
    pod.setFault(null);
    assert.equal(again.state, "initializing");
    assert.ok(Date.parse(again.since) > Date.parse(before.since));
    assert.match(again.reason ?? "", /503/);
    assert.equal((await t.status()).links[0]?.capabilities, null);
    assert.equal((await post(t.id, "restart")).json<AgentDocument>().state, "running");
  });

  it("lists agents by state, by every name in use", async () => {
    const own = await s.account();
    const [one, two] = [await s.agent(own), await s.agent(own, http())];
    await s.ok(200, `/agents/${two.id}/start`, { method: "POST" });
    const listed = async (state: string) =>
      (await s.all<AgentDocument>(`/agents?account=${own}&state=${state}`, 1)).map(({ id }) => id);
    for (const [names, ids] of [
      [["deploying", "pending", "provisioning"], [one.id]],
      [["running"], [two.id]],
      [["initializing", "starting", "paused", "stopped", "failed", "terminated"], []],
    ] as const) {
      for (const name of names) {
        assert.deepEqual(await listed(name), ids, name);
      }
    }
    await s.ok(200, `/agents/${two.id}/pause`, { method: "POST" });
    assert.deepEqual(await listed("stopped"), [two.id]);
    refused(await s.call(`/agents?account=${own}&state=asleep`), 400, "invalid_request", "state");
  });

  it("keeps an agent whose pod is not ready from running, and says why", async () => {
    const { id } = await s.agent(account, http());
    pod.setFault({ status: 503, path: "/v1/models" });
    const started = await post(id, "start");
    assert.equal(started.json<AgentDocument>().state, "initializing");
    pod.setFault(null);
    assert.match(started.json<AgentDocument>().reason ?? "", /503/);
    assert.equal((await post(id, "start")).json<AgentDocument>().state, "running");
  });

  it("lets many start and pause at once and ends in one state", async () => {
    const id = await in_("running");
    const verbs = Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? "pause" : "start"));
    const answers = await Promise.all(verbs.map((verb) => post(id, verb)));
    assert.ok(answers.every(({ status }) => status === 200));
    const { state } = await s.ok<AgentDocument>(200, `/agents/${id}`);
    assert.ok(["paused", "running", "initializing"].includes(state), state);
  });

  describe("after termination", () => {
    it("takes no change, whatever it names", async () => {
      const id = await in_("terminated");
      for (const json of [
        { model: "m" },
        { timeout_seconds: 5 },
        { name: uniqueName("late") },
        { alias: uniqueName("late") },
        { name: uniqueName("late"), model: "m" },
      ]) {
        const answer = await s.call(`/agents/${id}`, { method: "PATCH", json });
        assert.equal(refused(answer, 409, "invalid_state").state, "terminated");
      }
    });

    it("takes no keys, and lists those it had", async () => {
      const { id } = await s.agent(account);
      const key = await s.key(id);
      await terminate(id);
      refused(await s.call(`/agents/${id}/keys`, { json: { name: "late" } }), 409, "invalid_state");
      const [listed] = await s.all<{ id: string }>(`/agents/${id}/keys`, 10);
      assert.equal(listed?.id, key.id);
    });

    it("answers callers 410, with a key, without one and with a wrong one", async () => {
      const t = await tenant(s.worker, pod, { account });
      await t.terminate();
      for (const key of [t.key, null]) {
        const answer = await t.completions({ messages: [{ role: "user", content: "hi" }] }, { key });
        refused(answer, 410, "agent_terminated");
      }
    });

    it("has given its name to whoever wants it, and its id to nobody", async () => {
      const name = uniqueName("reused");
      const first = await s.agent(account, { name });
      await terminate(first.id);
      const second = await s.agent(account, { name, model: "other" });
      assert.notEqual(second.id, first.id);
      assert.equal((await s.ok<AgentDocument>(200, `/agents/${account}/${name}`)).id, second.id);
      assert.equal((await s.ok<AgentDocument>(200, `/agents/${first.id}`)).state, "terminated");
    });

    it("has no alias, and keeps it closed to others", async () => {
      const alias = uniqueName("closed");
      const first = await s.agent(account, { alias });
      await terminate(first.id);
      assert.equal((await s.ok<AgentDocument>(200, `/agents/${first.id}`)).alias, null);
      refused(await s.call(`/agents/${alias}`), 404, "agent_not_found");
      const json = { account, name: uniqueName("agent"), alias };
      refused(await s.call("/agents", { json }), 409, "name_taken", "alias");
    });
  });

  describe("aliases", () => {
    const message = { messages: [{ role: "user", content: "hi" }] };
    const change = (agent: string, alias: string | null) =>
      s.call(`/agents/${agent}`, { method: "PATCH", json: { alias } });

    it("belong to one agent of the deployment", async () => {
      const alias = uniqueName("one");
      const first = await s.agent(account, { alias });
      const stranger = await s.account();
      const json = { account: stranger, name: uniqueName("agent"), alias };
      refused(await s.call("/agents", { json }), 409, "name_taken", "alias");
      assert.deepEqual(await s.all(`/agents?account=${stranger}`, 10), [], "a refused agent is listed");
      await s.ok(201, "/agents", { json: { ...json, alias: uniqueName("other") } });
      const other = await s.agent(account);
      refused(await change(other.id, alias), 409, "name_taken", "alias");
      assert.equal((await s.ok<AgentDocument>(200, `/agents/${other.id}`)).alias, null);
      assert.equal((await s.ok<AgentDocument>(200, `/agents/${alias}`)).id, first.id);
    });

    it("move with the change: the new one serves and the old one is 404 at once", async () => {
      const [before, after] = [uniqueName("before"), uniqueName("after")];
      const t = await tenant(s.worker, pod, { account, alias: before });
      const by = (alias: string) =>
        s.worker.ask(`/agents/${alias}/v1/chat/completions`, {
          json: message,
          headers: { authorization: `Bearer ${t.key}` },
        });
      const health = (alias: string) => s.worker.ask(`/agents/${alias}/v1/health`);
      assert.equal((await by(before)).status, 200);
      assert.equal((await change(t.id, after)).status, 200);
      // Before any other call has found out: who remembers the alias may not answer by what it remembers.
      refused(await health(before), 404, "agent_not_found");
      assert.equal((await health(after)).status, 200);
      refused(await by(before), 404, "agent_not_found");
      assert.equal((await by(after)).status, 200);
      refused(await s.call(`/agents/${before}`), 404, "agent_not_found");
    });

    it("go by null, and the alias is 404 at once", async () => {
      const alias = uniqueName("gone");
      const t = await tenant(s.worker, pod, { account, alias });
      const health = () => s.worker.ask(`/agents/${alias}/v1/health`);
      assert.equal((await health()).status, 200);
      assert.equal((await change(t.id, null)).json<AgentDocument>().alias, null);
      refused(await s.call(`/agents/${alias}`), 404, "agent_not_found");
      const headers = { authorization: `Bearer ${t.key}` };
      refused(await s.worker.ask(`/agents/${alias}/v1/models`, { headers }), 404, "agent_not_found");
      refused(await health(), 404, "agent_not_found");
    });

    it("that were given up are closed to others and open to who had them", async () => {
      const [alias, next] = [uniqueName("mine"), uniqueName("next")];
      const first = await s.agent(account, { alias });
      assert.equal((await change(first.id, next)).status, 200);
      const other = await s.agent(account);
      refused(await change(other.id, alias), 409, "name_taken", "alias");
      assert.equal((await change(first.id, alias)).json<AgentDocument>().alias, alias);
      assert.equal((await s.ok<AgentDocument>(200, `/agents/${alias}`)).id, first.id);
      refused(await change(other.id, next), 409, "name_taken", "alias");
    });

    it("are won by one of many that ask at once", async () => {
      const alias = uniqueName("contest");
      const agents = await Promise.all(Array.from({ length: 6 }, () => s.agent(account)));
      const answers = await Promise.all(agents.map(({ id }) => change(id, alias)));
      const won = answers.filter(({ status }) => status === 200);
      assert.equal(won.length, 1, answers.map(({ status }) => status).join(" "));
      const winner = await s.ok<AgentDocument>(200, `/agents/${alias}`);
      assert.equal(winner.id, won[0]?.json<AgentDocument>().id);
      const listed = await s.all<AgentDocument>(`/agents?account=${account}`, 200);
      assert.equal(listed.filter((agent) => agent.alias === alias).length, 1);
    });
  });
});

// Which host serves what (agent-endpoints §1): the host decides before the path is looked at, and a host that is not
// ours gets nothing.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { agentIdOf } from "../harness/credential.ts";
import { type Answer, exchange, type RunningWorker, startWorker, together } from "../harness/index.ts";
import { tablesOf } from "../harness/object-tables.ts";
import { type CheckedOptions, checkedRequest } from "../harness/openapi.ts";
import { type Tenant, tenant, uniqueName } from "../harness/tenant.ts";

let worker: RunningWorker;
let pod: Pod;
let one: Tenant;
let alias: string;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
  alias = uniqueName("bot");
  one = await tenant(worker, pod, { alias });
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

function on(host: string, path: string, options: CheckedOptions = {}): Promise<Answer> {
  return checkedRequest(new URL(path, worker.url), { ...options, host });
}

function code(answer: Answer): string {
  return answer.json<{ error: { code: string } }>().error.code;
}

async function expectCode(answer: Promise<Answer>, status: number, wanted: string): Promise<void> {
  const got = await answer;
  assert.equal(got.status, status, got.text);
  assert.equal(code(got), wanted);
}

describe("an agent's own host", () => {
  it("is found by id and alias, below agent.DOMAIN and beside it, in any spelling", async () => {
    const id = one.id;
    const port = worker.port;
    for (const host of [
      `${id}.agent.localhost`,
      `${id}.agent.localhost:${port}`,
      `${id}.agent.localhost:1`,
      `${id}.agent.localhost.`,
      `${id}.agent.localhost.:${port}`,
      `${id.toUpperCase()}.AGENT.LocalHost:${port}`,
      `agent-${id}.localhost`,
      `Agent-${id}.localhost:${port}`,
      `${alias}.agent.localhost:${port}`,
      `agent-${alias}.localhost`,
      `pending-${id}.agent.localhost`,
    ]) {
      const health = await on(host, "/v1/health", { surface: "endpoint" });
      assert.equal(health.status, 200, `${host}: ${health.text}`);
      assert.equal(health.json<{ status: string }>().status, "ok", host);
    }
  });

  it("takes a call with a key", async () => {
    const answer = await on(one.host, "/v1/chat/completions", {
      json: { model: "demo-small", messages: [{ role: "user", content: "by host" }] },
      headers: { authorization: `Bearer ${one.key}` },
    });
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.text, /You said: by host/);
  });

  it("serves its own paths and no others", async () => {
    for (const path of [
      "/",
      "/healthz",
      "/readyz",
      "/api/v1/agents",
      `${one.path}/v1/health`,
      "/v1",
      "/v1/",
      "/v1/chat/",
      "/v1/images/generations",
      "/v1/responses/resp_1",
      "/V1/chat",
      "/_pod/requests",
    ]) {
      await expectCode(on(one.host, path, { surface: "endpoint" }), 404, "unsupported_endpoint");
    }
  });

  it("lets no spelling of a path reach another path of the pod", async () => {
    pod.clear();
    for (const path of [
      "/v1/chat/../../_pod/requests",
      "/v1/%2e%2e/_pod/requests",
      "/v1/models/../../_pod/requests",
      "//v1/chat",
      "/v1\\..\\_pod",
      "/v1/chat/completions%00",
      "http://127.0.0.1/_pod/requests",
    ]) {
      const head = `host: ${one.host}\r\nauthorization: Bearer ${one.key}\r\nconnection: close`;
      const text = await exchange(worker.port, `GET ${path} HTTP/1.1\r\n${head}\r\n\r\n`);
      assert.match(text, /^HTTP\/1\.1 40[045] /, path);
    }
    // One of them is the id of a model, for which the list is looked through.
    assert.deepEqual([...new Set(pod.requests.map(({ path }) => path))], ["/v1/models"]);
  });

  it("shows the contract without a key", async () => {
    const contract = await on(one.host, "/openapi.json");
    assert.equal(contract.status, 200);
    assert.equal(contract.json<{ info: { title: string } }>().info.title, "MoltGhost access layer");
  });
});

describe("a host that is not ours", () => {
  it("is refused whatever the path", async () => {
    for (const host of [
      "example.com",
      "localhost.example.com",
      `${one.id}.agent.example.com`,
      "x.y.agent.localhost",
      `x.${one.id}.agent.localhost`,
      "10.0.0.8",
      "[2001:db8::1]",
      "notlocalhost",
    ]) {
      for (const path of ["/", "/healthz", "/v1/health", `${one.path}/v1/health`, "/api/v1/agents"]) {
        await expectCode(on(host, path, { surface: "control" }), 421, "misdirected_request");
      }
    }
  });

  it("is refused though it looks like one of workers.dev", async () => {
    for (const host of ["workers.dev", "evil-workers.dev", "x.workers.dev.example.com"]) {
      await expectCode(on(host, "/healthz"), 421, "misdirected_request");
    }
  });
});

describe("a name that no agent has", () => {
  const call = { json: { messages: [{ role: "user", content: "x" }] } };

  async function refused(name: string): Promise<void> {
    const byPath = `${worker.url}/agents/${name}`;
    for (const path of ["/v1/health", "/v1/status", "/v1/models"]) {
      await expectCode(on(`${name}.agent.localhost`, path, { surface: "endpoint" }), 404, "agent_not_found");
      await expectCode(checkedRequest(byPath + path, signed()), 404, "agent_not_found");
    }
    await expectCode(checkedRequest(`${byPath}/v1/chat`, { ...call, ...signed() }), 404, "agent_not_found");
    await expectCode(checkedRequest(`${byPath}/v1/chat`, { method: "OPTIONS" }), 404, "agent_not_found");
  }

  function signed(): CheckedOptions {
    return { headers: { authorization: `Bearer ${one.key}` } };
  }

  it("is refused at the edge where no agent can have it: no object is asked", async () => {
    const [agents, accounts] = await Promise.all([worker.objects("Agent"), worker.objects("Account")]);
    const wrong = `${one.id.slice(0, 11)}${one.id.endsWith("a") ? "b" : "a"}`;
    for (const name of ["ab", "api", "www", "a--b", `pending-${wrong}`, "agent-abc", "x".repeat(63)]) {
      await refused(name);
    }
    await expectCode(
      checkedRequest(`${worker.url}/agents//v1/health`, { surface: "endpoint" }),
      404,
      "agent_not_found",
    );
    await expectCode(checkedRequest(`${worker.url}/agents/%2e%2e%2f/v1/health`), 404, "agent_not_found");
    assert.deepEqual(await worker.objects("Agent"), agents);
    assert.deepEqual(await worker.objects("Account"), accounts);
  });

  it("leaves no trace in an object that was asked and never created", async () => {
    const known = new Set([...(await worker.objects("Agent")), ...(await worker.objects("Account"))]);
    const id = agentIdOf("zzzzzzzzzz");
    await refused(id);
    await expectCode(on(`pending-${id}.agent.localhost`, "/"), 404, "agent_not_found");
    await refused("nobody-has-this");
    const all = [...(await worker.objects("Agent")), ...(await worker.objects("Account"))];
    for (const object of all.filter((object) => !known.has(object))) {
      assert.deepEqual(tablesOf(worker.persist, object), []);
    }
    const existing = await worker.objects("Agent");
    assert.ok(existing.some((object) => tablesOf(worker.persist, object).includes("agent")));
  });

  it("with wrong check characters is looked up as an alias only", async () => {
    const agents = await worker.objects("Agent");
    await refused(`${one.id.slice(0, 11)}${one.id.endsWith("a") ? "b" : "a"}`);
    assert.deepEqual(await worker.objects("Agent"), agents);
  });
});

describe("the hosts of the deployment", () => {
  it("serves the control API on api, net and the domain, not in front of agents", async () => {
    for (const host of [
      "api.localhost",
      "net.localhost",
      "localhost",
      "127.0.0.1",
      "API.localhost.:1",
      "[::1]:9",
    ]) {
      const answer = await on(host, "/api/v1/accounts", { surface: "control" });
      assert.equal(answer.status, 401, `${host}: ${answer.text}`);
    }
    const elsewhere = await worker.ask("/api/v1/accounts", { host: "agent.localhost" });
    assert.equal(elsewhere.status, 404, elsewhere.text);
    assert.equal(code(elsewhere), "not_found");
  });

  it("serves endpoints by path on agent.DOMAIN and on loopback, not on api and net", async () => {
    const path = `${one.path}/v1/health`;
    for (const host of [
      "agent.localhost",
      "localhost",
      `127.0.0.1:${worker.port}`,
      "127.8.8.8",
      "x.localhost",
    ]) {
      const answer = await on(host, path);
      assert.equal(answer.status, 200, `${host}: ${answer.text}`);
    }
    for (const host of ["api.localhost", "net.localhost"]) {
      await expectCode(on(host, path, { surface: "control" }), 404, "not_found");
    }
    const byAlias = await on("agent.localhost", `/agents/${alias}/v1/health`);
    assert.equal(byAlias.status, 200);
  });

  it("serves health and the contract on each of them, to GET and HEAD alone", async () => {
    for (const host of ["localhost", "api.localhost", "net.localhost", "agent.localhost", "127.0.0.1"]) {
      for (const path of ["/healthz", "/readyz", "/openapi.json"]) {
        const answer = await on(host, path);
        assert.equal(answer.status, 200, `${host}${path}: ${answer.text}`);
        const head = await on(host, path, { method: "HEAD" });
        assert.equal(head.status, 200);
        const posted = await on(host, path, { method: "POST" });
        assert.equal(posted.status, 405);
      }
    }
    assert.deepEqual((await on("api.localhost", "/readyz")).json(), { status: "ready", d1: "ok" });
    assert.deepEqual((await on("localhost", "/readyz")).json(), { status: "ready" });
  });

  it("has nothing on other paths, and leads to the console where the network is", async () => {
    for (const path of ["/", "/v1/chat", "/api/v1", "/api/v2/agents", "/agents", "/favicon.ico"]) {
      await expectCode(on("api.localhost", path), 404, "not_found");
      const answer = await on("localhost", path);
      assert.equal(answer.status, 307, path);
      assert.equal(answer.header("location"), "/console/");
    }
    // There is no network without its authentication; programs are refused, as they do not sign in on a page.
    assert.notEqual((await on("localhost", "/console/")).status, 404);
  });
});

describe("the pending host", () => {
  it("is not ready on every path until the agent runs, and then the same as the stable host", async () => {
    const starting = await tenant(worker, pod, { start: false });
    const host = `pending-${starting.id}.agent.localhost:${worker.port}`;
    for (const path of ["/", "/v1/health", "/v1/chat", "/nothing", "/openapi.json"]) {
      const answer = await worker.ask(path, { host, method: path === "/v1/chat" ? "POST" : "GET" });
      assert.equal(answer.status, 404, answer.text);
      const { error } = answer.json<{ error: { code: string; stable_url: string } }>();
      assert.equal(error.code, "agent_not_ready");
      assert.equal(error.stable_url, `http://${starting.host}`);
    }
    const stable = await starting.call("/v1/health");
    assert.equal(stable.json<{ status: string }>().status, "initializing");
    await starting.start();
    const chat = await on(host, "/v1/chat", {
      surface: "endpoint",
      json: { messages: [{ role: "user", content: "pending" }] },
      headers: { authorization: `Bearer ${starting.key}` },
    });
    assert.equal(chat.status, 200, chat.text);
    await starting.terminate();
    await expectCode(on(host, "/v1/health", { surface: "endpoint" }), 410, "agent_terminated");
  });
});

describe("every answer", () => {
  it("has a request id of its own, never the caller's, but on the network", async () => {
    const seen = new Set<string>();
    const headers = { "x-request-id": "req_0000000000000000", authorization: `Bearer ${one.key}` };
    for (const [host, path] of [
      ["api.localhost", "/healthz"],
      ["api.localhost", "/nothing"],
      ["example.com", "/"],
      [one.host, "/v1/status"],
      [one.host, "/v1/models"],
      ["nobody.agent.localhost", "/v1/health"],
    ] as const) {
      const answer = await worker.ask(path, { host, headers });
      const id = answer.header("x-request-id") ?? "";
      assert.match(id, /^req_[0-9a-f]{16}$/);
      assert.notEqual(id, headers["x-request-id"]);
      const loopback = host !== "example.com";
      assert.equal(answer.header("strict-transport-security") === undefined, loopback, host);
      seen.add(id);
    }
    assert.equal(seen.size, 6);
    const echoed = await worker.ask("/healthz", { host: "localhost", headers });
    assert.equal(echoed.header("x-request-id"), headers["x-request-id"]);
  });
});

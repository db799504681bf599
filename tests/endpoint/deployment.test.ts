// What a deployment refuses by itself: plain HTTP off loopback, and serving without its secrets. Nothing is open by
// default on the internet (agent-endpoints §1).

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  type Answer,
  KEY_PEPPER,
  OPERATOR_TOKEN,
  type RunningWorker,
  startWorker,
} from "../harness/index.ts";
import { expectDocumented, type Surface } from "../harness/openapi.ts";

const DOMAIN = "example.com";
const HSTS = "max-age=31536000; includeSubDomains";

interface Asked {
  host: string;
  path: string;
  method?: string;
  surface?: Surface;
  headers?: Record<string, string>;
}

async function ask(worker: RunningWorker, asked: Asked, secure: boolean): Promise<Answer> {
  const { host, path, method = "GET", surface, headers = {} } = asked;
  const options = { host, method, headers };
  const answer = await (secure ? worker.askOverHttps(path, options) : worker.ask(path, options));
  expectDocumented({
    method,
    path,
    host,
    surface,
    status: answer.status,
    headers: answer.headers,
    body: answer.bytes,
  });
  return answer;
}

function code(answer: Answer): string {
  return answer.json<{ error: { code: string } }>().error.code;
}

const AGENT_HOST = `nobody.agent.${DOMAIN}`;

describe("off loopback", () => {
  let worker: RunningWorker;
  before(async () => {
    worker = await startWorker({ vars: { DOMAIN, HOSTS: "proxy.example.net" } });
  });
  after(() => worker?.stop());

  it("refuses plain HTTP on every API path", async () => {
    for (const [host, path] of [
      [DOMAIN, "/api/v1/agents"],
      [DOMAIN, "/healthz"],
      [DOMAIN, "/readyz"],
      [`api.${DOMAIN}`, "/api/v1/agents"],
      [`net.${DOMAIN}`, "/openapi.json"],
      [`agent.${DOMAIN}`, "/agents/nobody/v1/chat"],
      ["proxy.example.net", "/healthz"],
      ["moltghost.me.workers.dev", "/healthz"],
    ] as const) {
      const headers = { authorization: `Bearer ${OPERATOR_TOKEN}` };
      const answer = await ask(worker, { host, path, headers }, false);
      assert.equal(answer.status, 403, `${host}${path}: ${answer.text}`);
      assert.equal(code(answer), "https_required");
      assert.equal(answer.header("strict-transport-security"), HSTS);
    }
    for (const method of ["GET", "POST", "OPTIONS"]) {
      const answer = await ask(worker, { host: AGENT_HOST, path: "/v1/chat", method }, false);
      assert.equal(answer.status, 403, answer.text);
      assert.equal(code(answer), "https_required");
    }
  });

  it("leads readers of pages to https, and nothing else", async () => {
    const page = await ask(worker, { host: DOMAIN, path: "/" }, false);
    assert.equal(page.status, 308);
    assert.equal(page.header("location"), `https://${DOMAIN}/`);
    for (const path of ["/console", "/console/", "/console/index.html"]) {
      const led = await ask(worker, { host: DOMAIN, path }, false);
      assert.deepEqual([led.status, led.header("location")], [308, `https://${DOMAIN}${path}`]);
    }
    const posted = await ask(worker, { host: DOMAIN, path: "/", method: "POST" }, false);
    assert.equal(posted.status, 403);
  });

  it("serves https", async () => {
    for (const path of ["/healthz", "/readyz", "/openapi.json"]) {
      for (const host of [DOMAIN, `api.${DOMAIN}`, "proxy.example.net"]) {
        const answer = await ask(worker, { host, path }, true);
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.header("strict-transport-security"), HSTS);
      }
    }
    const headers = { authorization: `Bearer ${OPERATOR_TOKEN}` };
    const agents = await ask(worker, { host: DOMAIN, path: "/api/v1/accounts", headers }, true);
    assert.equal(agents.status, 200, agents.text);
    const agent = await ask(worker, { host: AGENT_HOST, path: "/v1/health" }, true);
    assert.equal(code(agent), "agent_not_found");
    assert.equal(agent.header("strict-transport-security"), HSTS);
  });

  it("keeps endpoints by path off the console's origin", async () => {
    const path = "/agents/nobody/v1/health";
    const own = await ask(worker, { host: `agent.${DOMAIN}`, path }, true);
    assert.equal(code(own), "agent_not_found");
    for (const host of [DOMAIN, `net.${DOMAIN}`, `api.${DOMAIN}`]) {
      const answer = await ask(worker, { host, path, surface: "control" }, true);
      assert.equal(code(answer), "not_found", host);
    }
  });

  it("does not take a forwarded host or scheme for the real one", async () => {
    const headers = { "x-forwarded-proto": "https", "x-forwarded-host": DOMAIN };
    const plain = await ask(worker, { host: DOMAIN, path: "/healthz", headers }, false);
    assert.equal(plain.status, 403);
    const foreign = await ask(worker, { host: "evil.example", path: "/healthz", headers }, false);
    assert.equal(foreign.status, 421);
  });

  it("still serves loopback names over plain HTTP", async () => {
    const answer = await ask(worker, { host: "127.0.0.1", path: "/healthz" }, false);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.header("strict-transport-security"), undefined);
  });
});

describe("PATH_ENDPOINTS", () => {
  it("serves endpoints by path on the domain when it is on", async () => {
    const worker = await startWorker({ vars: { DOMAIN, PATH_ENDPOINTS: "on" } });
    try {
      const path = "/agents/nobody/v1/health";
      assert.equal(code(await ask(worker, { host: DOMAIN, path }, true)), "agent_not_found");
      const other = await ask(worker, { host: `net.${DOMAIN}`, path, surface: "control" }, true);
      assert.equal(code(other), "not_found");
    } finally {
      await worker.stop();
    }
  });
});

describe("a deployment that lacks something", () => {
  const paths = [
    { host: DOMAIN, path: "/healthz" },
    { host: DOMAIN, path: "/readyz" },
    { host: DOMAIN, path: "/api/v1/agents" },
    { host: DOMAIN, path: "/openapi.json" },
    { host: AGENT_HOST, path: "/v1/health" },
    { host: AGENT_HOST, path: "/v1/chat", method: "POST" },
    { host: AGENT_HOST, path: "/nothing" },
  ];

  for (const [what, vars] of [
    ["the operator token", { OPERATOR_TOKEN: undefined, KEY_PEPPER }],
    ["the pepper", { OPERATOR_TOKEN, KEY_PEPPER: undefined }],
    ["an operator token of any length", { OPERATOR_TOKEN: "short", KEY_PEPPER }],
    ["both secrets", { OPERATOR_TOKEN: undefined, KEY_PEPPER: undefined }],
  ] as const) {
    it(`without ${what} says so on every path`, async () => {
      const worker = await startWorker({ vars: { DOMAIN, ...vars } });
      try {
        for (const asked of paths) {
          const answer = await ask(worker, asked, true);
          assert.equal(answer.status, 503, `${asked.path}: ${answer.text}`);
          assert.equal(code(answer), "not_configured");
          assert.match(answer.text, /wrangler secret put/);
          assert.equal(answer.header("x-should-retry"), "false");
        }
        assert.deepEqual(await worker.objects("Agent"), []);
      } finally {
        await worker.stop();
      }
    });
  }

  it("needs the pepper on loopback too, and there alone goes without an operator", async () => {
    const bare = await startWorker({ vars: { KEY_PEPPER: undefined } });
    const local = await startWorker({ vars: { OPERATOR_TOKEN: undefined } });
    try {
      assert.equal(code(await ask(bare, { host: "localhost", path: "/healthz" }, false)), "not_configured");
      const health = await ask(local, { host: "localhost", path: "/healthz" }, false);
      assert.equal(health.status, 200);
      for (const token of [OPERATOR_TOKEN, "undefined", "null", ""]) {
        const headers = { authorization: `Bearer ${token}` };
        const closed = await ask(local, { host: "localhost", path: "/api/v1/accounts", headers }, false);
        assert.equal(closed.status, 401, "nobody is the operator of a deployment without a token");
      }
    } finally {
      await Promise.all([bare.stop(), local.stop()]);
    }
  });

  it("names the variable that cannot be used", async () => {
    const worker = await startWorker({ vars: { DOMAIN: "https://example.com" } });
    try {
      const answer = await ask(worker, { host: "localhost", path: "/healthz" }, false);
      assert.equal(code(answer), "not_configured");
      assert.match(answer.text, /DOMAIN/);
    } finally {
      await worker.stop();
    }
  });
});

describe("with D1 down", () => {
  it("is not ready, says why, and serves all that needs no D1", async () => {
    const worker = await startWorker({ d1: "down" });
    try {
      const network = await ask(worker, { host: "localhost", path: "/readyz" }, false);
      assert.equal(network.status, 503);
      assert.equal(network.json<{ error: string }>().error, "service unavailable");
      const ready = await ask(worker, { host: "api.localhost", path: "/readyz" }, false);
      assert.equal(ready.status, 503);
      const { status, d1 } = ready.json<{ status: string; d1: string }>();
      assert.equal(status, "not_ready");
      assert.match(d1, /D1/);
      const alive = await ask(worker, { host: "localhost", path: "/healthz" }, false);
      assert.equal(alive.status, 200);
      const nobody = await ask(worker, { host: "nobody.agent.localhost", path: "/v1/health" }, false);
      assert.equal(code(nobody), "agent_not_found");
    } finally {
      await worker.stop();
    }
  });
});

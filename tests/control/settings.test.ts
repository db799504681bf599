// Settings of agents at their edges: what is refused, and which field the refusal names.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type AgentDocument, uniqueName } from "../harness/tenant.ts";
import { freshId, refused, type Session, session } from "./session.ts";

const MIB = 1024 * 1024;
const http = (more: Record<string, unknown>) => ({
  origin: { type: "http", url: "https://pod.example", ...more },
});
const header = (name: string, value: unknown = "x") => http({ headers: { [name]: value } });
const names = (count: number) => Array.from({ length: count }, (_, n) => `x-${n}`);
const headers = (count: number) => Object.fromEntries(names(count).map((name) => [name, "x"]));
const origins = (count: number) => Array.from({ length: count }, (_, n) => `https://a${n}.example`);

/** What is accepted, at the very edge. */
const GOOD: Record<string, Record<string, unknown>[]> = {
  name: [{ name: "a" }, { name: `Z${"9".repeat(62)}` }, { name: "a b.c_d-e" }],
  alias: [
    { alias: "abc" },
    { alias: "0a9" },
    { alias: "a-b-c" },
    { alias: "a".repeat(39) },
    { alias: "agents" },
    { alias: "apis" },
  ],
  model: [{ model: "m" }, { model: "m".repeat(256) }, { model: "org/model:1 β" }],
  limits: [
    { limits: {} },
    { limits: { body_bytes: 1, max_timeout_seconds: 1 } },
    { limits: { body_bytes: 25 * MIB, max_timeout_seconds: 3_600 }, timeout_seconds: 3_600 },
    { limits: { body_bytes: null, max_timeout_seconds: null } },
    { limits: { rpm: 1, concurrency: 1, queue: 0 } },
    { limits: { rpm: 1_000_000, concurrency: 1_000, queue: 64 } },
    { limits: { rpm: null, concurrency: null, queue: null } },
  ],
  cors: [
    { cors: { origins: [] } },
    { cors: { origins: ["*"] } },
    { cors: { origins: origins(32) } },
    { cors: { origins: ["http://localhost:3000", "http://[::1]:80"] } },
  ],
  region: [{ region: null }, { region: "weur" }, { region: "ap-southeast-1" }],
  forward_headers: [{ forward_headers: [] }, { forward_headers: names(32) }, { forward_headers: ["X-Team"] }],
  origin: [
    http({}),
    http({ headers: null }),
    http({ headers: headers(16) }),
    header("Authorization", "Bearer abc"),
    header("CF-Access-Client-Secret"),
    header("x-a", "x".repeat(4_096)),
    header("x-a", "inner space ~ and all"),
  ],
};

/** What is refused, and the field that is named. */
const BAD: [Record<string, unknown>, string][] = [
  [{ name: "" }, "name"],
  [{ name: null }, "name"],
  [{ name: "9a" }, "name"],
  [{ name: "-a" }, "name"],
  [{ name: `a${"b".repeat(63)}` }, "name"],
  [{ name: "a/b" }, "name"],
  [{ name: "a\n" }, "name"],
  [{ name: "trailing " }, "name"],
  [{ name: ["a"] }, "name"],
  ...["", "ab", "a-", "-ab", "a--b", "Abc", "a_b", "ä00", "a.b", "a".repeat(40)].map(
    (alias): [Record<string, unknown>, string] => [{ alias }, "alias"],
  ),
  ...["api", "net", "agent", "www", "agent-x", "pending-x", "pending-abc", 7].map(
    (alias): [Record<string, unknown>, string] => [{ alias }, "alias"],
  ),
  [{ model: "" }, "model"],
  [{ model: "m".repeat(257) }, "model"],
  [{ model: "ß".repeat(129) }, "model"],
  [{ model: 1 }, "model"],
  [{ timeout_seconds: 0 }, "timeout_seconds"],
  [{ timeout_seconds: -1 }, "timeout_seconds"],
  [{ timeout_seconds: 1.5 }, "timeout_seconds"],
  [{ timeout_seconds: "10" }, "timeout_seconds"],
  [{ timeout_seconds: 301 }, "timeout_seconds"],
  [{ timeout_seconds: 3_601, limits: { max_timeout_seconds: 3_600 } }, "timeout_seconds"],
  [{ limits: { rpm: 0 } }, "limits.rpm"],
  [{ limits: { rpm: 1_000_001 } }, "limits.rpm"],
  [{ limits: { concurrency: 0 } }, "limits.concurrency"],
  [{ limits: { concurrency: 1_001 } }, "limits.concurrency"],
  [{ limits: { queue: -1 } }, "limits.queue"],
  [{ limits: { queue: 65 } }, "limits.queue"],
  [{ limits: { body_bytes: 0 } }, "limits.body_bytes"],
  [{ limits: { body_bytes: 25 * MIB + 1 } }, "limits.body_bytes"],
  [{ limits: { body_bytes: -1 } }, "limits.body_bytes"],
  [{ limits: { max_timeout_seconds: 0 } }, "limits.max_timeout_seconds"],
  [{ limits: { max_timeout_seconds: 3_601 } }, "limits.max_timeout_seconds"],
  [{ limits: [] }, "limits"],
  [{ cors: {} }, "cors.origins"],
  [{ cors: { origins: "*" } }, "cors.origins"],
  [{ cors: { origins: origins(33) } }, "cors.origins"],
  [{ cors: { origins: ["a.example"] } }, "cors.origins"],
  [{ cors: { origins: ["https://a.example/"] } }, "cors.origins"],
  [{ cors: { origins: ["https://"] } }, "cors.origins"],
  [{ cors: { origins: ["null"] } }, "cors.origins"],
  [{ cors: { origins: ["https://a.example\r\nx: y"] } }, "cors.origins"],
  [{ cors: { origins: [], credentials: true } }, "cors.credentials"],
  [{ cors: "*" }, "cors"],
  [{ forward_headers: names(33) }, "forward_headers"],
  [{ forward_headers: "x-a" }, "forward_headers"],
  ...["authorization", "Cookie", "cf-ray", "x-forwarded-for", "x-moltghost-run", "host", "", "a b", "é"].map(
    (name): [Record<string, unknown>, string] => [{ forward_headers: [name] }, "forward_headers"],
  ),
  [{ origin: {} }, "origin.type"],
  [{ origin: { type: "ftp" } }, "origin.type"],
  [{ origin: { type: "vpc" } }, "origin.type"],
  [{ origin: "https://pod.example" }, "origin"],
  [{ origin: { type: "http" } }, "origin.url"],
  [{ origin: { type: "http", url: 1 } }, "origin.url"],
  [{ origin: { type: "tunnel", url: "https://pod.example" } }, "origin.url"],
  [http({ timeout: 1 }), "origin.timeout"],
  [http({ headers: headers(17) }), "origin.headers"],
  [http({ headers: [] }), "origin.headers"],
  [header("host"), "origin.headers.host"],
  [header("Content-Length"), "origin.headers.Content-Length"],
  [header("x-forwarded-for"), "origin.headers.x-forwarded-for"],
  [header("x-moltghost-run"), "origin.headers.x-moltghost-run"],
  [header("a b"), "origin.headers.a b"],
  [header("x-a", ""), "origin.headers.x-a"],
  [header("x-a", " x"), "origin.headers.x-a"],
  [header("x-a", "x\r\ny: z"), "origin.headers.x-a"],
  [header("x-a", "é"), "origin.headers.x-a"],
  [header("x-a", "x".repeat(4_097)), "origin.headers.x-a"],
  [header("x-a", 1), "origin.headers.x-a"],
  [{ region: 1 }, "region"],
  [{ nothing: 3 }, "nothing"],
  [{ replicas: 17 }, "replicas"],
  [{ start_deadline_seconds: 3_601 }, "start_deadline_seconds"],
  [{ legacy_403: "yes" }, "legacy_403"],
  [{ id: "k3v9x2m7qasf" }, "id"],
  [{ state: "running" }, "state"],
  [{ Name: "a" }, "Name"],
];

describe("settings", () => {
  let s: Session;
  let account: string;
  let agent: AgentDocument;
  before(async () => {
    s = await session();
    account = await s.account();
    agent = await s.agent(account);
  });
  after(() => s?.stop());

  for (const [field, cases] of Object.entries(GOOD)) {
    it(`takes ${field} at the edge of what is allowed`, async () => {
      for (const settings of cases) {
        const own = field === "name" ? await s.account() : account;
        const json = { account: own, name: uniqueName("agent"), ...settings };
        await s.ok(201, "/agents", { json });
      }
    });
  }

  it("refuses what is beyond, and names the field, when an agent is made", async () => {
    for (const [settings, field] of BAD) {
      const json = { account, name: uniqueName("agent"), ...settings };
      refused(await s.call("/agents", { json }), 400, "invalid_request", field);
    }
    assert.deepEqual((await s.all<AgentDocument>(`/agents?account=${account}`, 200)).length > 0, true);
  });

  it("refuses the same when an agent is changed, and changes nothing", async () => {
    const before = await s.ok(200, `/agents/${agent.id}`);
    for (const [settings, field] of BAD) {
      if (settings.name === null) {
        continue;
      }
      const answer = await s.call(`/agents/${agent.id}`, { method: "PATCH", json: settings });
      refused(answer, 400, "invalid_request", field);
    }
    assert.deepEqual(await s.ok(200, `/agents/${agent.id}`), before);
  });

  it("refuses a region that there is not, and names those that there are", async () => {
    for (const region of ["eu", "", "WEUR"]) {
      const answer = await s.call(`/agents/${agent.id}`, { method: "PATCH", json: { region } });
      assert.match(refused(answer, 400, "unknown_region", "region").message, /ap-southeast-1/);
    }
  });

  it("refuses an account in a change: agents do not move", async () => {
    const json = { account: freshId() };
    const answer = await s.call(`/agents/${agent.id}`, { method: "PATCH", json });
    refused(answer, 400, "invalid_request", "account");
  });

  it("refuses an alias of the form of an id", async () => {
    refused(
      await s.call(`/agents/${agent.id}`, { method: "PATCH", json: { alias: agent.id } }),
      400,
      "invalid_request",
      "alias",
    );
  });

  it("says nothing of a secret value that it refuses", async () => {
    const json = { account, name: uniqueName("agent"), ...header("x-a", "very-secret-é") };
    assert.ok(!(await s.call("/agents", { json })).text.includes("very-secret"));
  });
});

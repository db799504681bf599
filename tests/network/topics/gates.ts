// Which credential may ask which route: every route with every credential.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { uniqueName } from "../../harness/tenant.ts";
import type { Server } from "../server.ts";
import { type Scope, TOKENS, type TokenName } from "../setup.ts";

type Gate =
  | { kind: "any"; scopes: Scope[] }
  | { kind: "public"; scopes: Scope[] }
  | { kind: "register" }
  | { kind: "health" }
  | { kind: "skill" };

const R: Scope[] = ["observe", "admin"];
const L: Scope[] = ["observe", "admin", "pair"];
const N: Scope[] = ["observe", "admin", "pair", "attach"];

const ROUTES: { method: string; path: string; gate: Gate; body?: unknown }[] = [
  { method: "GET", path: "/metrics", gate: { kind: "any", scopes: ["admin"] } },
  { method: "GET", path: "/healthz", gate: { kind: "health" } },
  { method: "GET", path: "/readyz", gate: { kind: "health" } },
  { method: "GET", path: "/install.md", gate: { kind: "public", scopes: R } },
  { method: "GET", path: "/llms.txt", gate: { kind: "public", scopes: R } },
  { method: "GET", path: "/skill.md", gate: { kind: "skill" } },
  { method: "GET", path: "/v1/network", gate: { kind: "public", scopes: N } },
  { method: "GET", path: "/v1/rooms", gate: { kind: "public", scopes: L } },
  { method: "POST", path: "/v1/rooms", gate: { kind: "any", scopes: ["admin"] }, body: {} },
  { method: "GET", path: "/v1/rooms/none-such", gate: { kind: "public", scopes: R } },
  { method: "DELETE", path: "/v1/rooms/none-such", gate: { kind: "any", scopes: ["admin"] } },
  {
    method: "PATCH",
    path: "/v1/rooms/none-such/members",
    gate: { kind: "any", scopes: ["admin"] },
    body: {},
  },
  { method: "GET", path: "/v1/rooms/none-such/messages", gate: { kind: "public", scopes: R } },
  { method: "GET", path: "/v1/rooms/none-such/threads", gate: { kind: "public", scopes: R } },
  { method: "GET", path: "/v1/threads/none-such", gate: { kind: "public", scopes: R } },
  { method: "GET", path: "/v1/threads/none-such/messages", gate: { kind: "public", scopes: R } },
  { method: "GET", path: "/v1/dms", gate: { kind: "any", scopes: R } },
  { method: "GET", path: "/v1/dms/none-such", gate: { kind: "any", scopes: R } },
  { method: "GET", path: "/v1/dms/none-such/messages", gate: { kind: "any", scopes: R } },
  { method: "GET", path: "/v1/artifacts", gate: { kind: "any", scopes: R } },
  { method: "GET", path: "/v1/agents", gate: { kind: "public", scopes: L } },
  { method: "GET", path: "/v1/agents/none-such", gate: { kind: "public", scopes: R } },
  { method: "DELETE", path: "/v1/agents/none-such", gate: { kind: "any", scopes: ["admin"] } },
  {
    method: "POST",
    path: "/v1/agents/register",
    gate: { kind: "register" },
    body: { requested_agent_id: "a b" },
  },
  {
    method: "POST",
    path: "/v1/apply",
    gate: { kind: "any", scopes: ["admin"] },
    body: { network_id: "other" },
  },
  { method: "POST", path: "/v1/messages", gate: { kind: "any", scopes: ["write", "pair"] }, body: {} },
  { method: "GET", path: "/v1/pairings", gate: { kind: "any", scopes: R } },
  { method: "GET", path: "/v1/pairings/x/network", gate: { kind: "any", scopes: R } },
  { method: "GET", path: "/v1/pairings/x/rooms?before=%40", gate: { kind: "any", scopes: R } },
  { method: "GET", path: "/v1/pairings/x/agents", gate: { kind: "any", scopes: R } },
];

/** Routes that agents read of what they belong to, with our setting `member_read`. */
const MEMBER_READ = /^\/v1\/(rooms|threads|dms|artifacts)/;

type Verdict = "passes" | "authorization required" | "invalid token" | "forbidden";

function verdict(server: Server, gate: Gate, scopes: readonly Scope[] | null | "invalid"): Verdict {
  const any = (wanted: readonly Scope[]): Verdict => {
    if (scopes === null) {
      return "authorization required";
    }
    if (scopes === "invalid") {
      return "invalid token";
    }
    return wanted.some((scope) => scopes.includes(scope)) ? "passes" : "forbidden";
  };
  const optional: Verdict = scopes === "invalid" ? "invalid token" : "passes";
  switch (gate.kind) {
    case "any":
      return any(gate.scopes);
    case "public":
      return server.publicRead ? optional : any(gate.scopes);
    case "health":
      return server.publicRead ? optional : "passes";
    case "skill":
      return server.publicRead ? optional : any(["observe", "write", "admin", "attach"]);
    case "register": {
      const registration = server.mode === "open" ? "open" : (server.setup.registration ?? "disabled");
      if (registration === "open" && scopes === null) {
        return "passes";
      }
      return any(registration === "disabled" ? ["admin"] : ["admin", "attach"]);
    }
  }
}

/** Of setups with authentication. */
export function gates(server: Server): void {
  describe("gates", () => {
    const judge = async (
      as: string | null,
      scopes: readonly Scope[] | null | "invalid",
      agent: boolean,
    ): Promise<void> => {
      for (const { method, path, gate, body } of ROUTES) {
        const answer = await server.ask(path, { method, as, ...(body === undefined ? {} : { json: body }) });
        const { error } = /json/.test(answer.header("content-type") ?? "")
          ? answer.json<{ error?: string }>()
          : { error: undefined };
        const refusal = answer.status === 401 || error === "forbidden" ? error : "passes";
        let expected = verdict(server, gate, scopes);
        if (agent && method === "GET" && MEMBER_READ.test(path)) {
          expected = server.differs("member-read", expected, "passes");
        }
        assert.equal(refusal, expected, `${method} ${path} → ${answer.status} ${answer.text.slice(0, 200)}`);
        if (expected !== "passes") {
          assert.equal(answer.status, expected === "forbidden" ? 403 : 401, `${method} ${path}`);
        }
      }
    };

    it("for nobody", () => judge(null, null, false));
    it("for an unknown token", () => judge("x", "invalid", false));
    for (const name of Object.keys(TOKENS) as TokenName[]) {
      it(`for a token with ${TOKENS[name].scopes.join(" and ")} (${name})`, () =>
        judge(name, TOKENS[name].scopes, name === "limited"));
    }
    if (server.mode === "open" || server.setup.registration === "open") {
      it("for an agent's own token", async () => {
        const { agent_token } = await server.register(uniqueName("agent"), { as: null });
        await judge(agent_token ?? null, ["attach", "write"], true);
      });
    }
  });
}

// Who may do what: every operation of the contract's control surface, asked with every kind of credential.
//
// The matrix comes from docs/openapi.yaml (`x-minimum-role`, `security`); an operation that is documented and not
// prepared here fails the suite, so that no route can be added without its line.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { OPERATOR_TOKEN } from "../harness/index.ts";
import { contract } from "../harness/openapi.ts";
import { uniqueName } from "../harness/tenant.ts";
import { Connector } from "../tunnel/connector.ts";
import { type MadeToken, type Role, type Session, session } from "./session.ts";

interface Guarded {
  id: string;
  method: string;
  minimum: Role | "deployment";
}

interface Prepared {
  path: string;
  json?: unknown;
  /** Instead of the operation's own. */
  method?: string;
}

const RANKS: (Role | "deployment")[] = ["viewer", "operator", "admin", "deployment"];

function guarded(): Guarded[] {
  const found: Guarded[] = [];
  for (const [path, item] of Object.entries(contract.paths)) {
    for (const method of ["get", "post", "patch", "put", "delete"] as const) {
      const operation = item[method] as
        | { operationId: string; security: Record<string, unknown>[]; "x-minimum-role"?: Role }
        | undefined;
      if (operation === undefined || !path.startsWith("/api/v1")) {
        continue;
      }
      const tokens = operation.security.some((way) => "accountToken" in way);
      const role = operation["x-minimum-role"];
      assert.ok(tokens === (role !== undefined), `${operation.operationId}: security and role disagree`);
      found.push({
        id: operation.operationId,
        method: method.toUpperCase(),
        minimum: role ?? "deployment",
      });
    }
  }
  return found;
}

function networkToken() {
  return { id: uniqueName("token"), scopes: ["observe"] };
}

function pairing() {
  const id = uniqueName("pairing");
  return { id, remote_network_id: id, remote_base_url: "https://far.example" };
}

describe("roles", () => {
  let s: Session;
  let account: string;
  let agent: string;
  const tokens = {} as Record<Role, MadeToken>;
  let stranger: MadeToken;
  let revoked: MadeToken;
  before(async () => {
    s = await session();
    account = await s.account();
    agent = (await s.agent(account)).id;
    await s.ok(200, `/agents/${agent}/start`, { method: "POST" });
    for (const role of ["viewer", "operator", "admin"] as const) {
      tokens[role] = await s.token(account, role);
    }
    stranger = await s.token(await s.account(), "admin");
    revoked = await s.token(account, "admin");
    await s.ok(200, `/accounts/${account}/tokens/${revoked.id}`, { method: "DELETE" });
  });
  after(() => s?.stop());

  // Each call as it would succeed for who may make it. What it needs is made anew, so that calls do not disturb
  // each other.
  const prepare: Record<string, () => Promise<Prepared> | Prepared> = {
    createAccount: () => ({ path: "/accounts", json: { name: uniqueName("account") } }),
    listAccounts: () => ({ path: "/accounts" }),
    createToken: () => ({ path: `/accounts/${account}/tokens`, json: { name: "made", role: "viewer" } }),
    listTokens: () => ({ path: `/accounts/${account}/tokens` }),
    revokeToken: async () => ({
      path: `/accounts/${account}/tokens/${(await s.token(account, "viewer")).id}`,
    }),
    createAgent: () => ({ path: "/agents", json: { account, name: uniqueName("agent") } }),
    listAgents: () => ({ path: `/agents?account=${account}` }),
    getAgent: () => ({ path: `/agents/${agent}` }),
    getAgentUsage: () => ({ path: `/agents/${agent}/usage` }),
    getAgentMetrics: () => ({ path: `/agents/${agent}/metrics` }),
    getMetrics: () => ({ path: "/metrics" }),
    openSession: () => ({ path: "/session" }),
    getSession: () => ({ path: "/session" }),
    closeSession: () => ({ path: "/session" }),
    // A stream has no end, so its head stands for it.
    watchEvents: () => ({ path: `/events?account=${account}`, method: "HEAD" }),
    updateAgent: () => ({ path: `/agents/${agent}`, json: { model: uniqueName("model") } }),
    terminateAgent: async () => ({ path: `/agents/${(await s.agent(account)).id}` }),
    startAgent: () => ({ path: `/agents/${agent}/start` }),
    restartAgent: () => ({ path: `/agents/${agent}/restart` }),
    pauseAgent: () => ({ path: `/agents/${agent}/pause` }),
    createConnectToken: () => ({ path: `/agents/${agent}/connect-token` }),
    drainReplica: async () => {
      const { id, connect_token } = await s.agent(account);
      const url = `${s.worker.url}/agents/${id}`;
      await Connector.connect(url, connect_token, "", { replica: "a", takes: () => true });
      return { path: `/agents/${id}/replicas/a/drain` };
    },
    stopAgent: () => ({ path: `/agents/${agent}/stop` }),
    createKey: () => ({ path: `/agents/${agent}/keys`, json: { name: "made" } }),
    listAgentKeys: () => ({ path: `/agents/${agent}/keys` }),
    rotateKey: async () => ({ path: `/agents/${agent}/keys/${(await s.key(agent)).id}/rotate` }),
    listKeys: () => ({ path: `/keys?account=${account}` }),
    revokeKey: async () => ({ path: `/keys/${(await s.key(agent)).id}` }),
    revokeKeyBySecret: async () => ({ path: "/keys/revoke", json: { key: (await s.key(agent)).key } }),
    getNetworkSetup: () => ({ path: "/network" }),
    putNetworkToken: () => ({ path: "/network/tokens", json: networkToken() }),
    removeNetworkToken: async () => {
      const json = networkToken();
      await s.ok(201, "/network/tokens", { method: "POST", json });
      return { path: `/network/tokens/${json.id}` };
    },
    putPairing: () => ({ path: "/network/pairings", json: pairing() }),
    removePairing: async () => {
      const json = pairing();
      await s.ok(201, "/network/pairings", { method: "POST", json });
      return { path: `/network/pairings/${json.id}` };
    },
    changeNetworkLimits: () => ({ path: "/network/limits", json: { posts_per_minute: 600 } }),
    reprojectNetwork: () => ({ path: "/network/projection" }),
    refillSearch: () => ({ path: "/network/search" }),
  };

  const operations = guarded();

  it("has a line for every documented operation, and only for those", () => {
    assert.deepEqual(operations.map(({ id }) => id).sort(), Object.keys(prepare).sort());
  });

  async function ask({ id, method }: Guarded, token: string | null) {
    const prepared = await prepare[id]?.();
    assert.ok(prepared, `${id} is not prepared`);
    const { path, json } = prepared;
    return s.call(path, {
      method: prepared.method ?? method,
      token,
      ...(json === undefined ? {} : { json }),
    });
  }

  for (const operation of operations) {
    describe(`${operation.id} (${operation.minimum})`, () => {
      for (const role of ["viewer", "operator", "admin"] as const) {
        const allowed = RANKS.indexOf(role) >= RANKS.indexOf(operation.minimum);
        it(`${allowed ? "is open" : "is closed"} to ${role}`, async () => {
          const answer = await ask(operation, tokens[role].token);
          if (allowed) {
            assert.ok(answer.status === 200 || answer.status === 201, answer.text.slice(0, 500));
          } else {
            assert.equal(answer.status, 403, answer.text.slice(0, 500));
            assert.equal(answer.json<{ error: { code: string } }>().error.code, "role_not_allowed");
          }
        });
      }

      it("is open to the operator of the deployment", async () => {
        const { status, text } = await ask(operation, OPERATOR_TOKEN);
        assert.ok(status === 200 || status === 201, text.slice(0, 500));
      });

      it("is closed without a token, with a wrong and with a revoked one, all alike", async () => {
        const flipped = tokens.admin.token.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
        const bodies = new Set<string>();
        for (const token of [flipped, "nonsense", revoked.token]) {
          const answer = await ask(operation, token);
          assert.equal(answer.status, 401, answer.text.slice(0, 500));
          bodies.add(answer.text);
        }
        assert.equal(bodies.size, 1, "the answers tell wrong tokens from revoked ones");
        assert.equal((await ask(operation, null)).status, 401);
      });

      it("tells another account's admin nothing", async () => {
        const answer = await ask(operation, stranger.token);
        if (operation.id.endsWith("Session")) {
          // It speaks of nobody but the caller.
          const own = answer.json<{ account: string }>().account;
          assert.ok(answer.status < 300 && own !== account, answer.text);
          return;
        }
        const wanted = operation.minimum === "deployment" ? 403 : 404;
        assert.equal(answer.status, wanted, answer.text.slice(0, 500));
      });
    });
  }
});

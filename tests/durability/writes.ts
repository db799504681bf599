// Changes by the control API without pause, and what was acknowledged of them, to be compared after a crash.
//
// Invariant: what is remembered as done was answered in full; what was under way when the Worker died may have happened
// or not, and repeating it must be possible.

import assert from "node:assert/strict";
import { type Answer, ask, OPERATOR_TOKEN, until } from "../harness/index.ts";
import { type AgentDocument, control, type Served, uniqueName } from "../harness/tenant.ts";

interface Remembered {
  account: string;
  document: AgentDocument;
  /** A change that was sent last and not answered. */
  maybe: string | null;
  /** A change that was cut short may be finished later, which shows in `updated_at`. */
  unfinished: boolean;
  keys: { id: string; key: string; revoked: boolean; maybeRevoked: boolean }[];
}

interface Begun {
  path: string;
  json: Record<string, unknown>;
}

/** A number of writers of one deployment, over all its restarts. */
export class Writes {
  readonly agents: Remembered[] = [];
  readonly accounts: string[] = [];
  /** Creations that had no answer. */
  #begun: Begun[] = [];
  #running = false;
  #loops: Promise<void>[] = [];
  /** Answers that were neither 200 nor 201: none is expected. */
  readonly refused: string[] = [];

  async #send(served: Served, method: string, path: string, json?: unknown): Promise<Answer> {
    const answer = await ask(new URL(`/api/v1${path}`, served.url), {
      method,
      headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
      ...(json === undefined ? {} : { json }),
    });
    if (answer.status !== 200 && answer.status !== 201) {
      this.refused.push(`${method} ${path} ${answer.status} ${answer.text.slice(0, 300)}`);
    }
    return answer;
  }

  async #create(served: Served, begun: Begun): Promise<Answer> {
    this.#begun.push(begun);
    const answer = await this.#send(served, "POST", begun.path, begun.json);
    this.#begun = this.#begun.filter((other) => other !== begun);
    return answer;
  }

  async #round(served: Served): Promise<void> {
    const name = uniqueName("account");
    const account = name.replace("account-", "");
    await this.#create(served, { path: "/accounts", json: { id: account, name } });
    this.accounts.push(account);
    const json = { account, name: "agent", alias: uniqueName("alias"), model: "m0" };
    const made = await this.#create(served, { path: "/agents", json });
    const { connect_token: _, ...document } = made.json<AgentDocument & { connect_token: string }>();
    const agent: Remembered = { account, document, maybe: null, unfinished: false, keys: [] };
    this.agents.push(agent);
    for (let n = 1; this.#running; n += 1) {
      const key = (await this.#send(served, "POST", `/agents/${document.id}/keys`, { name: "key" })).json<{
        id: string;
        key: string;
      }>();
      const kept = { id: key.id, key: key.key, revoked: false, maybeRevoked: n % 2 === 0 };
      agent.keys.push(kept);
      if (n % 2 === 0) {
        await this.#send(served, "DELETE", `/keys/${key.id}`);
        kept.revoked = true;
      }
      agent.maybe = `m${n}`;
      const changed = await this.#send(served, "PATCH", `/agents/${document.id}`, {
        model: agent.maybe,
        // With a name the change goes through the account, without one straight to the agent.
        ...(n % 2 === 0 ? { name: `agent-${n}` } : {}),
      });
      agent.document = changed.json<AgentDocument>();
      agent.maybe = null;
      if (n === 4) {
        return;
      }
    }
  }

  begin(served: Served, loops: number): void {
    this.#running = true;
    this.#loops = Array.from({ length: loops }, async () => {
      while (this.#running) {
        try {
          await this.#round(served);
        } catch {
          // The Worker was killed.
          return;
        }
      }
    });
  }

  async end(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#loops);
  }

  /** Compares the deployment with what it has acknowledged. */
  async verify(served: Served): Promise<void> {
    assert.deepEqual(this.refused, [], "the control API has refused something while it lived");
    for (const { path, json } of this.#begun.splice(0)) {
      const again = await control(served, path, { json });
      assert.ok(again.status === 200 || again.status === 201, `${path} cannot be repeated: ${again.text}`);
      const once = await control(served, path, { json });
      assert.equal(once.status, 200, once.text);
    }
    for (const account of this.accounts) {
      const tokens = await control(served, `/accounts/${account}/tokens`);
      assert.equal(tokens.status, 200, `account ${account}: ${tokens.text}`);
    }
    for (const agent of this.agents) {
      await verifyAgent(served, agent);
    }
  }
}

/** The agent once its account and it agree on its name: a change that was cut short is finished by the account's alarm. */
function agreed(served: Served, { account, document, maybe }: Remembered): Promise<AgentDocument> {
  const look = async () => {
    const shown = (await control(served, `/agents/${document.id}`)).json<AgentDocument>();
    for (const by of [shown.alias, `${account}/${shown.name}`]) {
      const found = await control(served, `/agents/${by}`);
      assert.equal(found.status, 200, `${document.id} is not found as ${by}: ${found.text}`);
      assert.equal(found.json<AgentDocument>().id, document.id, String(by));
    }
    return shown;
  };
  return maybe === null ? look() : until(`agent ${document.id} to be whole`, look, 20_000);
}

async function verifyAgent(served: Served, agent: Remembered): Promise<void> {
  const { document } = agent;
  const shown = await agreed(served, agent);
  if (agent.maybe !== null && shown.model === agent.maybe) {
    const expected = { ...document, model: agent.maybe, name: shown.name, updated_at: shown.updated_at };
    assert.deepEqual(shown, expected);
  } else {
    const unfinished = agent.unfinished || agent.maybe !== null;
    assert.deepEqual(shown, { ...document, ...(unfinished ? { updated_at: shown.updated_at } : {}) });
  }
  agent.unfinished ||= agent.maybe !== null;
  agent.document = shown;
  agent.maybe = null;
  const answer = await control(served, `/agents/${document.id}/keys?limit=200`);
  const listed = answer.json<{ data: { id: string; revoked_at: string | null }[] }>().data;
  for (const key of agent.keys) {
    const found = listed.find(({ id }) => id === key.id);
    assert.ok(found, `key ${key.id} is gone`);
    const revoked = found.revoked_at !== null;
    assert.ok(revoked === key.revoked || (revoked && key.maybeRevoked), `key ${key.id}: ${found.revoked_at}`);
    key.revoked = revoked;
    const status = await ask(`${served.url}/agents/${document.id}/v1/status`, {
      headers: { authorization: `Bearer ${key.key}` },
    });
    assert.equal(status.status, revoked ? 401 : 200, `key ${key.id}: ${status.text}`);
  }
}

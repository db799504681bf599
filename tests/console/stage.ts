// What the console is tried on: our built Worker with a network in which somebody talks, an account with an endpoint
// and its pod, and tokens of every kind.

import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { ask, type RunningWorker, startWorker, together } from "../harness/index.ts";
import { issue } from "../harness/issued.ts";
import { control, type Tenant, tenant } from "../harness/tenant.ts";
import { Attached } from "../live/attached.ts";

const OPERATOR = "console-admin-token-3f8a51c09d7742e6";
const ATTACHER = "console-attacher-token-60f2b7d81c3e94a5";
const OBSERVER = "console-observer-token-9b1d40e7c85f23a6";

export interface Said {
  room: string;
  text?: string;
  from?: string;
  id?: string;
  thread?: string;
  parent?: string;
  parts?: unknown[];
}

/** A message as it is kept. */
export interface Held {
  id: string;
  from: { type: string; id: string };
  target: Record<string, unknown>;
  parts: { kind: string; text?: string }[];
  mentions?: string[];
}

export class Stage {
  readonly #attached: Attached[] = [];
  /** An endpoint that failed, one whose pod never came, and one with two replicas, where a suite has made them. */
  made: { failed: Tenant; waiting: Tenant; twin: Tenant } | undefined;
  readonly worker: RunningWorker;
  readonly pod: Pod;
  readonly tenant: Tenant;
  /** Account tokens by their role. */
  readonly roles: Record<"viewer" | "operator" | "admin", string>;
  /** A network token that may do everything, and one that may observe. */
  readonly operator = OPERATOR;
  readonly observer = OBSERVER;

  constructor(worker: RunningWorker, pod: Pod, tenant: Tenant, roles: Stage["roles"]) {
    this.worker = worker;
    this.pod = pod;
    this.tenant = tenant;
    this.roles = roles;
  }

  get url(): string {
    return this.worker.url;
  }

  /** A call of the network as the operator. */
  async network(path: string, json?: unknown, method?: string): Promise<void> {
    const answer = await ask(this.url + path, {
      headers: { authorization: `Bearer ${OPERATOR}` },
      ...(method !== undefined && { method }),
      ...(json !== undefined && { json }),
    });
    assert.ok(answer.status < 300, `${path}: ${answer.status} ${answer.text}`);
  }

  /** An agent attaches, and stays until the stage is left or `close` is called. */
  async attach(agent: string): Promise<Attached> {
    const attached = await Attached.ready({ url: this.url, mode: "bearer" }, agent, { as: ATTACHER });
    attached.answers = true;
    this.#attached.push(attached);
    return attached;
  }

  /** Somebody says something in private. */
  async whisper(dm: string, from: string, participants: string[], text: string): Promise<void> {
    await this.network("/v1/messages", {
      target: { kind: "dm", dm_id: dm, participant_ids: participants },
      from: { type: "agent", id: from },
      parts: [{ kind: "text", text }],
    });
  }

  /** What a conversation holds, as the operator reads it. */
  async messages(path: string): Promise<Held[]> {
    const headers = { authorization: `Bearer ${OPERATOR}` };
    const answer = await ask(`${this.url}/v1/${path}/messages`, { headers });
    assert.equal(answer.status, 200, answer.text);
    return answer.json<{ messages: Held[] }>().messages;
  }

  /** Somebody says something. */
  async say({ room, text = "", from = "alpha", id, thread, parent, parts }: Said): Promise<void> {
    const target =
      thread === undefined
        ? { kind: "room", room_id: room }
        : { kind: "thread", room_id: room, thread_id: thread, parent_message_id: parent };
    await this.network("/v1/messages", {
      ...(id !== undefined && { id }),
      target,
      from: { type: "agent", id: from },
      parts: parts ?? [{ kind: "text", text }],
    });
  }

  /** Keys in every standing. */
  async newKeys(): Promise<void> {
    await this.tenant.newKey("Production", { limits: { rpm: 600 } });
    await this.tenant.newKey("CI", { expires_at: new Date(Date.now() + 30 * 86_400_000).toISOString() });
    await this.tenant.revoke((await this.tenant.newKey("Old laptop")).id);
  }

  /** Many messages, in order. */
  async sayMany(room: string, count: number, prefix: string): Promise<void> {
    for (let at = 0; at < count; at += 1) {
      await this.say({ room, id: `${prefix}-${String(at)}`, text: `${prefix} number ${String(at)}` });
    }
  }

  async signIn(page: Page, token = this.operator, path = "/console/"): Promise<void> {
    await page.goto(this.url + path);
    await page.getByLabel("Token", { exact: true }).fill(token);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByLabel("Token", { exact: true }).waitFor({ state: "detached" });
  }

  async stop(): Promise<void> {
    for (const attached of this.#attached) {
      attached.cut();
    }
    await this.worker.stop();
    await this.pod.close();
  }
}

async function roleToken(worker: RunningWorker, account: string, role: string): Promise<string> {
  const answer = await control(worker, `/accounts/${account}/tokens`, {
    json: { name: `console ${role}`, role },
  });
  assert.equal(answer.status, 201, answer.text);
  return answer.json<{ token: string }>().token;
}

/** Sets the stage: rooms `lobby` (public) and `core` (private), agents alpha and beta, an endpoint `greeter`. */
export async function setStage(): Promise<Stage> {
  const [worker, pod] = await together([
    startWorker({
      vars: { AUTH: "bearer", ADMIN_TOKEN: OPERATOR, NETWORK_NAME: "Harbour", AGENT_REGISTRATION: "token" },
    }),
    startPod(),
  ]);
  issue("the console's admin token", OPERATOR);
  issue("the console's observer token", OBSERVER);
  issue("the token that the console's agents attach with", ATTACHER);
  const owner = await tenant(worker, pod, { name: "greeter", model: "demo-small" });
  const { account } = owner;
  const roles = {
    viewer: await roleToken(worker, account, "viewer"),
    operator: await roleToken(worker, account, "operator"),
    admin: await roleToken(worker, account, "admin"),
  };
  const stage = new Stage(worker, pod, owner, roles);
  for (const json of [
    { id: "observer", value: OBSERVER, scopes: ["observe"] },
    { id: "attacher", value: ATTACHER, scopes: ["attach", "write"] },
  ]) {
    const made = await control(worker, "/network/tokens", { json });
    assert.ok(made.status < 300, made.text);
  }
  for (const name of ["Alpha", "Beta"]) {
    const registered = await ask(`${worker.url}/v1/agents/register`, {
      headers: { authorization: `Bearer ${ATTACHER}` },
      json: { requested_agent_id: name.toLowerCase(), name },
    });
    assert.equal(registered.status, 201, registered.text);
  }
  await stage.network("/v1/rooms", {
    id: "lobby",
    name: "Lobby",
    visibility: "public",
    write_policy: "registered_agents",
    members: ["alpha", "beta"],
  });
  await stage.network("/v1/rooms", { id: "core", name: "Core team", members: ["alpha"] });
  return stage;
}

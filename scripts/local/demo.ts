// The demo account with a token, an agent of it and its key, made through the control API like anybody else's.
//
// Invariant: the same account, agent, key and token on every run, for as long as the local state is kept. Secrets are
// shown once by the Worker, so they are kept in .wrangler/demo.json (or agent-NAME.json), readable by its owner alone.

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { STATE, StepError } from "./step.ts";

const ACCOUNT = "demo";
const RUNNING_MS = 30_000;

export interface Demo {
  account: string;
  agent: string;
  key: string;
  /** What the pod's connector shows. */
  connectToken: string;
  /** Token of the account, for the command line. */
  token: string;
}

function file(name: string): string {
  return join(STATE, name === "demo" ? "demo.json" : `agent-${name}.json`);
}

interface AgentDocument {
  id: string;
  state: string;
  reason?: string | null;
  origin: { type: string };
  connect_token?: string;
}

class Control {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  async call(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
    const answer = await fetch(`${this.#url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, text: await answer.text() };
  }

  /** A call that has to succeed. */
  async must<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { status, text } = await this.call(method, path, body);
    if (status < 200 || status > 299) {
      throw new StepError(`${method} /api/v1${path} answered ${status}`, text);
    }
    return JSON.parse(text) as T;
  }
}

function remembered(name: string): Demo | undefined {
  try {
    return JSON.parse(readFileSync(file(name), "utf8")) as Demo;
  } catch {
    return undefined;
  }
}

function remember(name: string, demo: Demo): void {
  const unfinished = `${file(name)}.${process.pid}`;
  writeFileSync(unfinished, `${JSON.stringify(demo, null, 2)}\n`, { mode: 0o600 });
  renameSync(unfinished, file(name));
}

/** The agent, whose pod is reached through a tunnel. */
async function tunnelled(control: Control, name: string): Promise<AgentDocument> {
  const origin = { type: "tunnel" };
  const reference = `/agents/${encodeURIComponent(`${ACCOUNT}/${name}`)}`;
  const found = await control.call("GET", reference);
  if (found.status === 404) {
    return control.must<AgentDocument>("POST", "/agents", { account: ACCOUNT, name, origin });
  }
  const agent = await control.must<AgentDocument>("GET", reference);
  return agent.origin.type === origin.type
    ? agent
    : control.must<AgentDocument>("PATCH", `/agents/${agent.id}`, { origin });
}

function get(url: string, demo: Demo, path: string): Promise<Response> {
  const headers = { authorization: `Bearer ${demo.key}` };
  return fetch(`${url}/agents/${demo.agent}${path}`, { headers });
}

/** The token of before if it still opens the account, else a new one. */
async function accountToken(url: string, control: Control, before: string | undefined): Promise<string> {
  if (
    before !== undefined &&
    (await new Control(url, before).call("GET", "/agents?limit=1")).status === 200
  ) {
    return before;
  }
  const made = { name: "make run", role: "admin" };
  return (await control.must<{ token: string }>("POST", `/accounts/${ACCOUNT}/tokens`, made)).token;
}

/** Makes what is missing and returns the ids, the key and the tokens. */
export async function demoAgent(url: string, operatorToken: string, name: string): Promise<Demo> {
  const control = new Control(url, operatorToken);
  await control.must("POST", "/accounts", { id: ACCOUNT, name: "Demo" });
  const agent = await tunnelled(control, name);
  const before = remembered(name);
  const known = before?.agent === agent.id ? before : undefined;
  const connectToken =
    agent.connect_token ??
    known?.connectToken ??
    (await control.must<{ connect_token: string }>("POST", `/agents/${agent.id}/connect-token`))
      .connect_token;
  let key = known?.key;
  if (known === undefined || (await get(url, known, "/v1/status")).status !== 200) {
    const path = `/agents/${agent.id}/keys`;
    key = (await control.must<{ key: string }>("POST", path, { name: "make run" })).key;
  }
  const token = await accountToken(url, control, before?.token);
  const demo = { account: ACCOUNT, agent: agent.id, key: key ?? "", connectToken, token };
  remember(name, demo);
  return demo;
}

/**
 * Waits until the agent runs, which it does once its connector is there; starts it where somebody stopped it. Returns the
 * models that it has.
 */
export async function demoServes(url: string, operatorToken: string, demo: Demo): Promise<string[]> {
  const control = new Control(url, operatorToken);
  const end = performance.now() + RUNNING_MS;
  await control.must("POST", `/agents/${demo.agent}/start`);
  for (;;) {
    const models = await get(url, demo, "/v1/models");
    if (models.ok) {
      return ((await models.json()) as { data: { id: string }[] }).data.map(({ id }) => id);
    }
    // A server need not have a list of them.
    if (models.status === 404) {
      return [];
    }
    const agent = await control.must<AgentDocument>("GET", `/agents/${demo.agent}`);
    if (agent.state === "failed" || performance.now() > end) {
      throw new StepError(`the agent is ${agent.state}`, agent.reason ?? "It did not start in time.");
    }
    await sleep(100);
  }
}

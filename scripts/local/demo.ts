// The demo account, agent and key, made through the control API like anybody else's.
//
// Invariant: the same account, agent and key on every run, for as long as the local state is kept. Key and connect
// token are shown once by the Worker, so they are kept in .wrangler/demo.json, readable by its owner alone.

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { STATE, StepError } from "./step.ts";

const FILE = join(STATE, "demo.json");
const ACCOUNT = "demo";
const AGENT = "demo";
const RUNNING_MS = 30_000;

export interface Demo {
  account: string;
  agent: string;
  key: string;
  /** What the connector of the demo pod shows. */
  connectToken: string;
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

function remembered(): Demo | undefined {
  try {
    return JSON.parse(readFileSync(FILE, "utf8")) as Demo;
  } catch {
    return undefined;
  }
}

function remember(demo: Demo): void {
  const unfinished = `${FILE}.${process.pid}`;
  writeFileSync(unfinished, `${JSON.stringify(demo, null, 2)}\n`, { mode: 0o600 });
  renameSync(unfinished, FILE);
}

/** The agent, whose pod is reached through a tunnel. */
async function tunnelled(control: Control): Promise<AgentDocument> {
  const origin = { type: "tunnel" };
  const reference = `/agents/${encodeURIComponent(`${ACCOUNT}/${AGENT}`)}`;
  const found = await control.call("GET", reference);
  if (found.status === 404) {
    return control.must<AgentDocument>("POST", "/agents", { account: ACCOUNT, name: AGENT, origin });
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

/** Makes what is missing and returns the ids, the key and the connect token. */
export async function demoAgent(url: string, operatorToken: string): Promise<Demo> {
  const control = new Control(url, operatorToken);
  await control.must("POST", "/accounts", { id: ACCOUNT, name: "Demo" });
  const agent = await tunnelled(control);
  const before = remembered();
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
  const demo = { account: ACCOUNT, agent: agent.id, key: key ?? "", connectToken };
  remember(demo);
  return demo;
}

/** Waits until the demo agent serves, which it does once its connector is there; starts it where somebody stopped it. */
export async function demoServes(url: string, operatorToken: string, demo: Demo): Promise<void> {
  const control = new Control(url, operatorToken);
  const end = performance.now() + RUNNING_MS;
  await control.must("POST", `/agents/${demo.agent}/start`);
  while ((await get(url, demo, "/v1/models")).status !== 200) {
    if (performance.now() > end) {
      const agent = await control.must<AgentDocument>("GET", `/agents/${demo.agent}`);
      throw new StepError(`the demo agent is ${agent.state}`, agent.reason ?? "It did not start in time.");
    }
    await sleep(100);
  }
}

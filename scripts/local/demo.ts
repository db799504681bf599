// The demo account, agent and key, made through the control API like anybody else's.
//
// Invariant: the same account, agent and key on every run, for as long as the local state is kept. The key
// is shown once by the Worker, so it is kept in .wrangler/demo.json, readable by its owner alone.

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
}

interface AgentDocument {
  id: string;
  state: string;
  reason?: string | null;
  origin: { type: string; url?: string };
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

/** The agent, pointing at the pod of this run: its port is another one every time. */
async function agentAt(control: Control, podUrl: string): Promise<AgentDocument> {
  const origin = { type: "http", url: podUrl };
  const reference = `/agents/${encodeURIComponent(`${ACCOUNT}/${AGENT}`)}`;
  const found = await control.call("GET", reference);
  if (found.status === 404) {
    return control.must<AgentDocument>("POST", "/agents", { account: ACCOUNT, name: AGENT, origin });
  }
  const agent = await control.must<AgentDocument>("GET", reference);
  return agent.origin.url === podUrl
    ? agent
    : control.must<AgentDocument>("PATCH", `/agents/${agent.id}`, { origin });
}

async function running(control: Control, id: string): Promise<void> {
  const end = performance.now() + RUNNING_MS;
  let agent = await control.must<AgentDocument>("POST", `/agents/${id}/start`);
  while (agent.state !== "running") {
    if (performance.now() > end) {
      throw new StepError(`the demo agent is ${agent.state}`, agent.reason ?? "It did not start in time.");
    }
    await sleep(100);
    agent = await control.must<AgentDocument>("GET", `/agents/${id}`);
  }
}

async function works(url: string, demo: Demo): Promise<boolean> {
  const headers = { authorization: `Bearer ${demo.key}` };
  const answer = await fetch(`${url}/agents/${demo.agent}/v1/status`, { headers });
  return answer.status === 200;
}

/** Makes what is missing and returns the ids and the key. */
export async function demoAgent(url: string, operatorToken: string, podUrl: string): Promise<Demo> {
  const control = new Control(url, operatorToken);
  await control.must("POST", "/accounts", { id: ACCOUNT, name: "Demo" });
  const agent = await agentAt(control, podUrl);
  await running(control, agent.id);
  const before = remembered();
  if (before !== undefined && before.agent === agent.id && (await works(url, before))) {
    return before;
  }
  const { key } = await control.must<{ key: string }>("POST", `/agents/${agent.id}/keys`, {
    name: "make run",
  });
  const demo = { account: ACCOUNT, agent: agent.id, key };
  remember(demo);
  return demo;
}

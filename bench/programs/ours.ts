// The built Worker on raw workerd, seeded through its own control API.
//
// Raw workerd has no D1: nothing on the way of a call needs it.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { end } from "../../tests/harness/child.ts";
import { BUILD, ROOT } from "../../tests/harness/paths.ts";
import { runStep } from "../step.ts";
import { startWorkerd } from "../workerd.ts";
import { MODEL, type Program, Unavailable } from "./program.ts";

const OPERATOR_TOKEN = "operator token of the benchmark, long enough";
const ACCOUNT = "bench";

async function control(url: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/api/v1${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`POST ${path} answered ${response.status}: ${text}`);
  }
  return JSON.parse(text) as Record<string, unknown>;
}

/** An account, a running agent and a key of it. */
async function seed(url: string, upstream: string): Promise<{ agent: string; key: string }> {
  await control(url, "/accounts", { id: ACCOUNT, name: "Benchmark" });
  const origin = { type: "http", url: upstream };
  // Limits that the load does not meet: every program admits all of it.
  const limits = { rpm: 1_000_000, concurrency: 1_000 };
  const made = await control(url, "/agents", { account: ACCOUNT, name: "Benchmark", origin, limits });
  const agent = String(made.id);
  const started = await control(url, `/agents/${agent}/start`);
  if (started.state !== "running") {
    throw new Error(`the agent is ${started.state} after start, not running`);
  }
  const key = String((await control(url, `/agents/${agent}/keys`, { name: "bench" })).key);
  return { agent, key };
}

export const ours: Program = {
  title: "ours",
  async prepare() {
    await runStep("Building the Worker", join(ROOT, "scripts", "build-worker"), []);
  },
  async start({ upstream, folder }) {
    if (!existsSync(join(BUILD, "index_bg.wasm"))) {
      throw new Unavailable("there is no built Worker: run scripts/build-worker");
    }
    const { child, url, log } = await startWorkerd({
      folder,
      source: BUILD,
      modules: ["index.js", "index_bg.wasm"],
      texts: {
        DOMAIN: "localhost",
        DEVELOPMENT: "on",
        OPERATOR_TOKEN,
        KEY_PEPPER: "a pepper for the benchmark, 32 bytes",
      },
      objects: { ACCOUNT: "Account", AGENT: "Agent", HUB: "Hub", NETWORK: "Network", ROOM: "Room" },
    });
    try {
      const { agent, key } = await seed(url, upstream);
      return {
        url: `${url}/agents/${agent}/v1/chat/completions`,
        headers: { authorization: `Bearer ${key}` },
        model: MODEL,
        child,
        log,
      };
    } catch (error) {
      await end(child);
      throw error;
    }
  },
};

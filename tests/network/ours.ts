// Our Worker with a network, set up the way an operator does it: variables, then the control API.
//
// Invariant: the same tokens, pairings and agents as the original gets from its configuration file.

import assert from "node:assert/strict";
import {
  ask,
  OPERATOR_TOKEN,
  type RunningWorker,
  startWorker,
  type WorkerOptions,
} from "../harness/index.ts";
import { issue } from "../harness/issued.ts";
import type { Running } from "./original.ts";
import { NETWORK_ID, NETWORK_NAME, PAIRINGS, type Setup, tokensOf, tokenValue } from "./setup.ts";

const switched = (on: boolean): string => (on ? "on" : "off");

/** The Worker's variables for a setup; what is not named has the Worker's own default. */
export function variables(setup: Setup): Record<string, string> {
  return {
    AUTH: setup.mode,
    NETWORK_ID,
    NETWORK_NAME,
    ...(setup.publicRead === undefined ? {} : { PUBLIC_READ: switched(setup.publicRead) }),
    ...(setup.registration === undefined ? {} : { AGENT_REGISTRATION: setup.registration }),
    ...(setup.humanIngress === undefined ? {} : { HUMAN_INGRESS: switched(setup.humanIngress) }),
    ...(setup.directMessages === undefined ? {} : { DIRECT_MESSAGES: switched(setup.directMessages) }),
    ...(setup.debugEvents === undefined ? {} : { DEBUG_EVENTS: switched(setup.debugEvents) }),
    // The first token is there before any other.
    ADMIN_TOKEN: "first-admin-token-of-the-suite",
  };
}

/** Gives a served network the tokens, pairings and agents of a setup. */
export async function setUp(url: string, operatorToken: string, setup: Setup): Promise<void> {
  const make = async (path: string, token: string, json: unknown): Promise<void> => {
    const answer = await ask(url + path, { headers: { authorization: `Bearer ${token}` }, json });
    assert.ok(answer.status < 300, `${path}: ${answer.status} ${answer.text}`);
  };
  const tokens = tokensOf(setup);
  for (const token of tokens) {
    issue(`the network's token ${token.id}`, token.value);
    await make("/api/v1/network/tokens", operatorToken, token);
  }
  for (const pairing of PAIRINGS) {
    await make("/api/v1/network/pairings", operatorToken, pairing);
  }
  // The original registers the agents of a token's list when it starts.
  const agents = tokens.flatMap(({ id: token, agents: listed = [] }) =>
    listed.map((id) => ({ id, credential_key: `token:${token}` })),
  );
  await make("/v1/apply", tokenValue("operator"), { agents });
}

/** Lets a network be posted to as fast as can be, restarts that cost a part of the limit in between. */
export async function liftPostLimit(worker: RunningWorker): Promise<void> {
  const json = { posts_per_minute: 10_000_000 };
  const { status, text } = await worker.control("/network/limits", { method: "PATCH", json });
  assert.equal(status, 200, text);
}

/** A running Worker as the suite knows servers. */
export interface RunningOurs extends Running {
  worker: RunningWorker;
}

/** Starts our Worker with this setup. */
export async function startOurs(setup: Setup, options: WorkerOptions = {}): Promise<RunningOurs> {
  const worker = await startWorker({ ...options, vars: { ...variables(setup), ...options.vars } });
  try {
    await setUp(worker.url, OPERATOR_TOKEN, setup);
  } catch (error) {
    await worker.stop();
    throw error;
  }
  return { url: worker.url, worker, stop: () => worker.stop() };
}

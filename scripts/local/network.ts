// The local network: its mode, its tokens and its first room, made through its own API like anybody else's.
//
// Invariant: the same tokens on every run, for as long as the local state is kept; they lie in .wrangler/network.json and
// .dev.vars, readable by their owner alone.

import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { STATE, StepError } from "./step.ts";

const FILE = join(STATE, "network.json");
const ROOM = "lobby";
const MODES = ["none", "bearer", "open"] as const;

export type Mode = (typeof MODES)[number];

export interface LocalNetwork {
  mode: Mode;
  room: string;
  /** Scopes observe, write and admin. */
  adminToken: string;
  /** Scopes attach and write, for agents. */
  agentsToken: string;
}

/** `AUTH`, `bearer` unless set. */
export function chosenMode(): Mode {
  const wanted = process.env.AUTH ?? "bearer";
  const mode = MODES.find((one) => one === wanted);
  if (mode === undefined) {
    throw new StepError(
      `AUTH is ${wanted}`,
      `It must be ${MODES.join(", ")}. Without it, make run uses bearer.`,
    );
  }
  return mode;
}

function agentsToken(): string {
  try {
    return (JSON.parse(readFileSync(FILE, "utf8")) as { agentsToken: string }).agentsToken;
  } catch {
    const made = randomBytes(32).toString("base64url");
    const unfinished = `${FILE}.${process.pid}`;
    writeFileSync(unfinished, `${JSON.stringify({ agentsToken: made }, null, 2)}\n`, { mode: 0o600 });
    renameSync(unfinished, FILE);
    return made;
  }
}

async function must(url: string, token: string, body: unknown): Promise<void> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) {
    throw new StepError(`POST ${url} answered ${answer.status}`, await answer.text());
  }
}

/** Makes what is missing. */
export async function localNetwork(
  url: string,
  mode: Mode,
  operatorToken: string,
  adminToken: string,
): Promise<LocalNetwork> {
  const network = { mode, room: ROOM, adminToken, agentsToken: agentsToken() };
  await must(`${url}/api/v1/network/tokens`, operatorToken, {
    id: "local-agents",
    value: network.agentsToken,
    scopes: ["attach", "write"],
  });
  const { status } = await fetch(`${url}/v1/rooms/${ROOM}`, {
    headers: { authorization: `Bearer ${adminToken}` },
  });
  if (status === 404) {
    await must(`${url}/v1/rooms`, adminToken, {
      id: ROOM,
      name: "Lobby",
      visibility: "public",
      write_policy: "registered_agents",
    });
  }
  return network;
}

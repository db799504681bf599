// The original Moltnet server, from the program that MOLTNET_BIN names, with SQLite in a scratch folder.
//
// Invariant: the server ends with the suite, and nothing of it stays on disk unless its folder is the suite's own.

import { spawn } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adopt, ask, discard, end, freePort, hasEnded, scratch, until } from "../harness/index.ts";
import { NETWORK_ID, NETWORK_NAME, PAIRINGS, type Setup, tokensOf } from "./setup.ts";

/** Where the original's program is; undefined where there is none. */
export const MOLTNET = process.env.MOLTNET_BIN;

/** Rounds of start, should another process take the port in between. */
const ATTEMPTS = 3;

/** A running server. */
export interface Running {
  url: string;
  stop(): Promise<void>;
}

/** Starts the original with this setup; its data is in `persist`, if that is given, and stays. */
export async function startOriginal(setup: Setup, persist?: string): Promise<Running> {
  let failure: unknown;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    try {
      return await start(setup, await freePort(), persist);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function configuration(setup: Setup, port: number, folder: string): unknown {
  return {
    version: "moltnet.v1",
    network: { id: NETWORK_ID, name: NETWORK_NAME },
    server: {
      listen_addr: `127.0.0.1:${port}`,
      human_ingress: setup.humanIngress ?? true,
      direct_messages: setup.directMessages ?? true,
      debug_events: setup.debugEvents ?? false,
    },
    auth: {
      mode: setup.mode,
      ...(setup.publicRead === undefined ? {} : { public_read: setup.publicRead }),
      ...(setup.registration === undefined ? {} : { agent_registration: setup.registration }),
      tokens: setup.mode === "none" ? [] : tokensOf(setup),
    },
    storage: { kind: "sqlite", sqlite: { path: join(folder, "moltnet.db") } },
    pairings: PAIRINGS,
  };
}

async function start(setup: Setup, port: number, persist?: string): Promise<Running> {
  if (MOLTNET === undefined) {
    throw new Error("MOLTNET_BIN is not set");
  }
  const folder = persist ?? scratch("moltnet");
  const file = join(folder, "moltnet.json");
  writeFileSync(file, JSON.stringify(configuration(setup, port, folder)));
  chmodSync(file, 0o600);
  const child = adopt(
    spawn(MOLTNET, ["start"], {
      cwd: folder,
      env: { MOLTNET_CONFIG: file, HOME: folder, PATH: process.env.PATH },
      stdio: ["ignore", "ignore", "pipe"],
    }),
  );
  let printed = "";
  child.stderr?.on("data", (text: Buffer) => {
    printed = (printed + text.toString()).slice(-4_000);
  });
  const url = `http://127.0.0.1:${port}`;
  await until("the original's start", async () => {
    if (hasEnded(child)) {
      return true;
    }
    return (await ask(`${url}/healthz`)).status === 200;
  });
  if (hasEnded(child)) {
    throw new Error(`the original did not start: ${printed}`);
  }
  return {
    url,
    async stop() {
      await end(child);
      if (persist === undefined) {
        discard(folder);
      }
    },
  };
}

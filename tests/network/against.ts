// Runs the same tests against every server that is to be tested.
//
// NETWORK_TARGETS names them (`original`, `ours`); unset, it is those that can run here.

import { after, before, describe } from "node:test";
import { MOLTNET } from "./original.ts";
import { Server, type Target } from "./server.ts";
import type { Setup } from "./setup.ts";

/** One topic: declares its tests on a server that runs when they do. */
export type Topic = (server: Server) => void;

/** The servers that this run is about. */
export function targets(): Target[] {
  const named = process.env.NETWORK_TARGETS?.split(/[ ,]+/).filter((name) => name !== "");
  const chosen = named ?? (MOLTNET === undefined ? ["ours"] : ["original", "ours"]);
  for (const name of chosen) {
    if (name !== "original" && name !== "ours") {
      throw new Error(`NETWORK_TARGETS: there is no server ${name}`);
    }
  }
  return chosen as Target[];
}

/** Declares the topics' tests for each server, which is started once for all of them. */
export function against(setup: Setup, topics: Topic[]): void {
  for (const target of targets()) {
    describe(`${target}, ${setup.name}`, () => {
      const server = new Server(target, setup);
      before(() => server.start());
      after(() => server.stop());
      for (const topic of topics) {
        topic(server);
      }
    });
  }
}

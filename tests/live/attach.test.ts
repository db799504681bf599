// Attachments, in every mode, on every server. Ours runs the original's way of delivery and heartbeat here.

import { after, before, describe } from "node:test";
import { type Topic, targets } from "../network/against.ts";
import { Server } from "../network/server.ts";
import { BEARER, NONE, OPEN, type Setup } from "../network/setup.ts";
import { anybody, credentials, handshake, openClaims, talk } from "./frames.ts";
import { reasons, wakes } from "./wakes.ts";

const ORIGINAL_WAYS = { DELIVERY: "network", HEARTBEAT: "fast" };

function against(setup: Setup, topics: Topic[]): void {
  for (const target of targets()) {
    describe(`attachments: ${target}, ${setup.name}`, () => {
      const server = new Server(target, setup, { vars: ORIGINAL_WAYS });
      before(() => server.start());
      after(() => server.stop());
      for (const topic of topics) {
        topic(server);
      }
    });
  }
}

const TELLING = { ...BEARER, debugEvents: true };

against(NONE, [handshake, talk, anybody, wakes]);
against(TELLING, [handshake, talk, credentials, wakes, reasons]);
against(OPEN, [handshake, talk, credentials, openClaims]);

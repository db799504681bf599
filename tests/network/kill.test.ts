// kill -9 of workerd while 16 writers post, again and again on the same folder: every acknowledged message is there
// once, in its place, and nothing that was refused is.
//
// MOLTGHOST_KILLS sets the number of kills.

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { discard, scratch, until } from "../harness/index.ts";
import { targets } from "./against.ts";
import { liftPostLimit } from "./ours.ts";
import { Server } from "./server.ts";
import { BEARER } from "./setup.ts";
import { Writers } from "./writers.ts";

const KILLS = Number(process.env.MOLTGHOST_KILLS ?? "10");
const WRITERS = 16;

if (targets().includes("ours")) {
  describe("kill -9 of a network", () => {
    it(`loses nothing that was acknowledged, ${KILLS} times over`, async () => {
      const persist = scratch("mortal-network");
      const server = new Server("ours", BEARER, { persist });
      try {
        await server.start();
        await liftPostLimit(server.worker);
        const writers = await Writers.of(server, WRITERS);
        for (let kill = 0; kill < KILLS; kill += 1) {
          const { acknowledged } = writers;
          writers.begin();
          // Not before there is something to lose; then at any moment.
          await until("load", () => writers.acknowledged > acknowledged + 2 * WRITERS);
          await sleep(randomInt(0, 300));
          await server.worker.kill9();
          await writers.end();
          await server.start();
          await writers.verify();
        }
        assert.ok(writers.acknowledged > 2 * WRITERS * KILLS, "there was no load");
        await writers.verify();
        // The projection follows, each message once, however often it was cut short.
        await until("the history in D1", async () => {
          const rows = await server.worker.d1("SELECT id FROM message ORDER BY id");
          return rows.length === writers.ids.length;
        });
        const rows = await server.worker.d1("SELECT id FROM message");
        assert.deepEqual(rows.map(({ id }) => String(id)).sort(), writers.ids);
      } finally {
        await server.stop();
        discard(persist);
      }
    });
  });
}

// Without D1 the network goes on, and readiness says so.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { targets } from "./against.ts";
import { Server } from "./server.ts";
import { BEARER } from "./setup.ts";
import { history } from "./topics/messages.ts";

if (targets().includes("ours")) {
  describe("an outage of D1", () => {
    const server = new Server("ours", BEARER, { d1: "down" });
    before(() => server.start());
    after(() => server.stop());

    it("stops no message and no history", async () => {
      const room = await server.room();
      const { message_id } = await server.send({ room });
      assert.deepEqual(
        (await history(server, room)).map(({ id }) => id),
        [message_id],
      );
      const agent = await server.agent();
      assert.equal((await server.ask(`/v1/agents/${agent}`)).status, 200);
    });

    it("is told by readiness alone", async () => {
      assert.equal((await server.ask("/healthz")).status, 200);
      assert.equal((await server.ask("/readyz")).status, 503);
    });
  });
}

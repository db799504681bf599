// A network that is stopped and started again, with another setup: what was said stays, and who may speak follows the
// new setup.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { discard, scratch } from "../harness/index.ts";
import { targets } from "./against.ts";
import { refused, Server } from "./server.ts";
import { BEARER, OPEN } from "./setup.ts";
import { history } from "./topics/messages.ts";
import type { Room } from "./topics/rooms.ts";

const ID = "limited-a";

for (const target of targets()) {
  describe(`${target}, restarted`, () => {
    it("keeps everything, and binds agents to the tokens that it has now", async () => {
      const persist = scratch("restart");
      const server = new Server(target, { ...OPEN, without: ["limited"] }, { persist });
      try {
        await server.start();
        const claimed = await server.register(ID, { as: null });
        const own = claimed.agent_token ?? assert.fail("a claim without a token");
        const room = await server.room({ members: [ID], visibility: "public", name: "Kept" });
        const { message_id } = await server.send({ room, from: ID }, { as: own });
        const removed = await server.room();
        await server.ok(200, `/v1/rooms/${removed}`, { method: "DELETE" });
        const dm = { kind: "dm", dm_id: "kept", participant_ids: [ID, "other"] };
        await server.send({ target: dm, from: ID }, { as: own });
        const before = await server.ok<Room>(200, `/v1/rooms/${room}`);

        await server.restart(BEARER);
        const after = await server.ok<Room>(200, `/v1/rooms/${room}`);
        assert.deepEqual({ ...after, access: null }, { ...before, access: null });
        assert.deepEqual(
          (await history(server, room)).map(({ id }) => id),
          [message_id],
        );
        assert.equal((await server.ok<{ message_count: number }>(200, "/v1/dms/kept")).message_count, 1);
        refused(await server.ask("/v1/rooms", { json: { id: removed } }), 409);
        assert.equal((await server.post({ room, from: ID }, { as: "limited" })).status, 202);
        refused(await server.post({ room, from: ID }, { as: own }), 401, "invalid token");
        const agent = await server.ok<{ actor_uid: string }>(200, `/v1/agents/${ID}`);
        assert.equal(agent.actor_uid, claimed.actor_uid);

        await server.ok(200, `/v1/agents/${ID}`, { method: "DELETE" });
        assert.notEqual((await server.post({ room, from: ID }, { as: "limited" })).status, 202);
        await server.ok(200, "/v1/apply", {
          json: {
            agents: [{ id: ID, credential_key: "token:limited" }],
            rooms: [{ id: room, name: "Kept", members: [ID] }],
          },
        });
        assert.equal((await server.post({ room, from: ID }, { as: "limited" })).status, 202);
        assert.equal((await history(server, room)).length, 3);
      } finally {
        await server.stop();
        discard(persist);
      }
    });
  });
}

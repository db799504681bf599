// A read that follows an acknowledged write sees it, on every route.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { uniqueName } from "../../harness/tenant.ts";
import type { Server } from "../server.ts";
import type { Room } from "./rooms.ts";

type Items = Record<string, { id: string; rooms?: string[] }[]>;

const ROUNDS = 5;

export function freshReads(server: Server): void {
  const ids = async (path: string, name: string): Promise<string[]> =>
    ((await server.ok<Items>(200, path))[name] ?? []).map(({ id }) => id);
  const agent = async (id: string) =>
    (await server.ok<Items>(200, "/v1/agents?limit=500")).agents?.find((one) => one.id === id);

  describe("reads after writes", () => {
    it("see a room, its members and its end", async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const member = uniqueName("member");
        const room = await server.room({ members: [member] });
        assert.ok((await ids("/v1/rooms?limit=500", "rooms")).includes(room));
        assert.deepEqual((await agent(member))?.rooms, [room]);
        const change = { add: [`${member}-2`], remove: [member] };
        await server.ok(200, `/v1/rooms/${room}/members`, { method: "PATCH", json: change });
        assert.deepEqual((await server.ok<Room>(200, `/v1/rooms/${room}`)).members, [`${member}-2`]);
        assert.equal(await agent(member), undefined);
        assert.deepEqual((await agent(`${member}-2`))?.rooms, [room]);
        assert.equal((await server.ask(`/v1/agents/${member}-2`)).status, 200);
        await server.ok(200, `/v1/rooms/${room}`, { method: "DELETE" });
        assert.ok(!(await ids("/v1/rooms?limit=500", "rooms")).includes(room));
        assert.equal(await agent(`${member}-2`), undefined);
      }
    });

    it("see a message in every history that it belongs to", async () => {
      const room = await server.room();
      const sender = await server.agent();
      const parts = [{ kind: "url", url: "https://example.com/" }];
      for (let round = 0; round < ROUNDS; round += 1) {
        const thread = uniqueName("thread");
        const dm = uniqueName("dm");
        const inRoom = await server.send({ room, parts });
        const last = (found: string[]) => found.at(-1);
        assert.equal(last(await ids(`/v1/rooms/${room}/messages`, "messages")), inRoom.message_id);
        assert.equal(
          last(await ids(`/v1/artifacts?room_id=${room}`, "artifacts")),
          `art_${inRoom.message_id}_0`,
        );
        const inThread = await server.send({
          target: { kind: "thread", room_id: room, thread_id: thread },
          parts,
        });
        assert.ok((await ids(`/v1/rooms/${room}/threads`, "threads")).includes(thread));
        assert.equal(last(await ids(`/v1/threads/${thread}/messages`, "messages")), inThread.message_id);
        assert.equal(
          last(await ids(`/v1/artifacts?room_id=${room}`, "artifacts")),
          `art_${inThread.message_id}_0`,
        );
        const found = await server.ok<{ message_count: number }>(200, `/v1/threads/${thread}`);
        assert.equal(found.message_count, 1);
        const target = { kind: "dm", dm_id: dm, participant_ids: [sender, "beta"] };
        const direct = await server.send({ target, from: sender, parts });
        assert.ok((await ids("/v1/dms?limit=500", "dms")).includes(dm));
        assert.equal(last(await ids(`/v1/dms/${dm}/messages`, "messages")), direct.message_id);
        assert.equal((await server.ok<{ message_count: number }>(200, `/v1/dms/${dm}`)).message_count, 1);
      }
    });

    it("see an agent come, and go from every room", async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const id = await server.agent();
        assert.ok(await agent(id));
        const rooms = [await server.room({ members: [id, "stays"] }), await server.room({ members: [id] })];
        await server.ok(200, `/v1/agents/${id}`, { method: "DELETE" });
        assert.equal(await agent(id), undefined);
        for (const room of rooms) {
          const { members } = await server.ok<Room>(200, `/v1/rooms/${room}`);
          assert.ok(members?.includes(id) !== true, room);
        }
      }
    });
  });
}

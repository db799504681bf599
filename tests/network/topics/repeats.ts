// A message that is sent again under the same id.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { uniqueName } from "../../harness/tenant.ts";
import { refused, type Server } from "../server.ts";
import { history, type MessagePage } from "./messages.ts";

export function repeats(server: Server): void {
  describe("repeats", () => {
    it("are answered as the first time, and store nothing", async () => {
      const room = await server.room();
      const id = uniqueName("msg");
      const first = await server.send({ id, room, text: "first" });
      assert.deepEqual(await server.send({ id, room, text: "first" }), first);
      assert.deepEqual(await server.send({ id: ` ${id} `, room, text: "another body" }), first);
      const stored = await history(server, room);
      assert.deepEqual(
        stored.map((message) => message.parts),
        [[{ kind: "text", text: "first" }]],
      );
    });

    it("that come at once store one message", async () => {
      const room = await server.room();
      const id = uniqueName("msg");
      const all = await Promise.all(Array.from({ length: 8 }, () => server.send({ id, room })));
      assert.deepEqual(all, Array(8).fill(all[0]));
      assert.equal((await history(server, room)).length, 1);
    });

    it("make neither a thread nor a direct conversation", async () => {
      const room = await server.room();
      const alpha = await server.agent();
      for (const target of [
        { kind: "thread", room_id: room, thread_id: uniqueName("thread") },
        { kind: "dm", dm_id: uniqueName("dm"), participant_ids: [alpha, "beta"] },
      ]) {
        const id = uniqueName("msg");
        const first = await server.send({ id, target, from: alpha });
        assert.equal(first.thread_created || first.dm_created, true);
        const again = await server.send({ id, target, from: alpha });
        assert.deepEqual(again, { ...first, thread_created: false, dm_created: false });
        const path = target.kind === "dm" ? `/v1/dms/${target.dm_id}` : `/v1/threads/${target.thread_id}`;
        assert.equal((await server.ok<{ message_count: number }>(200, path)).message_count, 1);
      }
    });

    it("are still checked", async () => {
      const room = await server.room();
      const id = uniqueName("msg");
      await server.send({ id, room });
      refused(await server.post({ id, room, parts: [] }), 422, "parts must not be empty");
      refused(await server.post({ id, room: "none-such" }), 404, 'unknown room "none-such"');
    });

    it("in another conversation are messages of their own", async () => {
      const [room, other] = [await server.room(), await server.room()];
      const thread = uniqueName("thread");
      const id = uniqueName("msg");
      const first = await server.send({ id, room, text: "first" });
      const again = await server.send({ id, room: other, text: "again" });
      assert.deepEqual(again, first);
      const inThread = await server.send({
        id,
        target: { kind: "thread", room_id: other, thread_id: thread },
      });
      assert.equal(inThread.message_id, id);
      const stored = [room, other].map(async (name) => (await history(server, name)).length);
      assert.deepEqual(await Promise.all(stored), server.differs("repeat-scope", [1, 0], [1, 1]));
    });

    if (server.mode !== "none") {
      it("from another credential are refused", async () => {
        const room = await server.room();
        const id = uniqueName("msg");
        await server.send({ id, room });
        const again = await server.post({ id, room }, { as: "adminWrite" });
        if (server.differs("repeat-credential", false, true)) {
          refused(again, 409);
        } else {
          assert.equal(again.status, 202);
        }
        assert.equal((await history(server, room)).length, 1);
      });
    }

    it("from another origin are refused", async () => {
      const room = await server.room();
      const id = uniqueName("msg");
      await server.send({ id, room, origin: { network_id: "", message_id: "one" } });
      const again = await server.post({ id, room, origin: { network_id: "", message_id: "two" } });
      if (server.differs("repeat-credential", false, true)) {
        refused(again, 409);
      } else {
        assert.equal(again.status, 202);
      }
    });

    it("in a thread and in its room are told apart", async () => {
      const room = await server.room();
      const thread_id = uniqueName("thread");
      const id = uniqueName("msg");
      await server.send({ id, room, text: "in the room" });
      await server.send({ id, target: { kind: "thread", room_id: room, thread_id }, text: "in the thread" });
      const answer = await server.ask(`/v1/threads/${thread_id}/messages`);
      // One object keeps a room and its threads, so they are one conversation there.
      const found = answer.status === 200 ? (answer.json<MessagePage>().messages ?? []).length : 0;
      assert.equal(found, 0);
      assert.equal((await history(server, room)).length, 1);
    });
  });
}

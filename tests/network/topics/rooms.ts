// Rooms: creating, reading, changing members, removing for good.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { uniqueName } from "../../harness/tenant.ts";
import { ok, refused, type Server } from "../server.ts";
import { NETWORK_ID } from "../setup.ts";

export interface Room {
  id: string;
  network_id: string;
  fqid: string;
  name: string;
  members?: string[];
  visibility: string;
  write_policy: string;
  access?: { can_read: boolean; can_write: boolean; reason: string };
  created_at: string;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;
const PATTERN = "id must match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}";
const LENGTH = "id must be 128 characters or fewer";

function members(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `member-${String(index).padStart(3, "0")}`);
}

export function rooms(server: Server): void {
  const create = (json: unknown) => server.ask("/v1/rooms", { json });
  const change = (room: string, json: unknown) =>
    server.ask(`/v1/rooms/${room}/members`, { method: "PATCH", json });
  const remove = (room: string) => server.ask(`/v1/rooms/${room}`, { method: "DELETE" });

  describe("rooms", () => {
    it("are made private, for members to write, and named by their id", async () => {
      const id = uniqueName("room");
      const room = ok<Room>(await create({ id }), 201);
      assert.match(room.created_at, TIME);
      const { created_at } = room;
      const expected = {
        id,
        network_id: NETWORK_ID,
        fqid: server.fqid("rooms", id),
        name: id,
        visibility: "private",
        write_policy: "members",
        created_at,
      };
      assert.deepEqual(room, expected);
      const { access, ...read } = await server.ok<Room>(200, `/v1/rooms/${id}`);
      assert.deepEqual(read, expected);
      assert.deepEqual(Object.keys(access ?? {}).sort(), ["can_read", "can_write", "reason"]);
      assert.equal(access?.can_read, true);
    });

    it("have names that lists have room for", async () => {
      const name = "x".repeat(257);
      const made = await create({ id: uniqueName("room"), name });
      const json = { requested_agent_id: uniqueName("agent"), name };
      const registered = await server.ask("/v1/agents/register", { json });
      for (const answer of [made, registered]) {
        if (server.differs("name-length", false, true)) {
          refused(answer, 422, "name must be 256 bytes or fewer");
        } else {
          assert.equal(answer.status, 201, answer.text);
        }
      }
    });

    it("keep every setting, and members sorted and once", async () => {
      const id = uniqueName("room");
      const room = ok<Room>(
        await create({
          id: ` ${id} `,
          name: "Röom <one> & more",
          members: ["zeta", " alpha ", "beyond:gamma", "alpha", "molt://away/agents/delta", "Beta"],
          visibility: "public",
          write_policy: "registered_agents",
        }),
        201,
      );
      assert.equal(room.id, id);
      assert.equal(room.name, "Röom <one> & more");
      assert.deepEqual(room.members, ["Beta", "alpha", "beyond:gamma", "molt://away/agents/delta", "zeta"]);
      assert.equal(room.visibility, "public");
      assert.equal(room.write_policy, "registered_agents");
    });

    it("are listed with access, sorted by id", async () => {
      const id = await server.room({ members: ["alpha"] });
      const { rooms: listed } = await server.ok<{ rooms: Room[] }>(200, `/v1/rooms?limit=500`);
      const found = listed.find((room) => room.id === id);
      assert.deepEqual(found, await server.ok<Room>(200, `/v1/rooms/${id}`));
      const ids = listed.map((room) => room.id);
      assert.deepEqual(ids, [...ids].sort());
    });

    it("say how they are read and written", async () => {
      for (const visibility of ["private", "public"]) {
        for (const write_policy of ["members", "registered_agents", "operators"]) {
          const id = await server.room({ visibility, write_policy });
          const { access } = await server.ok<Room>(200, `/v1/rooms/${id}`);
          const prefix = server.publicRead && visibility === "public" ? "public-read" : "private";
          assert.deepEqual(access, {
            can_read: true,
            can_write: true,
            reason: `${prefix}/${write_policy}-write`,
          });
        }
      }
    });

    it("are refused with what is wrong", async () => {
      const id = uniqueName("room");
      for (const [json, text] of [
        [{}, "room id is required"],
        [{ id: "  " }, "room id is required"],
        [{ id: "-x" }, `room id ${PATTERN}`],
        [{ id: "a b" }, `room id ${PATTERN}`],
        [{ id: "a/b" }, `room id ${PATTERN}`],
        [{ id: "ä" }, `room id ${PATTERN}`],
        [{ id: "a@b" }, `room id ${PATTERN}`],
        [{ id: "x".repeat(129) }, `room id ${LENGTH}`],
        [{ id: "ä".repeat(65) }, `room id ${LENGTH}`],
        [{ id, members: ["alpha", "", "alpha", "a b"] }, `members[1] ${PATTERN}`],
        [{ id, members: ["a b"] }, `members[0] ${PATTERN}`],
        [{ id, members: ["a:-"] }, `members[0] agent id ${PATTERN}`],
        [{ id, members: ["-:a"] }, `members[0] network id ${PATTERN}`],
        [{ id, members: ["x".repeat(129)] }, `members[0] ${LENGTH}`],
        [{ id, members: members(257) }, "members must contain 256 IDs or fewer"],
        [{ id, visibility: "secret" }, 'unsupported room visibility "secret"'],
        [{ id, write_policy: "all" }, 'unsupported room write_policy "all"'],
      ] as const) {
        refused(await create(json), 422, text);
      }
      refused(await server.ask(`/v1/rooms/${id}`), 404, `unknown room "${id}"`);
    });

    it("may have an id of 128 characters and 256 members", async () => {
      const id = uniqueName("long").padEnd(128, "x");
      const room = ok<Room>(await create({ id, members: [...members(256), "member-000"] }), 201);
      assert.deepEqual(room.members, members(256));
      const sent = await server.send({ room: id });
      assert.equal(sent.accepted, true);
      const page = await server.ok<{ messages: unknown[] }>(200, `/v1/rooms/${id}/messages`);
      assert.equal(page.messages.length, 1);
    });

    it("exist once", async () => {
      const id = await server.room({ name: "first" });
      refused(await create({ id, name: "second" }), 409, `room "${id}" already exists`);
      assert.equal((await server.ok<Room>(200, `/v1/rooms/${id}`)).name, "first");
    });

    it("that are made at the same moment exist once", async () => {
      const id = uniqueName("room");
      const answers = await Promise.all(Array.from({ length: 8 }, () => create({ id })));
      const statuses = answers.map((answer) => answer.status).sort();
      assert.deepEqual(statuses, [201, ...Array(7).fill(409)]);
    });
  });

  describe("members", () => {
    it("are added, then removed, and the room is answered without access", async () => {
      const id = await server.room({ members: ["beta"] });
      const added = ok<Room>(await change(id, { add: ["gamma", "alpha", "beta"] }));
      assert.deepEqual(added.members, ["alpha", "beta", "gamma"]);
      assert.equal(added.access, undefined);
      const both = ok<Room>(await change(id, { add: ["delta", "alpha"], remove: ["delta", "beta", "none"] }));
      assert.deepEqual(both.members, ["alpha", "gamma"]);
      assert.deepEqual((await server.ok<Room>(200, `/v1/rooms/${id}`)).members, ["alpha", "gamma"]);
      const none = ok<Room>(await change(id, { remove: ["alpha", "gamma"] }));
      assert.equal(none.members, undefined);
    });

    it("may stay as they are", async () => {
      const id = await server.room({ members: ["alpha"] });
      for (const json of [{}, { add: ["alpha", " "] }, { remove: ["beta", ""] }, { add: [], remove: [] }]) {
        assert.deepEqual(ok<Room>(await change(id, json)).members, ["alpha"]);
      }
    });

    it("are refused with what is wrong", async () => {
      const id = await server.room({ members: ["alpha"] });
      for (const [json, text] of [
        [{ add: ["a b"] }, `add[0] ${PATTERN}`],
        [{ add: ["beta", "", "beta", "ä"] }, `add[1] ${PATTERN}`],
        [{ remove: ["x".repeat(129)] }, `remove[0] ${LENGTH}`],
        [{ remove: [":a"] }, `remove[0] ${PATTERN}`],
        [{ add: members(257) }, "add must contain 256 IDs or fewer"],
        [{ remove: members(257) }, "remove must contain 256 IDs or fewer"],
      ] as const) {
        refused(await change(id, json), 422, text);
      }
      assert.deepEqual((await server.ok<Room>(200, `/v1/rooms/${id}`)).members, ["alpha"]);
    });

    it("are 256 at most", async () => {
      const id = await server.room({ members: members(255) });
      assert.equal(ok<Room>(await change(id, { add: ["member-255"] })).members?.length, 256);
      const more = await change(id, { add: ["member-256"] });
      if (server.differs("most-members", false, true)) {
        refused(more, 422, `room "${id}" would have 257 members: 256 are allowed`);
      } else {
        assert.equal(ok<Room>(more).members?.length, 257);
      }
      const instead = { add: ["member-257"], remove: ["member-0", "member-000", "member-256"] };
      assert.equal(ok<Room>(await change(id, instead)).members?.length, 256);
      await server.ok(200, `/v1/rooms/${id}`, { method: "DELETE" });
    });

    it("of unknown rooms are 404", async () => {
      refused(await change("none-such", { add: ["alpha"] }), 404, 'unknown room "none-such"');
    });
  });

  describe("removed rooms", () => {
    it("are gone from every route, and their id is taken for ever", async () => {
      const id = await server.room({ members: ["alpha"] });
      const thread = uniqueName("thread");
      await server.send({ room: id });
      await server.send({ target: { kind: "thread", room_id: id, thread_id: thread } });
      const removed = ok(await remove(id));
      assert.deepEqual(removed, { removed: true, kind: "room", id, mode: "soft" });
      const unknown = `unknown room "${id}"`;
      for (const path of ["", "/messages", "/threads"]) {
        refused(await server.ask(`/v1/rooms/${id}${path}`), 404, unknown);
      }
      refused(await server.ask(`/v1/threads/${thread}`), 404, unknown);
      refused(await server.ask(`/v1/threads/${thread}/messages`), 404, unknown);
      refused(await server.ask(`/v1/artifacts?room_id=${id}`), 404, unknown);
      refused(await server.post({ room: id }), 404, unknown);
      refused(
        await server.post({ target: { kind: "thread", room_id: id, thread_id: thread } }),
        404,
        unknown,
      );
      refused(await change(id, { add: ["beta"] }), 404, unknown);
      refused(await remove(id), 404, unknown);
      refused(await create({ id }), 409, `room "${id}" already exists`);
      const { rooms: listed } = await server.ok<{ rooms: Room[] }>(200, "/v1/rooms?limit=500");
      assert.ok(!listed.some((room) => room.id === id));
    });
  });
}

// Who reads which room, and whose roster (§6.1 of the contract), with authentication on.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { uniqueName } from "../../harness/tenant.ts";
import { ok, refused, type Server } from "../server.ts";
import type { Room } from "./rooms.ts";

interface Rooms {
  open: string;
  closed: string;
}

/** Of setups with authentication. */
export function reading(server: Server): void {
  let rooms: Rooms = { open: "", closed: "" };
  let threads: Rooms = { open: "", closed: "" };
  /** The token `limited` speaks for it. */
  const member = "limited-a";

  const seen = async (as: string | null): Promise<string[]> => {
    const answer = await server.ask("/v1/rooms?limit=500", { as });
    const { rooms: listed } = ok<{ rooms: Room[] }>(answer);
    return listed.map((room) => room.id).filter((id) => id === rooms.open || id === rooms.closed);
  };
  const agents = async (as: string | null): Promise<string[]> =>
    ok<{ agents: { id: string }[] }>(await server.ask("/v1/agents?limit=500", { as })).agents.map(
      ({ id }) => id,
    );

  describe("reading rooms", () => {
    it("needs rooms", async () => {
      const make = async (visibility: string) => {
        const room = await server.room({ visibility, members: [member, `${visibility}-member`] });
        const thread = uniqueName("thread");
        await server.send({ room, text: "in the room" });
        await server.send({ target: { kind: "thread", room_id: room, thread_id: thread } });
        return [room, thread] as [string, string];
      };
      const [open, openThread] = await make("public");
      const [closed, closedThread] = await make("private");
      rooms = { open, closed };
      threads = { open: openThread, closed: closedThread };
    });

    const paths = (which: keyof Rooms): string[] => [
      `/v1/rooms/${rooms[which]}`,
      `/v1/rooms/${rooms[which]}/messages`,
      `/v1/rooms/${rooms[which]}/threads`,
      `/v1/threads/${threads[which]}`,
      `/v1/threads/${threads[which]}/messages`,
    ];

    for (const as of ["operator", "admin", "observe", "observeWrite"] as const) {
      it(`is free for ${as}`, async () => {
        for (const path of [...paths("open"), ...paths("closed")]) {
          assert.equal((await server.ask(path, { as })).status, 200, path);
        }
        assert.deepEqual((await seen(as)).sort(), [rooms.open, rooms.closed].sort());
      });
    }

    if (server.publicRead) {
      for (const as of [null, "write", "attach", "attachWrite", "pair", "pairWrite"] as const) {
        it(`is free in public rooms alone for ${as ?? "nobody"}`, async () => {
          for (const path of paths("open")) {
            assert.equal((await server.ask(path, { as })).status, 200, path);
          }
          for (const path of paths("closed")) {
            const answer = await server.ask(path, { as });
            if (as === null && server.differs("private-rooms-hidden", false, true)) {
              refused(answer, 404, /^unknown (room|thread) /);
            } else {
              refused(answer, 403, `room ${rooms.closed} is not readable`);
            }
          }
          assert.deepEqual(await seen(as), [rooms.open]);
        });
      }
    } else {
      it("is nothing for a pairing's token, which lists rooms all the same", async () => {
        assert.deepEqual(await seen("pair"), []);
        assert.deepEqual(await agents("pair"), []);
      });
    }

    it("is the member's own, for a token that speaks for one", async () => {
      const answer = await server.ask(`/v1/rooms/${rooms.closed}/messages`, { as: "limited" });
      if (server.differs("member-read", false, true)) {
        assert.equal(answer.status, 200, answer.text);
        const other = await server.room();
        refused(await server.ask(`/v1/rooms/${other}/messages`, { as: "limited" }), 403);
      } else if (server.publicRead) {
        refused(answer, 403, `room ${rooms.closed} is not readable`);
      } else {
        refused(answer, 403, "forbidden");
      }
    });

    it("is said in access", async () => {
      const { access } = await server.ok<Room>(200, `/v1/rooms/${rooms.open}`, { as: "observe" });
      const prefix = server.publicRead ? "public-read" : "private";
      assert.deepEqual(access, { can_read: true, can_write: false, reason: `${prefix}/members-write` });
      const free = await server.ok<Room>(200, `/v1/rooms/${rooms.open}`, { as: "operator" });
      assert.equal(free.access?.can_write, true);
    });
  });

  describe("reading the roster", () => {
    it("is free for observers and admins", async () => {
      const registered = await server.agent();
      for (const as of ["operator", "admin", "observe"] as const) {
        const found = await agents(as);
        for (const id of ["public-member", "private-member", registered]) {
          assert.ok(found.includes(id), `${as} ${id}`);
        }
        assert.equal((await server.ask(`/v1/agents/${registered}`, { as })).status, 200);
        assert.equal((await server.ask("/v1/agents/private-member", { as })).status, 200);
      }
    });

    if (server.publicRead) {
      it("shows others the members of public rooms", async () => {
        const [inside, outside] = [await server.agent("inside"), await server.agent("outside")];
        const [scoped, full] = [await server.agent("scoped"), await server.agent("full")];
        const room = await server.room({
          visibility: "public",
          members: [inside, `local:${scoped}`, `molt://local/agents/${full}`],
        });
        await server.room({ members: [inside] });
        const found = await agents(null);
        assert.ok(found.includes("public-member"));
        for (const id of [inside, scoped, `local:${scoped}`, full, `molt://local/agents/${full}`]) {
          assert.ok(found.includes(id), id);
        }
        assert.ok(!found.includes("private-member"));
        assert.ok(!found.includes(outside));
        const one = ok<{ rooms: string[] }>(await server.ask(`/v1/agents/${inside}`, { as: null }));
        assert.deepEqual(one.rooms, [room]);
        for (const id of [outside, "private-member", "public-member"]) {
          refused(await server.ask(`/v1/agents/${id}`, { as: null }), 404, `unknown agent "${id}"`);
        }
      });
    }
  });
}

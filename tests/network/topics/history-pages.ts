// Pages of histories: messages and artifacts, newest first.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { uniqueName } from "../../harness/tenant.ts";
import { ok, refused, type Server } from "../server.ts";
import { list, type Page, withQuery } from "./page.ts";

export interface History {
  name: string;
  collection: string;
  target: (server: Server) => Promise<Record<string, unknown>>;
  path: (target: Record<string, unknown>) => string;
}

/** Everything that is read newest first. */
export const HISTORIES: History[] = [
  {
    name: "a room's messages",
    collection: "messages",
    target: async (server) => ({ kind: "room", room_id: await server.room() }),
    path: (target) => `/v1/rooms/${target.room_id}/messages`,
  },
  {
    name: "a thread's messages",
    collection: "messages",
    target: async (server) => ({
      kind: "thread",
      room_id: await server.room(),
      thread_id: uniqueName("thread"),
    }),
    path: (target) => `/v1/threads/${target.thread_id}/messages`,
  },
  {
    name: "a direct conversation's messages",
    collection: "messages",
    target: async () => ({
      kind: "dm",
      dm_id: uniqueName("dm"),
      participant_ids: ["alpha", "beta", "suite"],
    }),
    path: (target) => `/v1/dms/${target.dm_id}/messages`,
  },
  {
    name: "a room's artifacts",
    collection: "artifacts",
    target: async (server) => ({ kind: "room", room_id: await server.room() }),
    path: (target) => `/v1/artifacts?room_id=${target.room_id}`,
  },
];

export function historyPages(server: Server): void {
  for (const { name, collection, target, path } of HISTORIES) {
    describe(`pages of ${name}`, () => {
      let at = "";
      let ids: string[] = [];
      const get = (query: string) => list(server, at, collection, query);
      // The original gives only the cursor that leads on; ours also the one that leads back.
      const both = (page: Page, back: Partial<Page>): Page =>
        server.differs<Page>("both-cursors", page, { ...page, ...back });

      it("need something to show", async () => {
        const to = await target(server);
        at = path(to);
        ids = await server.sendMany(6, { target: to, parts: [{ kind: "url", url: "https://example.com/" }] });
        ids = collection === "artifacts" ? ids.map((id) => `art_${id}_0`) : ids;
      });

      it("show the newest first, oldest of them at the top", async () => {
        assert.deepEqual(await get(""), { ids, page: { has_more: false } });
        assert.deepEqual(await get("limit=6"), { ids, page: { has_more: false } });
        assert.deepEqual(await get("limit=2"), {
          ids: ids.slice(4),
          page: { has_more: true, next_before: ids[4] },
        });
      });

      it("lead to older ones", async () => {
        assert.deepEqual(await get(`before=${ids[4]}&limit=2`), {
          ids: ids.slice(2, 4),
          page: both({ has_more: true, next_before: ids[2] as string }, { next_after: ids[3] as string }),
        });
        assert.deepEqual(await get(`before=${ids[2]}&limit=2`), {
          ids: ids.slice(0, 2),
          page: both({ has_more: false }, { next_after: ids[1] as string }),
        });
        assert.deepEqual((await get(`before=${ids[0]}`)).ids, []);
      });

      it("lead to newer ones", async () => {
        assert.deepEqual(await get(`after=${ids[0]}&limit=2`), {
          ids: ids.slice(1, 3),
          page: both({ has_more: true, next_after: ids[2] as string }, { next_before: ids[1] as string }),
        });
        assert.deepEqual(await get(`after=${ids[3]}&limit=2`), {
          ids: ids.slice(4),
          page: both({ has_more: false }, { next_before: ids[4] as string }),
        });
      });

      it("are empty behind the newest", async () => {
        const body = ok<Record<string, unknown>>(await server.ask(withQuery(at, `after=${ids[5]}`)));
        assert.deepEqual(body[collection], server.differs("empty-pages", null, []));
        assert.deepEqual(body.page, { has_more: false });
      });

      it("refuse cursors of other conversations", async () => {
        const other = await target(server);
        const { message_id } = await server.send({
          target: other,
          parts: [{ kind: "url", url: "https://example.com/" }],
        });
        const foreign = collection === "artifacts" ? `art_${message_id}_0` : message_id;
        for (const side of ["before", "after"]) {
          const answer = await server.ask(withQuery(at, `${side}=${foreign}`));
          if (server.differs("foreign-cursors", false, true)) {
            refused(answer, 422, `invalid cursor "${foreign}"`);
          } else {
            assert.equal(answer.status, 200);
          }
        }
      });
    });
  }
}

/** Pages larger than the default; slow, so one setup is enough. */
export function largePages(server: Server): void {
  describe("large pages", () => {
    it("hold 100 unless asked otherwise, and never more than 500", async () => {
      const room = await server.room();
      const target = (index: number) =>
        index % 5 === 0
          ? { kind: "thread", room_id: room, thread_id: `${room}-${index}` }
          : { kind: "room", room_id: room };
      for (let index = 0; index < 640; index += 16) {
        await Promise.all(
          Array.from({ length: 16 }, (_, offset) => server.send({ target: target(index + offset) })),
        );
      }
      const count = async (path: string, collection: string) =>
        (await list(server, `/v1/rooms/${room}/${path}`, collection, "")).ids.length;
      for (const [limit, expected] of [
        ["", 100],
        ["?limit=", 100],
        ["?limit=0", 100],
        ["?limit=-1", 100],
        ["?limit=text", 100],
        ["?limit=1.5", 100],
        ["?limit=1", 1],
        ["?limit=101", 101],
        ["?limit=500", 500],
        ["?limit=501", 500],
        ["?limit=100000", 500],
        ["?limit=%2B7", 7],
        ["?limit=7&limit=9", 7],
      ] as const) {
        assert.equal(await count(`messages${limit}`, "messages"), expected, `messages${limit}`);
      }
      for (const [limit, expected] of [
        ["", 100],
        ["?limit=0", 100],
        ["?limit=101", 101],
        ["?limit=501", 128],
      ] as const) {
        assert.equal(await count(`threads${limit}`, "threads"), expected, `threads${limit}`);
      }
    });

    it("can be walked in both directions without loss", async () => {
      const room = await server.room();
      const ids = await server.sendMany(23, { room });
      const walked: string[] = [];
      let before = "";
      for (let more = true; more; ) {
        const { ids: found, page } = await list(
          server,
          `/v1/rooms/${room}/messages`,
          "messages",
          `limit=5&before=${before}`,
        );
        walked.unshift(...found);
        more = page.has_more;
        before = page.next_before ?? "";
      }
      assert.deepEqual(walked, ids);
      const forwards: string[] = [ids[0] as string];
      for (let more = true; more; ) {
        const { ids: found, page } = await list(
          server,
          `/v1/rooms/${room}/messages`,
          "messages",
          `limit=5&after=${forwards.at(-1)}`,
        );
        forwards.push(...found);
        more = page.has_more;
      }
      assert.deepEqual(forwards, ids);
    });
  });
}

// Pages of collections: limits and cursors of everything that is ordered by id, and cursors that no route takes.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { uniqueName } from "../../harness/tenant.ts";
import { ok, refused, type Server } from "../server.ts";
import { PAIRINGS } from "../setup.ts";
import { list, type Page } from "./page.ts";

const PATTERN = "id must match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}";
const LENGTH = "id must be 128 characters or fewer";
const NAMES = ["a", "b", "c", "d", "e"];

/** Five neighbours in one of the collections that are ordered by id. */
interface Collection {
  name: string;
  path: () => string;
  make: (server: Server, ids: string[]) => Promise<void>;
  /** Whether nothing but the five is in it. */
  alone: boolean;
}

export function collectionPages(server: Server): void {
  let room = "";
  const collections: Collection[] = [
    {
      name: "rooms",
      path: () => "/v1/rooms",
      make: async (on, ids) => {
        for (const id of ids) {
          await on.ok(201, "/v1/rooms", { json: { id } });
        }
      },
      alone: false,
    },
    {
      name: "agents",
      path: () => "/v1/agents",
      make: async (on, ids) => {
        for (const id of ids) {
          await on.register(id);
        }
      },
      alone: false,
    },
    {
      name: "threads",
      path: () => `/v1/rooms/${room}/threads`,
      make: async (on, ids) => {
        room = await on.room();
        for (const id of ids) {
          await on.send({ target: { kind: "thread", room_id: room, thread_id: id } });
        }
      },
      alone: true,
    },
    {
      name: "dms",
      path: () => "/v1/dms",
      make: async (on, ids) => {
        const agent = await on.agent();
        for (const id of ids) {
          await on.send({ target: { kind: "dm", dm_id: id, participant_ids: [agent, "beta"] }, from: agent });
        }
      },
      alone: false,
    },
  ];

  for (const { name, path, make, alone } of collections) {
    describe(`pages of ${name}`, () => {
      const prefix = uniqueName("page");
      const [a, b, c, d, e] = NAMES.map((letter) => `${prefix}-${letter}`) as [
        string,
        string,
        string,
        string,
        string,
      ];
      const get = (query: string) => list(server, path(), name, query);

      it("need something to show", async () => {
        await make(server, [c, a, e, b, d]);
      });

      it("follow a cursor forwards", async () => {
        const page = { has_more: true, next_before: b, next_after: c };
        assert.deepEqual(await get(`after=${a}&limit=2`), { ids: [b, c], page });
        assert.deepEqual((await get(`after=%20${a}%20&before=&limit=2`)).ids, [b, c]);
      });

      it("follow a cursor backwards", async () => {
        const page = { has_more: true, next_before: c, next_after: d };
        assert.deepEqual(await get(`before=${e}&limit=2`), { ids: [c, d], page });
        assert.deepEqual((await get(`before=${e}&after=%20&limit=1`)).ids, [d]);
      });

      it("begin with the first and end with the last", async () => {
        const first = await get("limit=1");
        assert.equal(first.ids.length, 1);
        assert.deepEqual(first.page, { has_more: true, next_after: first.ids[0] });
        const all = await get("limit=500");
        assert.deepEqual(all.page.next_before, undefined);
        if (alone) {
          assert.deepEqual(all, { ids: [a, b, c, d, e], page: { has_more: false } });
          assert.deepEqual(await get(`after=${d}`), { ids: [e], page: { has_more: true, next_before: e } });
          assert.deepEqual(await get(`before=${b}`), { ids: [a], page: { has_more: true, next_after: a } });
          assert.deepEqual(await get(`after=${e}`), { ids: [], page: { has_more: true } });
          assert.deepEqual(await get(`before=${a}`), { ids: [], page: { has_more: true } });
        }
      });

      it("have no other limits than 1 to 500", async () => {
        const count = async (limit: string) => (await get(limit)).ids.length;
        assert.equal(await count(`after=${a}&limit=1`), 1);
        for (const limit of ["", "0", "-1", "text", "1.5", "1e2", "%20", "9".repeat(30)]) {
          assert.ok((await count(`after=${a}&limit=${limit}`)) >= 4, limit);
        }
        assert.ok((await count("limit=501")) <= 500);
      });

      it("refuse cursors that are not there", async () => {
        for (const side of ["before", "after"]) {
          refused(await server.ask(`${path()}?${side}=none-such`), 422, 'invalid cursor "none-such"');
        }
      });
    });
  }

  describe("pages of agents", () => {
    it("follow members with a full name, too", async () => {
      const name = `molt://away/agents/${uniqueName("far")}`;
      await server.room({ members: [name] });
      const answer = await server.ask(`/v1/agents?before=${encodeURIComponent(name)}&limit=1`);
      if (server.differs("full-name-cursors", false, true)) {
        assert.equal(ok<{ agents: unknown[] }>(answer).agents.length, 1);
      } else {
        refused(answer, 422, `before ${PATTERN}`);
      }
    });
  });

  describe("pages of pairings", () => {
    it("list them by id, without their secrets", async () => {
      const answer = await server.ask("/v1/pairings");
      const { pairings, page } = ok<{ pairings: Record<string, unknown>[]; page: Page }>(answer);
      const expected = [...PAIRINGS]
        .sort((x, y) => (x.id < y.id ? -1 : 1))
        .map(({ token: _, ...rest }) => rest);
      assert.deepEqual(pairings, expected);
      assert.deepEqual(page, { has_more: false });
      assert.ok(!answer.text.includes("secret"));
    });

    it("follow cursors", async () => {
      const get = (query: string) => list(server, "/v1/pairings", "pairings", query);
      assert.deepEqual(await get("limit=1"), {
        ids: ["pair-a"],
        page: { has_more: true, next_after: "pair-a" },
      });
      assert.deepEqual(await get("after=pair-a"), {
        ids: ["pair-b"],
        page: { has_more: true, next_before: "pair-b" },
      });
      refused(await server.ask("/v1/pairings?after=pair-c"), 422, 'invalid cursor "pair-c"');
    });
  });

  describe("cursors", () => {
    it("that are no ids, or both at once, are refused on every route", async () => {
      const of = await server.room();
      const thread = uniqueName("thread");
      const dm = uniqueName("dm");
      const agent = await server.agent();
      await server.send({ target: { kind: "thread", room_id: of, thread_id: thread } });
      await server.send({ target: { kind: "dm", dm_id: dm, participant_ids: [agent, "beta"] }, from: agent });
      for (const route of [
        "/v1/rooms?",
        "/v1/agents?",
        "/v1/dms?",
        "/v1/pairings?",
        `/v1/rooms/${of}/threads?`,
        `/v1/rooms/${of}/messages?`,
        `/v1/threads/${thread}/messages?`,
        `/v1/dms/${dm}/messages?`,
        `/v1/artifacts?room_id=${of}&`,
      ]) {
        refused(await server.ask(`${route}before=a&after=b`), 422, "before and after cannot both be set");
        for (const side of ["before", "after"]) {
          refused(await server.ask(`${route}${side}=a%20b`), 422, `${side} ${PATTERN}`);
          refused(await server.ask(`${route}${side}=-a`), 422, `${side} ${PATTERN}`);
          refused(await server.ask(`${route}${side}=%ff`), 422, `${side} ${PATTERN}`);
          refused(
            await server.ask(
              `${route}a%zz=b&${side}=1;2&%${side === "before" ? "62efore" : "61fter"}=-&${side}=x`,
            ),
            422,
            `${side} ${PATTERN}`,
          );
          refused(await server.ask(`${route}${side}=${"x".repeat(129)}`), 422, `${side} ${LENGTH}`);
          refused(await server.ask(`${route}${side}=none-such`), 422, 'invalid cursor "none-such"');
          assert.equal((await server.ask(`${route}${side}=&limit=1`)).status, 200);
          assert.equal((await server.ask(`${route}${side}=%20&limit=1`)).status, 200);
        }
      }
    });
  });
}

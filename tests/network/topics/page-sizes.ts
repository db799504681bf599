// Pages of large items: what clients read stays below 960 KiB, and the cursor leads to the rest.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { uniqueName } from "../../harness/tenant.ts";
import { ok, type Server } from "../server.ts";
import { HISTORIES } from "./history-pages.ts";
import { type Page, withQuery } from "./page.ts";

const MAX_BYTES = 960 * 1024;
/** Of a page's envelope, around its items. */
const AROUND = 512;

/** As large as a message of ours may be, but for its other fields. */
const LARGE = "x".repeat(250 * 1024);

interface Listed {
  ids: string[];
  page: Page;
}

/** Large, so one setup is enough. */
export function pageSizes(server: Server): void {
  const get = async (path: string, collection: string, query: string): Promise<Listed> => {
    const answer = await server.ask(withQuery(path, query));
    const body = ok<Record<string, unknown>>(answer);
    if (server.differs("page-sizes", false, true)) {
      assert.ok(answer.bytes.length <= MAX_BYTES + AROUND, `${path}: ${answer.bytes.length} bytes`);
    }
    return { ids: (body[collection] as { id: string }[]).map(({ id }) => id), page: body.page as Page };
  };
  /** All pages from a cursor on, each by its number of items. */
  const walk = async (path: string, collection: string, side: "before" | "after", from = "") => {
    const pages: Listed[] = [];
    let cursor: string | undefined = from;
    do {
      const page: Listed = await get(
        path,
        collection,
        cursor === "" ? "limit=500" : `limit=500&${side}=${cursor}`,
      );
      pages.push(page);
      cursor = page.ids.length === 0 ? undefined : page.page[`next_${side}`];
    } while (cursor !== undefined);
    return pages;
  };
  /** Three of the large ones fit into a page. The message of an artifact's cursor counts, too. */
  const assertCut = (pages: Listed[], count: number) => {
    const sizes = pages.map(({ ids }) => ids.length);
    if (server.differs("page-sizes", false, true)) {
      assert.ok(sizes.length > 1 && sizes.every((size) => size <= 3), `${sizes}`);
      assert.ok(
        sizes.slice(0, -1).every((size) => size >= 2),
        `${sizes}`,
      );
    } else {
      assert.deepEqual(sizes, [count]);
    }
  };

  describe("pages of large items", () => {
    for (const { name, collection, target, path } of HISTORIES) {
      it(`of ${name} are cut, and lead to the rest in both directions`, async () => {
        const to = await target(server);
        const parts = [
          collection === "artifacts"
            ? { kind: "url", url: `https://example.com/${LARGE}` }
            : { kind: "text", text: LARGE },
        ];
        const sent = await server.sendMany(7, { target: to, parts });
        const all = collection === "artifacts" ? sent.map((id) => `art_${id}_0`) : sent;

        const back = await walk(path(to), collection, "before");
        assertCut(back, 7);
        assert.deepEqual(
          back.toReversed().flatMap(({ ids }) => ids),
          all,
        );
        assert.deepEqual(
          back.map(({ page }) => page.has_more),
          back.map((_, at) => at < back.length - 1),
        );
        const on = await walk(path(to), collection, "after", all[0]);
        assertCut(on, 6);
        assert.deepEqual(
          on.flatMap(({ ids }) => ids),
          all.slice(1),
        );
        // A limit below what fits counts as ever.
        assert.deepEqual((await get(path(to), collection, "limit=2")).ids, all.slice(5));
      });
    }

    // 256 names of 271 bytes; direct conversations have them in the short form, of 257.
    const people = Array.from(
      { length: 256 },
      (_, index) => `molt://${"n".repeat(128)}/agents/${String(index).padStart(3, "0").padEnd(128, "a")}`,
    );

    for (const { name, path, fit, make, remove } of [
      {
        name: "rooms",
        path: "/v1/rooms",
        fit: 13,
        make: (id: string) => server.ok(201, "/v1/rooms", { json: { id, members: people } }),
        remove: (id: string) => server.ok(200, `/v1/rooms/${id}`, { method: "DELETE" }),
      },
      {
        name: "dms",
        path: "/v1/dms",
        fit: 14,
        make: (id: string) =>
          server.send({
            target: { kind: "dm", dm_id: id, participant_ids: [...people.slice(2), "local:alpha"] },
            from: "alpha",
          }),
        remove: async () => undefined,
      },
    ]) {
      it(`of ${name} are cut, and lead to the rest in both directions`, async () => {
        const prefix = uniqueName("large");
        const all = Array.from({ length: 18 }, (_, index) => `${prefix}-${String(index).padStart(2, "0")}`);
        for (const id of all) {
          await make(id);
        }
        const own = (pages: Listed[]) =>
          pages.map(({ ids }) => ids.filter((id) => id.startsWith(prefix))).filter((ids) => ids.length > 0);
        const on = own(await walk(path, name, "after", all[0]));
        assert.deepEqual(on.flat(), all.slice(1));
        const back = own(await walk(path, name, "before", all.at(-1)));
        assert.deepEqual(back.toReversed().flat(), all.slice(0, -1));
        const first = server.differs("page-sizes", 17, fit);
        assert.deepEqual([on[0]?.length, back[0]?.length], [first, first]);
        for (const id of all) {
          await remove(id);
        }
      });
    }
  });
}

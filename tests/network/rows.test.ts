// What a message costs in rows written, which is what the platform bills: at most 6, with the search 7, trimming and
// live delivery apart.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ROOT } from "../harness/paths.ts";
import { until } from "../harness/until.ts";
import { targets } from "./against.ts";
import { type RunningOurs, startOurs } from "./ours.ts";
import { NONE } from "./setup.ts";

const MOST = 6;
const MOST_WITH_SEARCH = 7;
const MESSAGES = 1_000;
const WRITERS = 16;

interface Written {
  log: number;
  alarms: number;
  history: number;
  search: number;
}

if (targets().includes("ours")) {
  describe("a message", () => {
    let ours: RunningOurs;
    before(async () => {
      ours = await startOurs(NONE, { entry: join(ROOT, "tests/fixtures/counting/rows.js") });
    });
    after(() => ours?.stop());

    const post = async (path: string, json: unknown): Promise<void> => {
      const answer = await ours.worker.ask(path, { json });
      assert.ok(answer.status < 300, answer.text);
    };
    const written = async (): Promise<Written> => (await ours.worker.ask("/_rows")).json<Written>();
    const followed = (count: number): Promise<true> =>
      until(
        "D1 and the search",
        async () => {
          const [history] = await ours.worker.d1("SELECT count(*) AS n FROM message");
          const [search] = await ours.worker.searched("SELECT count(*) AS n FROM document");
          return history?.n === count && search?.n === count;
        },
        60_000,
      );

    /** Posts, and the rows of each message once everything has followed. */
    async function cost(room: string, before: number, target: (n: number) => object): Promise<Written> {
      const from = await written();
      let next = 0;
      const writer = async (): Promise<void> => {
        while (next < MESSAGES) {
          next += 1;
          const parts = [
            { kind: "text", text: `message ${next} of so many, with words of its own: w${next}` },
          ];
          await post("/v1/messages", { target: target(next), from: { type: "agent", id: "a" }, parts });
        }
      };
      await Promise.all(Array.from({ length: WRITERS }, writer));
      await followed(before + MESSAGES);
      const to = await written();
      const each = (what: keyof Written): number => (to[what] - from[what]) / MESSAGES;
      const rows = {
        log: each("log"),
        alarms: each("alarms"),
        history: each("history"),
        search: each("search"),
      };
      assert.ok(rows.log >= 1 && rows.history >= 1 && rows.search >= 1, `nothing was counted in ${room}`);
      return rows;
    }

    const judge = (rows: Written): void => {
      const without = rows.log + rows.alarms + rows.history;
      const shown = JSON.stringify(rows);
      assert.ok(without <= MOST, `${without.toFixed(2)} rows a message: ${shown}`);
      assert.ok(
        without + rows.search <= MOST_WITH_SEARCH,
        `${(without + rows.search).toFixed(2)} rows: ${shown}`,
      );
    };

    it("to a room costs few rows", async () => {
      await post("/v1/rooms", { id: "plain", members: ["a"] });
      judge(await cost("plain", 0, () => ({ kind: "room", room_id: "plain" })));
    });

    it("to a thread costs few rows", async () => {
      await post("/v1/rooms", { id: "threaded", members: ["a"] });
      const target = { kind: "thread", room_id: "threaded", thread_id: "one", parent_message_id: "p" };
      judge(await cost("threaded", MESSAGES, () => target));
    });
  });
}

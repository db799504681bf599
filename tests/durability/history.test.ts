// A room's log outlives kill -9: what was acknowledged is there once, in its place, and D1's history and search are
// the log, whatever was cut off half-way. Without D1 nothing but those two waits.

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { discard, type RunningWorker, scratch, startWorker, until } from "../harness/index.ts";
import { history, open, post, ROOM, settled } from "./conversations.ts";

const WRITERS = 16;
const KILLS = 3;

/** Waits until both databases hold everything, and compares them with the log. */
async function copies(worker: RunningWorker): Promise<void> {
  const ids = (await history(worker)).map(({ id }) => id);
  const stored = async () => {
    const rows = await worker.d1("SELECT id FROM message WHERE conversation = ? ORDER BY offset", ROOM);
    return rows.map(({ id }) => id);
  };
  await until("the history in D1", async () => (await stored()).length >= ids.length, 40_000);
  assert.deepEqual(await stored(), ids);
  const documents = async () =>
    Number((await worker.searched("SELECT count(*) AS n FROM document WHERE conversation = ?", ROOM))[0]?.n);
  await until("the search in D1", async () => (await documents()) >= ids.length, 40_000);
  assert.equal(await documents(), ids.length);
}

describe("a room's log", () => {
  const persist = scratch("history");
  after(() => discard(persist));

  it("holds what was acknowledged, once and in order, after kill -9 under its writers", async () => {
    const acknowledged: string[][] = Array.from({ length: WRITERS }, () => []);
    for (let round = 0; round <= KILLS; round++) {
      const worker = await startWorker({ persist });
      settled(await open(worker));
      let killed = false;
      const writers = acknowledged.map(async (own, writer) => {
        for (let n = 0; !killed; n++) {
          const id = `m-${round}-${writer}-${n}`;
          try {
            await post(worker, id, `word${round} of ${writer}`);
            own.push(id);
          } catch (error) {
            assert.ok(killed, `a post failed before the kill: ${error}`);
          }
        }
      });
      const enough = (round + 1) * 200;
      await until("messages", () => acknowledged.flat().length >= enough, 60_000);
      killed = true;
      if (round < KILLS) {
        await worker.kill9();
        await Promise.all(writers);
        continue;
      }
      await Promise.all(writers);
      const stored = await history(worker);
      const place = new Map(stored.map(({ id }, at) => [id, at]));
      assert.equal(place.size, stored.length, "a message stands twice");
      for (const own of acknowledged) {
        const places = own.map((id) => place.get(id) ?? Number.NaN);
        assert.ok(!places.includes(Number.NaN), "an acknowledged message is missing");
        assert.deepEqual(
          places,
          places.toSorted((a, b) => a - b),
          "a writer's messages are out of order",
        );
      }
      const times = stored.map(({ created_at }) => created_at);
      assert.deepEqual(times, times.toSorted(), "time went back");
      await copies(worker);
      await worker.stop();
    }
  });

  it("takes messages while D1 is down, and is copied once it is back", async () => {
    let worker = await startWorker({ persist, d1: "down" });
    const before = (await history(worker)).length;
    await Promise.all(Array.from({ length: 20 }, (_, n) => post(worker, `down-${n}`, "said without D1")));
    assert.equal((await history(worker)).length, before + 20);
    await until("the failure in the log", () =>
      worker.logs.some(({ message }) => message.includes("consumer_behind")),
    );
    await worker.stop();
    worker = await startWorker({ persist });
    // An alarm that failed rings again by itself; a message makes sure that the object is awake.
    await post(worker, "up", "said with D1");
    await copies(worker);
    const found = await worker.searched(`SELECT count(*) AS n FROM passage WHERE passage MATCH '"without"'`);
    assert.equal(found[0]?.n, 20);
    await worker.stop();
  });
});

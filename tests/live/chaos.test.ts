// Writers and observers go on while the server is killed and its objects are dropped from memory, again and again.
//
// What must hold afterwards: what was acknowledged is in the log, once; offsets have no hole; every observer saw the
// same events in the same order, none twice and none missing; and the rooms that follow from the events are the rooms
// that the server shows.
//
// MOLTGHOST_CHAOS sets the number of cycles; `make chaos` runs the long form.

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { discard, scratch, until } from "../harness/index.ts";
import { targets } from "../network/against.ts";
import { Server } from "../network/server.ts";
import { BEARER, NETWORK_ID } from "../network/setup.ts";
import { type NetworkEvent, observe } from "./observer.ts";

const CYCLES = Number(process.env.MOLTGHOST_CHAOS ?? "24");

/** One cycle of this many kills the server; the others drop objects from memory. */
const KILL_EVERY = 8;
const OBSERVERS = 4;
const WRITERS = 6;

/** Somebody who observes, and comes back with what it saw last whenever its stream ends. */
class Follower {
  readonly events: NetworkEvent[] = [];
  comebacks = 0;
  #running = true;
  readonly #done: Promise<void>;

  constructor(server: Server, after: string) {
    this.#done = this.#follow(server, after);
  }

  async #follow(server: Server, start: string): Promise<void> {
    while (this.#running) {
      const after = this.events.at(-1)?.id ?? start;
      try {
        const observer = await observe(server, { after });
        await until("the stream's end", () => observer.ended || !this.#running, 600_000);
        observer.close();
        if (observer.failure instanceof assert.AssertionError) {
          throw observer.failure;
        }
        this.events.push(...observer.events);
        this.comebacks += 1;
      } catch (error) {
        if (error instanceof assert.AssertionError) {
          throw error;
        }
        await sleep(50);
      }
    }
  }

  async end(): Promise<void> {
    this.#running = false;
    await this.#done;
  }
}

/** Somebody who writes until told otherwise, the same message again until it is acknowledged. */
async function write(server: Server, name: string, rooms: string[], open: () => boolean): Promise<string[]> {
  const acknowledged: string[] = [];
  for (let n = 0; open(); ) {
    const id = `${name}-${n}`;
    try {
      const answer = await server.post({ room: rooms[n % rooms.length] ?? "", id });
      if (answer.status === 202) {
        acknowledged.push(id);
        n += 1;
      } else {
        assert.ok(answer.status >= 500, answer.text);
      }
    } catch (error) {
      if (error instanceof assert.AssertionError) {
        throw error;
      }
      await sleep(20);
    }
  }
  return acknowledged;
}

/** Changes who is in a room until told otherwise. */
async function churn(server: Server, room: string, open: () => boolean): Promise<void> {
  for (let n = 0; open(); n += 1) {
    const json = n % 3 === 2 ? { remove: [`guest-${n % 7}`] } : { add: [`guest-${n % 7}`] };
    try {
      await server.ask(`/v1/rooms/${room}/members`, { method: "PATCH", json });
    } catch (error) {
      assert.ok(!(error instanceof assert.AssertionError), String(error));
    }
    await sleep(30);
  }
}

async function disturb(server: Server, cycle: number, rooms: string[]): Promise<void> {
  if (cycle % KILL_EVERY === KILL_EVERY - 1) {
    await server.worker.kill9();
    await server.start();
    return;
  }
  const room = `room:${NETWORK_ID}:${rooms[randomInt(rooms.length)]}`;
  const [className, name] = [
    ["Hub", `hub:${NETWORK_ID}:0`],
    ["Hub", `hub:${NETWORK_ID}:0`],
    ["Room", room],
    ["Network", `net:${NETWORK_ID}`],
  ][randomInt(4)] as [string, string];
  await server.worker.evict(className, name, randomInt(2) === 0 ? "hibernate" : "close");
}

if (targets().includes("ours")) {
  describe("chaos", () => {
    it(`loses nothing and tells everybody the same, over ${CYCLES} cycles`, async () => {
      const persist = scratch("chaos");
      const server = new Server("ours", BEARER, { persist });
      try {
        await server.start();
        const rooms = [await server.room(), await server.room({ members: ["first"] }), await server.room()];
        const first = await observe(server, { after: "evt_gap_all" });
        await first.saw("the last room", ({ room }) => room?.id === rooms[2]);
        first.close();
        const followers = Array.from({ length: OBSERVERS }, () => new Follower(server, "evt_gap_all"));
        let open = true;
        const writers = Array.from({ length: WRITERS }, (_, n) => write(server, `w${n}`, rooms, () => open));
        const churning = churn(server, rooms[1] ?? "", () => open);
        for (let cycle = 0; cycle < CYCLES; cycle += 1) {
          await sleep(randomInt(30, 250));
          await disturb(server, cycle, rooms);
        }
        open = false;
        const acknowledged = (await Promise.all(writers)).flat();
        await churning;
        assert.ok(acknowledged.length > CYCLES, "there was no load");
        const last = await observe(server, { after: "evt_gap_all" });
        const { message_id } = await server.send({ room: rooms[0] ?? "" });
        await last.sawMessage(message_id);
        // Other conversations' events may come after it.
        await sleep(1_500);
        await Promise.all(followers.map((follower) => follower.end()));
        const all = last.events.map(({ id }) => id);
        last.close();
        assert.equal(new Set(all).size, all.length, "an event was told twice");
        for (const follower of followers) {
          assert.ok(follower.comebacks > CYCLES / KILL_EVERY - 1, "nobody had to come back");
          const seen = follower.events.map(({ id }) => id);
          assert.deepEqual(seen, all, "an observer saw something else");
        }
        const messages = new Set(last.messages);
        for (const id of acknowledged) {
          assert.ok(messages.has(id), `${id} was acknowledged and not told`);
        }
        await expectDense(server, rooms, acknowledged);
        await expectFolded(server, rooms, last.events);
      } finally {
        await server.stop();
        discard(persist);
      }
    });
  });
}

/** The log has no hole, and holds what was acknowledged once. */
async function expectDense(server: Server, rooms: string[], acknowledged: string[]): Promise<void> {
  const query = "SELECT offset, id, kind FROM history WHERE conversation = ?1 ORDER BY offset";
  const stored: string[] = [];
  for (const room of rooms) {
    const rows = await until("the history", async () => {
      const found = await server.worker.d1(query, `room:${NETWORK_ID}:${room}`);
      const lags = await server.worker.d1(query, `room:${NETWORK_ID}:${room}`);
      return found.length > 0 && found.length === lags.length ? found : undefined;
    });
    assert.deepEqual(
      rows.map(({ offset }) => Number(offset)),
      rows.map((_, index) => index + 1),
    );
    stored.push(...rows.filter(({ kind }) => kind === "message.created").map(({ id }) => String(id)));
  }
  assert.equal(new Set(stored).size, stored.length, "an id stands twice in the log");
  const missing = acknowledged.filter((id) => !stored.includes(id));
  assert.deepEqual(missing, []);
}

/** The rooms that follow from the events are those that the server shows. */
async function expectFolded(server: Server, rooms: string[], events: NetworkEvent[]): Promise<void> {
  const folded = new Map<string, string[]>();
  for (const { room } of events) {
    if (room !== undefined) {
      folded.set(room.id, room.members ?? []);
    }
  }
  for (const room of rooms) {
    const shown = await server.ok<{ members?: string[] }>(200, `/v1/rooms/${room}`);
    assert.deepEqual(folded.get(room), shown.members ?? [], room);
  }
}

// Writers, observers and attached agents go on while the server is killed and its objects are reset or dropped from
// memory, again and again.
//
// What must hold afterwards: what was acknowledged is in the log, once; offsets have no hole; every observer saw the
// same events in the same order, none twice and none missing; every agent saw those of its rooms in that order, none
// missing; no agent's socket closed with a code that its client takes for good; and the rooms that follow from the
// events are the rooms that the server shows.
//
// MOLTGHOST_CHAOS sets the number of cycles; `make chaos` runs the long form.

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { discard, ROOT, scratch, until } from "../harness/index.ts";
import { targets } from "../network/against.ts";
import { liftPostLimit } from "../network/ours.ts";
import { Server } from "../network/server.ts";
import { BEARER, NETWORK_ID } from "../network/setup.ts";
import { AttachedFollower, Follower } from "./followers.ts";
import { type NetworkEvent, observe } from "./observer.ts";

const CYCLES = Number(process.env.MOLTGHOST_CHAOS ?? "24");

/** One cycle of this many kills the server; the others reset objects or drop them from memory. */
const KILL_EVERY = 8;
const OBSERVERS = 4;
const AGENTS = ["agent-a", "agent-b", "agent-c"];
const WRITERS = 6;

/** Messages that are written in a cycle, by all writers together: the log of the longest run holds all of them. */
const MESSAGES = 25;

/** How long the writers write, and how much. */
class Load {
  open = true;
  #left = 0;

  /** Another cycle has begun. */
  more(): void {
    this.#left += MESSAGES;
  }

  /** Whether another message is wanted; waits where it is not yet. */
  async wanted(): Promise<boolean> {
    while (this.open && this.#left === 0) {
      await sleep(5);
    }
    this.#left -= 1;
    return this.open;
  }
}

/** Somebody who writes until told otherwise, the same message again until it is acknowledged. */
async function write(server: Server, name: string, rooms: string[], load: Load): Promise<string[]> {
  const acknowledged: string[] = [];
  for (let n = 0; await load.wanted(); ) {
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
async function churn(server: Server, room: string, load: Load): Promise<void> {
  for (let n = 0; load.open; n += 1) {
    const json = n % 3 === 2 ? { remove: [`guest-${n % 7}`] } : { add: [`guest-${n % 7}`] };
    try {
      await server.ask(`/v1/rooms/${room}/members`, { method: "PATCH", json });
    } catch (error) {
      assert.ok(!(error instanceof assert.AssertionError), String(error));
    }
    await sleep(30);
  }
}

async function disturb(
  server: Server,
  cycle: number,
  rooms: string[],
  everybody: (Follower | AttachedFollower)[],
): Promise<void> {
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
  // The platform drops nothing from memory that is at work, and the hub always is here: the test's means would wait for
  // each other. Without load it is dropped in sleep.test.ts and recovery.test.ts.
  const how = className === "Hub" ? 0 : randomInt(3);
  if (how === 0) {
    const answer = await server.worker.ask(`/_reset/${className.toUpperCase()}/${encodeURIComponent(name)}`);
    assert.equal(answer.status, 200, answer.text);
    return;
  }
  await until(
    "everybody to be there",
    () => {
      const one = everybody.find(({ there }) => !there);
      // What keeps it away is the timeout's cause.
      if (one !== undefined) {
        throw new Error(`cycle ${cycle}: ${one.constructor.name} is away`, { cause: one.why });
      }
      return true;
    },
    60_000,
  );
  await server.worker.evict(className, name, how === 1 ? "close" : "hibernate");
}

/** Each event where it came first. */
const firsts = (ids: string[]): string[] => [...new Set(ids)];

if (targets().includes("ours")) {
  describe("chaos", () => {
    it(`loses nothing and tells everybody the same, over ${CYCLES} cycles`, async () => {
      const persist = scratch("chaos");
      const entry = join(ROOT, "tests/fixtures/resetting/worker.js");
      const server = new Server("ours", BEARER, { persist, entry });
      const load = new Load();
      const everybody: (Follower | AttachedFollower)[] = [];
      const working: Promise<unknown>[] = [];
      try {
        await server.start();
        await liftPostLimit(server.worker);
        const made = () => server.room({ members: AGENTS });
        const rooms = [await made(), await made(), await made()];
        const first = await observe(server, { after: "evt_gap_all" });
        await first.saw("the last room", ({ room }) => room?.id === rooms[2]);
        first.close();
        const followers = Array.from({ length: OBSERVERS }, () => Follower.follow(server, "evt_gap_all"));
        const agents = AGENTS.map((agent) => AttachedFollower.follow(server, agent, "evt_gap_all"));
        everybody.push(...followers, ...agents);
        const writers = Array.from({ length: WRITERS }, (_, n) => write(server, `w${n}`, rooms, load));
        const churning = churn(server, rooms[1] ?? "", load);
        working.push(...writers, churning);
        // What goes wrong with one of them ends the test with it.
        const failed = Promise.all(working).then(() => undefined);
        for (let cycle = 0; cycle < CYCLES; cycle += 1) {
          load.more();
          await Promise.race([sleep(randomInt(30, 250)), failed]);
          await disturb(server, cycle, rooms, everybody);
        }
        load.open = false;
        const acknowledged = (await Promise.all(writers)).flat();
        await churning;
        assert.ok(acknowledged.length > CYCLES, "there was no load");
        const last = await observe(server, { after: "evt_gap_all" });
        const { message_id } = await server.send({ room: rooms[0] ?? "" });
        const { id: end } = await last.sawMessage(message_id);
        // Other conversations' events may come after it.
        await sleep(1_500);
        for (const agent of agents) {
          await until("an agent to have the last message", () => agent.ids.includes(end));
        }
        await Promise.all(everybody.map((follower) => follower.end()));
        const upTo = (ids: string[]) => ids.slice(0, ids.indexOf(end) + 1);
        const all = upTo(last.events.map(({ id }) => id));
        last.close();
        assert.equal(new Set(all).size, all.length, "an event was told twice");
        for (const follower of followers) {
          assert.ok(follower.comebacks > CYCLES / KILL_EVERY - 1, "nobody had to come back");
          assert.deepEqual(upTo(follower.events.map(({ id }) => id)), all, "an observer saw something else");
        }
        const ofRooms = last.events.filter(({ agent }) => agent === undefined).map(({ id }) => id);
        for (const agent of agents) {
          assert.ok(agent.comebacks > CYCLES / KILL_EVERY - 1, "no agent had to come back");
          assert.deepEqual(upTo(firsts(agent.ids)), upTo(ofRooms), "an agent saw something else");
          const lasting = agent.codes.filter((code) => code === 1000 || code === 1001);
          assert.deepEqual(lasting, [], "a socket closed for good");
        }
        const messages = new Set(last.messages);
        for (const id of acknowledged) {
          assert.ok(messages.has(id), `${id} was acknowledged and not told`);
        }
        await expectDense(server, rooms, acknowledged);
        await expectFolded(server, rooms, last.events);
      } finally {
        load.open = false;
        await Promise.allSettled([...working, ...everybody.map((follower) => follower.end())]);
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

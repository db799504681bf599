// Random operations: after them, everything that can be read is as a simple model says, and after each of them, read at
// once. Objects of ours are evicted in between.
//
// MOLTGHOST_MODEL_SEED repeats a run, MOLTGHOST_MODEL_STEPS sets its length.

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { describe, it } from "node:test";
import { uniqueName } from "../harness/tenant.ts";
import { against } from "./against.ts";
import { Model } from "./model.ts";
import type { Server } from "./server.ts";
import { BEARER } from "./setup.ts";
import { history } from "./topics/messages.ts";
import type { Room } from "./topics/rooms.ts";

const SEED = Number(process.env.MOLTGHOST_MODEL_SEED ?? randomInt(1, 1 << 30));
const STEPS = Number(process.env.MOLTGHOST_MODEL_STEPS ?? "600");
const ROUND = 60;
/** Steps of the run that looks at everything after each of them. */
const CLOSE_STEPS = 40;
const PARTS = [{ kind: "url", url: "https://example.com/" }];

/** Numbers that a seed decides (mulberry32). */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

class Run {
  readonly #server: Server;
  readonly #model = new Model();
  readonly #number: (below: number) => number;
  readonly #prefix = uniqueName("m");
  #messages = 0;

  constructor(server: Server, seed: number) {
    this.#server = server;
    this.#number = numbers(seed);
  }

  #pick(kind: string, count: number): string {
    return `${this.#prefix}-${kind}-${this.#number(count)}`;
  }

  #members(): string[] {
    return [...new Set(Array.from({ length: this.#number(4) }, () => this.#pick("agent", 6)))];
  }

  /** A new message id, or now and then the last one again. */
  #message(conversation: string): string {
    this.#messages += this.#number(8) === 0 ? 0 : 1;
    return `${conversation}-${this.#messages}`;
  }

  async #expect(due: number, method: string, path: string, json?: unknown): Promise<void> {
    const answer = await this.#server.ask(path, { method, ...(json === undefined ? {} : { json }) });
    assert.equal(
      answer.status,
      due,
      `seed ${SEED}: ${method} ${path} ${JSON.stringify(json)}: ${answer.text}`,
    );
  }

  #post(due: number, id: string, target: Record<string, unknown>): Promise<void> {
    return this.#expect(due, "POST", "/v1/messages", this.#server.message({ id, target, parts: PARTS }));
  }

  async step(): Promise<void> {
    const model = this.#model;
    const room = this.#pick("room", 9);
    switch (this.#number(20)) {
      case 0:
      case 1: {
        const members = this.#members();
        return this.#expect(model.createRoom(room, members), "POST", "/v1/rooms", { id: room, members });
      }
      case 2:
        // Rarely, as a removed room never comes back.
        return this.#number(4) === 0
          ? this.#expect(model.removeRoom(room), "DELETE", `/v1/rooms/${room}`)
          : undefined;
      case 3: {
        if (model.rooms.get(room)?.removed === true) {
          return;
        }
        const [members, name] = [this.#members(), `name ${this.#number(100)}`];
        const rooms = [{ id: room, members, name, visibility: "public" }];
        return this.#expect(model.applyRoom(room, name, members), "POST", "/v1/apply", { rooms });
      }
      case 4:
      case 5: {
        const change = { add: this.#members(), remove: this.#members() };
        const due = model.changeMembers(room, change.add, change.remove);
        return this.#expect(due, "PATCH", `/v1/rooms/${room}/members`, change);
      }
      case 6: {
        const id = this.#pick("agent", 6);
        const json = { requested_agent_id: id };
        return this.#expect(model.register(id), "POST", "/v1/agents/register", json);
      }
      case 7: {
        const id = this.#pick("agent", 6);
        return this.#expect(model.removeAgent(id), "DELETE", `/v1/agents/${id}`);
      }
      case 8:
      case 9:
      case 10: {
        const dm_id = this.#pick("dm", 4);
        const participant_ids = [`${dm_id}-a`, `${dm_id}-b`, "suite"];
        const id = this.#message(dm_id);
        return this.#post(model.postToDm(dm_id, participant_ids, id), id, {
          kind: "dm",
          dm_id,
          participant_ids,
        });
      }
      case 11:
      case 12:
      case 13: {
        const thread_id = this.#pick("thread", 6);
        const room_id = model.threads.get(thread_id)?.room ?? room;
        const id = this.#message(thread_id);
        const due = model.postToThread(thread_id, room_id, id);
        return this.#post(due, id, { kind: "thread", room_id, thread_id });
      }
      case 14:
        return this.#evict(room);
      default: {
        const id = this.#message(room);
        return this.#post(model.postToRoom(room, id), id, { kind: "room", room_id: room });
      }
    }
  }

  async #evict(room: string): Promise<void> {
    if (this.#server.target === "ours") {
      const dm = this.#pick("dm", 4);
      const names: Record<string, string> = { [`room:local:${room}`]: "Room", [`dm:local:${dm}`]: "Room" };
      // Rarely: each time it counts what it had leased of the rate of posts as used.
      if (this.#number(8) === 0) {
        names["net:local"] = "Network";
      }
      for (const [name, className] of Object.entries(names)) {
        // What does not run cannot be evicted.
        await this.#server.worker.evict(className, name).catch((error: Error) => {
          assert.match(error.message, /not currently running/);
        });
      }
    }
  }

  /** Compares everything that can be read. */
  async verify(): Promise<void> {
    const server = this.#server;
    const own = <T extends { id: string }>(items: T[]): T[] =>
      items.filter(({ id }) => id.startsWith(this.#prefix));
    const { rooms } = await server.ok<{ rooms: Room[] }>(200, "/v1/rooms?limit=500");
    const expected = [...this.#model.rooms]
      .filter(([, room]) => !room.removed)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    assert.deepEqual(
      own(rooms).map(({ id, name, visibility, members }) => ({
        id,
        name,
        visibility,
        members: members ?? [],
      })),
      expected.map(([id, { name, visibility, members }]) => ({
        id,
        name,
        visibility,
        members: [...members].sort(),
      })),
      `seed ${SEED}`,
    );
    const threads = [...this.#model.threads].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [id, room] of expected) {
      const one = await server.ok<Room>(200, `/v1/rooms/${id}`);
      assert.deepEqual(one.members ?? [], [...room.members].sort(), `seed ${SEED}: ${id}`);
      await this.#expectArtifacts(`room_id=${id}`, room.all);
      const found = (await history(server, id)).map((message) => message.id);
      assert.deepEqual(found, room.messages, `seed ${SEED}: ${id}`);
      const listed = await server.ok<{ threads: { id: string }[] }>(200, `/v1/rooms/${id}/threads`);
      const due = threads.filter(([, thread]) => thread.room === id).map(([thread]) => thread);
      assert.deepEqual(
        listed.threads.map((thread) => thread.id),
        due,
        `seed ${SEED}: ${id}`,
      );
    }
    for (const [id, thread] of threads) {
      const path = `/v1/threads/${id}`;
      if (this.#model.room(thread.room) === undefined) {
        await this.#expect(404, "GET", path);
        continue;
      }
      const { message_count } = await server.ok<{ message_count: number }>(200, path);
      assert.equal(message_count, thread.messages.length, `seed ${SEED}: ${id}`);
      await this.#expectMessages(path, thread.messages);
      await this.#expectArtifacts(`thread_id=${id}`, thread.messages);
    }
    const { dms } = await server.ok<{ dms: { id: string }[] }>(200, "/v1/dms?limit=500");
    assert.deepEqual(
      own(dms).map(({ id }) => id),
      [...this.#model.dms.keys()].sort(),
      `seed ${SEED}`,
    );
    for (const [id, dm] of this.#model.dms) {
      const path = `/v1/dms/${id}`;
      type Dm = { message_count: number; participant_ids: string[] };
      const found = await server.ok<Dm>(200, path);
      assert.deepEqual(found.participant_ids, [...dm.participants].sort(), `seed ${SEED}: ${id}`);
      assert.equal(found.message_count, dm.messages.length, `seed ${SEED}: ${id}`);
      await this.#expectMessages(path, dm.messages);
      await this.#expectArtifacts(`dm_id=${id}`, dm.messages);
    }
    type Agent = { id: string; rooms?: string[]; actor_uid?: string };
    const { agents } = await server.ok<{ agents: Agent[] }>(200, "/v1/agents?limit=500");
    const known = Array.from({ length: 6 }, (_, index) => `${this.#prefix}-agent-${index}`)
      .map((id) => ({ id, rooms: this.#model.roomsOf(id), registered: this.#model.agents.has(id) }))
      .filter(({ rooms: of, registered }) => registered || of.length > 0);
    assert.deepEqual(
      own(agents).map((one) => ({
        id: one.id,
        rooms: one.rooms ?? [],
        registered: one.actor_uid !== undefined,
      })),
      known,
      `seed ${SEED}`,
    );
    for (const { id, rooms: of } of known) {
      const one = await server.ok<Agent>(200, `/v1/agents/${id}`);
      assert.deepEqual(one.rooms ?? [], of, `seed ${SEED}: ${id}`);
    }
  }

  async #expectArtifacts(filter: string, messages: string[]): Promise<void> {
    type Page = { artifacts: { id: string }[] | null };
    const { artifacts } = await this.#server.ok<Page>(200, `/v1/artifacts?${filter}&limit=500`);
    assert.deepEqual(
      (artifacts ?? []).map(({ id }) => id),
      messages.map((id) => `art_${id}_0`),
      `seed ${SEED}: ${filter}`,
    );
  }

  async #expectMessages(path: string, due: string[]): Promise<void> {
    type Page = { messages: { id: string }[] };
    const { messages } = await this.#server.ok<Page>(200, `${path}/messages?limit=500`);
    assert.deepEqual(
      messages.map(({ id }) => id),
      due,
      `seed ${SEED}: ${path}`,
    );
  }
}

against(BEARER, [
  (server) => {
    describe("random operations", () => {
      it(`give what the model says (seed ${SEED}, ${STEPS} steps)`, async () => {
        const run = new Run(server, SEED);
        for (let step = 0; step < STEPS; step += 1) {
          await run.step();
          if (step % ROUND === ROUND - 1) {
            await run.verify();
          }
        }
        await run.verify();
      });

      it(`are seen at once by whoever reads anything (seed ${SEED})`, async () => {
        const run = new Run(server, SEED + 1);
        for (let step = 0; step < CLOSE_STEPS; step += 1) {
          await run.step();
          await run.verify();
        }
      });
    });
  },
]);

// What every server does whose event stream is followed.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../harness/index.ts";
import { uniqueName } from "../harness/tenant.ts";
import type { Topic } from "../network/against.ts";
import { observe, refusal } from "./observer.ts";

const MESSAGE_EVENT = /^evt_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The form of the stream. */
export const framing: Topic = (server) => {
  describe("the event stream", () => {
    it("opens with a comment and has the original's headers", async () => {
      const observer = await observe(server, { headers: { "x-request-id": "req-of-a-test" } });
      assert.equal(observer.comments[0], ": stream-open");
      assert.equal(observer.headers.get("content-type"), "text/event-stream");
      assert.equal(observer.headers.get("cache-control"), "no-cache");
      assert.equal(observer.headers.get("x-request-id"), "req-of-a-test");
      observer.close();
    });

    it("tells of a message with the id that its sender was told", async () => {
      const room = await server.room();
      const observer = await observe(server);
      const { message_id, event_id } = await server.send({ room });
      const event = await observer.sawMessage(message_id);
      assert.equal(event.id, event_id);
      assert.match(event.id, MESSAGE_EVENT);
      assert.equal(event.created_at, event.message?.created_at);
      assert.equal(event.network_id, "local");
      observer.close();
    });

    it("keeps the order of a conversation, and tells nothing twice", async () => {
      const room = await server.room();
      const observer = await observe(server);
      const ids = await server.sendMany(30, { room });
      await observer.sawMessage(ids.at(-1) ?? "");
      const own = observer.messages.filter((id) => ids.includes(id));
      assert.deepEqual(own, ids);
      observer.close();
    });

    it("tells everybody who observes", async () => {
      const room = await server.room();
      const observers = await Promise.all(Array.from({ length: 5 }, () => observe(server)));
      const { message_id } = await server.send({ room });
      await Promise.all(observers.map((observer) => observer.sawMessage(message_id)));
      for (const observer of observers) {
        observer.close();
      }
    });
  });
};

/** What is told of what. */
export const kinds: Topic = (server) => {
  describe("types of events", () => {
    it("tell of a room's life", async () => {
      const observer = await observe(server);
      const room = await server.room({ members: ["first"] });
      const made = await observer.saw("the room", (e) => e.type === "room.created" && e.room?.id === room);
      assert.equal(made.created_at, made.room?.created_at);
      await server.ok(200, `/v1/rooms/${room}/members`, { method: "PATCH", json: { add: ["second"] } });
      const changed = await observer.saw("the change", (e) => e.type === "room.members.updated");
      assert.deepEqual(changed.room?.members, ["first", "second"]);
      server.differs(
        "members-updated-time",
        () => assert.equal(changed.created_at, changed.room?.created_at),
        () => assert.ok(changed.created_at > (changed.room?.created_at ?? "")),
      )();
      const { message_id } = await server.send({ room });
      await server.ok(200, `/v1/rooms/${room}`, { method: "DELETE" });
      await observer.saw("the removal", (e) => e.type === "room.removed" && e.room?.id === room);
      assert.ok(observer.messages.includes(message_id));
      assert.deepEqual(observer.about(room), [
        "room.created",
        "room.members.updated",
        "message.created",
        "room.removed",
      ]);
      observer.close();
    });

    it("tell of nothing where nothing changes", async () => {
      const room = await server.room({ members: ["first"] });
      const observer = await observe(server);
      await server.ok(200, `/v1/rooms/${room}/members`, { method: "PATCH", json: { add: ["first"] } });
      const sent = await server.send({ room, id: uniqueName("m") });
      await server.send({ room, id: sent.message_id });
      const { message_id } = await server.send({ room });
      await observer.sawMessage(message_id);
      const about = observer.about(room).filter((type) => type !== "room.created");
      assert.deepEqual(about, ["message.created", "message.created"]);
      observer.close();
    });

    it("tell that a thread and a direct conversation begin, before their first message", async () => {
      const room = await server.room();
      const [thread, dm] = [uniqueName("thread"), uniqueName("dm")];
      const observer = await observe(server);
      const target = { kind: "thread", room_id: room, thread_id: thread };
      await server.send({ target });
      await server.send({ target });
      const said = await server.send({
        target: { kind: "dm", dm_id: dm, participant_ids: ["one", "two"] },
      });
      await observer.sawMessage(said.message_id);
      const inRoom = observer.events.filter(
        (e) => e.thread?.id === thread || e.message?.target.room_id === room,
      );
      assert.deepEqual(
        inRoom.map(({ type }) => type),
        ["thread.created", "message.created", "message.created"],
      );
      assert.equal(inRoom[0]?.thread?.message_count, 1);
      assert.deepEqual(observer.about(dm), ["dm.created", "message.created"]);
      const begun = observer.events.find((event) => event.dm?.id === dm)?.dm;
      assert.equal(begun?.message_count, 1);
      observer.close();
    });

    it("tell that an agent was removed", async () => {
      const agent = await server.agent();
      const observer = await observe(server);
      await server.ok(200, `/v1/agents/${agent}`, { method: "DELETE" });
      const event = await observer.saw(
        "the removal",
        (e) => e.type === "agent.removed" && e.agent?.agent_id === agent,
      );
      assert.deepEqual([event.agent?.reason, event.agent?.fqid], ["removed", server.fqid("agents", agent)]);
      observer.close();
    });
  });
};

/** Going on where one was. */
export const replay: Topic = (server) => {
  describe("resuming", () => {
    it("goes on after the last event that was seen, by header and by query", async () => {
      const room = await server.room();
      const first = await observe(server);
      const ids = await server.sendMany(3, { room });
      await first.sawMessage(ids[2] ?? "");
      const at = first.events.find(({ message }) => message?.id === ids[0])?.id ?? "";
      first.close();
      const more = await server.sendMany(2, { room });
      for (const inQuery of [false, true]) {
        const again = await observe(server, { after: at, inQuery });
        const live = (await server.send({ room })).message_id;
        await again.sawMessage(live);
        const own = again.messages.filter((id) => [...ids, ...more, live].includes(id));
        assert.deepEqual(own, [...ids.slice(1), ...more, live]);
        assert.ok(!again.events.some(({ type }) => type === "stream.replay_gap"));
        more.push(live);
        again.close();
      }
    });

    it("goes by the query where the header is no id", async () => {
      const room = await server.room();
      const first = await observe(server);
      const ids = await server.sendMany(2, { room });
      await first.sawMessage(ids[1] ?? "");
      const after = first.events.find(({ message }) => message?.id === ids[0])?.id;
      first.close();
      for (const id of ["", "a b", "x".repeat(129)]) {
        const again = await observe(server, { after, inQuery: true, headers: { "last-event-id": id } });
        await again.sawMessage(ids[1] ?? "");
        assert.ok(!again.messages.includes(ids[0] ?? ""), id);
        again.close();
      }
    });

    it("begins now without a cursor, and with one that is no id", async () => {
      const room = await server.room();
      const { message_id } = await server.send({ room });
      for (const after of [undefined, "", "a/b", "x".repeat(129)]) {
        const observer = await observe(server, { after });
        const next = (await server.send({ room })).message_id;
        await observer.sawMessage(next);
        assert.ok(!observer.messages.includes(message_id), String(after));
        observer.close();
      }
    });

    it("tells of the gap before what is kept where the cursor is not known", async () => {
      const room = await server.room();
      const { message_id } = await server.send({ room });
      const observer = await observe(server, { after: "evt_missing" });
      await observer.sawMessage(message_id);
      const [gap] = observer.events;
      assert.equal(gap?.type, "stream.replay_gap");
      assert.equal(gap?.id, "evt_gap_7379eb90a2c69688d7ba6b17124344ece04bae34e651b3936d1e782f7e1b2599");
      assert.equal(gap?.replay_gap?.requested_event_id, "evt_missing");
      assert.equal(gap?.replay_gap?.oldest_event_id, observer.events[1]?.id);
      assert.ok(gap?.replay_gap?.newest_event_id);
      assert.equal(observer.events.filter(({ type }) => type === "stream.replay_gap").length, 1);
      observer.close();
      const again = await observe(server, { after: gap?.id });
      await again.sawMessage(message_id);
      assert.ok(!again.events.some(({ type }) => type === "stream.replay_gap"));
      again.close();
    });
  });
};

/** Who may follow, where that is asked. */
export const gates: Topic = (server) => {
  describe("who may follow", () => {
    it("is who may observe", async () => {
      for (const as of ["observe", "admin", "operator"] as const) {
        (await observe(server, { as })).close();
      }
      assert.deepEqual(await refusal(server, { as: "nonsense" }), [401, "unauthorized"]);
      if (!server.publicRead) {
        assert.deepEqual(await refusal(server, { as: null }), [401, "unauthorized"]);
        assert.deepEqual(await refusal(server, { as: "write" }), [403, "forbidden"]);
      }
    });
  });
};

/** What anybody is told, where the public reads. */
export const publicStream: Topic = (server) => {
  describe("anybody", () => {
    it("is told what happens in public rooms, and nothing else", async () => {
      const anybody = await observe(server, { as: null });
      const under = await observe(server, { as: "write" });
      const all = await observe(server, { as: "observe" });
      const secret = await server.room({ visibility: "private", members: ["first"] });
      const open = await server.room({ visibility: "public", members: ["first"] });
      await server.ok(200, `/v1/rooms/${open}/members`, { method: "PATCH", json: { add: ["second"] } });
      await server.send({ room: secret });
      const dm = uniqueName("dm");
      await server.send({ target: { kind: "dm", dm_id: dm, participant_ids: ["one", "two"] } });
      const agent = await server.agent();
      await server.ok(200, `/v1/agents/${agent}`, { method: "DELETE" });
      await server.send({ target: { kind: "thread", room_id: open, thread_id: uniqueName("thread") } });
      await server.ok(200, `/v1/rooms/${secret}`, { method: "DELETE" });
      const { message_id } = await server.send({ room: open });
      await Promise.all([anybody, under, all].map((observer) => observer.sawMessage(message_id)));
      await server.ok(200, `/v1/rooms/${open}`, { method: "DELETE" });
      for (const observer of [anybody, under]) {
        await observer.saw("the removal", ({ type }) => type === "room.removed");
        assert.deepEqual(
          observer.events.map(({ type }) => type),
          ["room.created", "thread.created", "message.created", "message.created", "room.removed"],
        );
        assert.ok(observer.events.every(({ room }) => room === undefined || room.id === open));
      }
      assert.deepEqual(all.about(secret), ["room.created", "message.created", "room.removed"]);
      assert.ok(all.about(dm).length === 2 && all.about(agent).length === 1);
      for (const observer of [anybody, under, all]) {
        observer.close();
      }
    });
  });
};

/** How many streams there may be. */
export const caps: Topic = (server) => {
  describe("streams of one identity", () => {
    it("are sixteen, and a closed one makes room", async () => {
      const as = "adminWrite";
      const observers = await Promise.all(Array.from({ length: 16 }, () => observe(server, { as })));
      assert.deepEqual(await refusal(server, { as }), [503, "service_unavailable"]);
      (await observe(server, { as: "admin" })).close();
      observers.pop()?.close();
      // An idle stream that was closed in good order is found closed when something is written to it: ours asks who is
      // there when it refuses, the original waits for the next keep-alive.
      const again = await until(
        "room for another",
        () =>
          observe(server, { as }).catch((error) =>
            /503 !== 200/.test(String(error)) ? undefined : Promise.reject(error),
          ),
        30_000,
      );
      again.close();
      for (const observer of observers) {
        observer.close();
      }
    });
  });
};

// What an agent may ask for in IDENTIFY beyond the original's protocol: mentions that it missed, and several events in
// one frame.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { until } from "../harness/index.ts";
import { uniqueName } from "../harness/tenant.ts";
import { targets } from "../network/against.ts";
import { Server } from "../network/server.ts";
import { BEARER, NETWORK_ID } from "../network/setup.ts";
import { Attached, type Frame } from "./attached.ts";
import { observe } from "./observer.ts";

const HUB = `hub:${NETWORK_ID}:0`;
const MISSED = { capabilities: { missed_mentions: true } };

const several = (events_per_frame: number) => ({ capabilities: { events_per_frame } });

const textsOf = (frame: Frame): string[] =>
  [...(frame.events ?? []), ...(frame.event === undefined ? [] : [frame.event])].flatMap(({ message }) =>
    message === undefined ? [] : [message.parts[0]?.text ?? ""],
  );

/** Waits for frames until so many messages have come; the frames. */
async function frames(attached: Attached, messages: number): Promise<Frame[]> {
  const got: Frame[] = [];
  while (got.flatMap(textsOf).length < messages) {
    got.push(await attached.next());
  }
  return got;
}

/** Sends messages, each once the hub has the one before; the hub has all of them then. */
async function tell(server: Server, messages: Parameters<Server["send"]>[0][]): Promise<void> {
  const observer = await observe(server);
  for (const message of messages) {
    await observer.sawMessage((await server.send(message)).message_id);
  }
  observer.close();
}

/** Nothing more has come once a PING is answered. */
async function expectQuiet(attached: Attached): Promise<void> {
  attached.send({ op: "PING", version: "moltnet.attach.v1" });
  const frame = await attached.next();
  assert.equal(frame.op, "PONG", JSON.stringify(frame));
}

if (targets().includes("ours")) {
  describe("missed mentions", () => {
    const server = new Server("ours", BEARER);
    before(() => server.start());
    after(() => server.stop());

    const attach = "attach";

    it("are what HELLO offers", async () => {
      const attached = await Attached.open(server);
      const hello = (await attached.next()) as Frame & { capabilities?: unknown };
      assert.deepEqual(hello.capabilities, { missed_mentions: true, events_per_frame: 256 });
      attached.cut();
    });

    it("come first, once, in order, to who asks, and what was acknowledged does not come again", async () => {
      const agent = uniqueName("missing");
      const room = await server.room({ members: [agent] });
      const dm = { kind: "dm", dm_id: uniqueName("dm"), participant_ids: [agent, "somebody"] };
      // Conversations tell the hub each for itself, so each message waits for the one before it.
      await tell(server, [
        { room, text: `@${agent} one` },
        { room, text: "to nobody" },
        { target: dm, text: "two" },
        { room, text: `@${agent} three` },
      ]);
      // Who does not ask gets what is new, and no more.
      const plain = await Attached.ready(server, agent, { as: attach });
      await expectQuiet(plain);
      await plain.close();
      const first = await Attached.ready(server, agent, { as: attach, ...MISSED });
      await server.send({ room, text: "live" });
      const got = await frames(first, 4);
      assert.deepEqual(got.flatMap(textsOf), [`@${agent} one`, "two", `@${agent} three`, "live"]);
      first.ack(got[1]?.cursor);
      first.ack(got[0]?.cursor);
      await expectQuiet(first);
      first.cut();
      await until("the agent has left", async () => {
        const { connected } = await server.ok<{ connected: boolean }>(200, `/v1/agents/${agent}`);
        return !connected;
      });
      const second = await Attached.ready(server, agent, { as: attach, ...MISSED });
      const rest = await frames(second, 1);
      assert.deepEqual(rest.flatMap(textsOf), [`@${agent} three`]);
      second.ack(rest[0]?.cursor);
      await expectQuiet(second);
      await second.close();
      const third = await Attached.ready(server, agent, { as: attach, ...MISSED });
      await expectQuiet(third);
      await third.close();
    });

    it("are not told twice to who comes back with a cursor", async () => {
      const agent = uniqueName("missing");
      const room = await server.room({ members: [agent] });
      const first = await Attached.ready(server, agent, { as: attach });
      await server.send({ room, text: "seen" });
      const seen = await first.event("message.created");
      first.ack(seen.cursor);
      await first.close();
      await server.send({ room, text: `@${agent} afterwards` });
      const second = await Attached.ready(server, agent, {
        as: attach,
        ...MISSED,
        cursor: seen.cursor ?? "",
      });
      const got = await frames(second, 1);
      assert.deepEqual(got.flatMap(textsOf), [`@${agent} afterwards`]);
      await expectQuiet(second);
      await second.close();
    });

    it("are those of rooms that the agent is still a member of", async () => {
      const agent = uniqueName("missing");
      const [left, kept] = [await server.room({ members: [agent] }), await server.room({ members: [agent] })];
      await tell(server, [
        { room: left, text: `@${agent} secret` },
        { room: kept, text: `@${agent} open` },
      ]);
      // The hub hears of the removal after it was acknowledged, in its place among the room's events.
      const observer = await observe(server);
      await server.ok(200, `/v1/rooms/${left}/members`, { method: "PATCH", json: { remove: [agent] } });
      await observer.saw(
        "the removal",
        ({ type, room }) => type === "room.members.updated" && room?.id === left,
      );
      observer.close();
      const attached = await Attached.ready(server, agent, { as: attach, ...MISSED });
      const got = await frames(attached, 1);
      assert.deepEqual(got.flatMap(textsOf), [`@${agent} open`]);
      await expectQuiet(attached);
      await attached.close();
    });

    it("come in EVENTS frames to who asked for these, too", async () => {
      const agent = uniqueName("missing");
      const room = await server.room({ members: [agent] });
      for (const text of ["one", "two", "three"]) {
        await server.send({ room, text: `@${agent} ${text}` });
      }
      const both = { missed_mentions: true, events_per_frame: 100 };
      const attached = await Attached.ready(server, agent, { as: attach, capabilities: both });
      const got = await frames(attached, 3);
      assert.deepEqual(got.flatMap(textsOf), [`@${agent} one`, `@${agent} two`, `@${agent} three`]);
      assert.ok(got.every(({ op }) => op === "EVENTS"));
      attached.ack(got.at(-1)?.cursor);
      await expectQuiet(attached);
      await attached.close();
      const again = await Attached.ready(server, agent, { as: attach, ...MISSED });
      await expectQuiet(again);
      await again.close();
    });
  });

  describe("several events in a frame", () => {
    const server = new Server("ours", BEARER);
    before(() => server.start());
    after(() => server.stop());

    it("come in order, each once, and an ACK takes all up to its cursor", async () => {
      const agent = uniqueName("bulk");
      const room = await server.room({ members: [agent] });
      const attached = await Attached.ready(server, agent, several(100));
      const single = await Attached.ready(server, agent, several(1));
      const sent = Array.from({ length: 200 }, (_, n) => `m${n}`);
      let next = 0;
      const writer = async (): Promise<void> => {
        while (next < sent.length) {
          const text = sent[next] ?? "";
          next += 1;
          await server.send({ room, text });
        }
      };
      await Promise.all([writer(), writer(), writer(), writer()]);
      const got = await frames(attached, sent.length);
      const ones = await frames(single, sent.length);
      const texts = ones.flatMap(textsOf);
      assert.deepEqual(texts.toSorted(), sent.toSorted());
      assert.deepEqual(got.flatMap(textsOf), texts);
      assert.ok(ones.every(({ op, events }) => op === "EVENT" && events === undefined));
      assert.ok(got.every(({ op, event }) => op === "EVENTS" && event === undefined));
      for (const { cursor, events = [] } of got) {
        assert.ok(events.length >= 1 && events.length <= 100);
        assert.equal(cursor, events.at(-1)?.id);
      }
      assert.ok(got.length < sent.length, "no frame had several events");
      attached.ack(got.at(-1)?.cursor);
      await expectQuiet(attached);
      // All before it are acknowledged, too.
      attached.ack(got.at(-1)?.events?.[0]?.id);
      assert.equal(await attached.error(), "unexpected ACK cursor");
      for (const { cursor } of ones) {
        single.ack(cursor);
      }
      await expectQuiet(single);
      await single.close();
    });

    it("hold no more than was asked for", async () => {
      const agent = uniqueName("bulk");
      const room = await server.room({ members: [agent] });
      const first = await Attached.ready(server, agent, several(2));
      await server.send({ room, text: "first" });
      // What made the room may come before it, in a frame of its own.
      const seen = (await frames(first, 1)).at(-1);
      first.ack(seen?.cursor);
      await first.close();
      // What the hub has when the agent comes back goes together, what comes later for itself.
      await tell(
        server,
        [0, 1, 2, 3, 4].map((n) => ({ room, text: `m${n}` })),
      );
      const again = await Attached.ready(server, agent, { ...several(2), cursor: seen?.cursor ?? "" });
      const got = await frames(again, 5);
      assert.deepEqual(
        got.map((frame) => textsOf(frame)),
        [["m0", "m1"], ["m2", "m3"], ["m4"]],
      );
      await again.close();
    });

    it("go on over a sleep of the hub as they were", async () => {
      const agent = uniqueName("bulk");
      const room = await server.room({ members: [agent] });
      const attached = await Attached.ready(server, agent, several(50));
      await server.send({ room, text: "before" });
      const before = (await frames(attached, 1)).at(-1);
      await server.worker.evict("Hub", HUB, "hibernate");
      await server.send({ room, text: "after" });
      const [afterwards] = await frames(attached, 1);
      assert.equal(afterwards?.op, "EVENTS");
      assert.deepEqual(textsOf(afterwards ?? { op: "" }), ["after"]);
      attached.ack(before?.cursor);
      attached.ack(afterwards?.cursor);
      await expectQuiet(attached);
      await attached.close();
    });
  });
}

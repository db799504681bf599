// The hub sleeps where nothing happens: attachments do not notice, and only heartbeats wake it.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { discard, scratch, until } from "../harness/index.ts";
import { ROOT } from "../harness/paths.ts";
import { uniqueName } from "../harness/tenant.ts";
import { targets } from "../network/against.ts";
import { Server } from "../network/server.ts";
import { BEARER, NETWORK_ID } from "../network/setup.ts";
import { Attached } from "./attached.ts";
import { observe } from "./observer.ts";

const HUB = `hub:${NETWORK_ID}:0`;
const IDLE = 200;
const PING_EVERY_MS = 2_500;

interface Wakes {
  fetch: number;
  alarm: number;
  webSocketMessage: number;
  webSocketClose: number;
  webSocketError: number;
  timers: number;
}

if (targets().includes("ours")) {
  describe("attachments over the hub's sleep", () => {
    const server = new Server("ours", BEARER);
    before(() => server.start());
    after(() => server.stop());

    it("are told that a minute may pass between heartbeats", async () => {
      const attached = await Attached.open(server);
      assert.equal((await attached.next()).heartbeat_interval_ms, 60_000);
      attached.cut();
    });

    it("stay as they are, with what they have not acknowledged", async () => {
      const agent = uniqueName("sleeper");
      const room = await server.room({ members: [agent] });
      const observer = await observe(server);
      const attached = await Attached.ready(server, agent);
      const cursors: (string | undefined)[] = [];
      for (let n = 0; n < 5; n += 1) {
        await server.send({ room, text: `@${agent} ${n}` });
        const frame = await attached.event("message.created");
        assert.equal(frame.event.message?.parts[0]?.text, `@${agent} ${n}`);
        cursors.push(frame.cursor);
        await server.worker.evict("Hub", HUB, "hibernate");
        const { connected } = await server.ok<{ connected: boolean }>(200, `/v1/agents/${agent}`);
        assert.ok(connected, "an agent whose hub sleeps is attached");
      }
      for (const cursor of cursors.toReversed()) {
        attached.ack(cursor);
      }
      await until(
        "all wakes to be delivered",
        () => observer.events.filter(({ type }) => type === "agent.wake.delivered").length === cursors.length,
      );
      assert.equal(attached.closed, undefined);
      assert.equal(observer.events.filter(({ type }) => type === "agent.connected").length, 1);
      assert.ok(!observer.events.some(({ type }) => type === "agent.disconnected"));
      await attached.close();
      observer.close();
    });

    it("come back where they were when their sockets are lost with the hub", async () => {
      const agent = uniqueName("sleeper");
      const room = await server.room({ members: [agent] });
      const sent: string[] = [];
      const got: string[] = [];
      let cursor = "";
      for (let n = 0; n < 6; n += 1) {
        const attached = await Attached.ready(server, agent, { cursor });
        for (const part of ["a", "b"]) {
          sent.push(`${n}${part}`);
          await server.send({ room, text: `${n}${part}` });
        }
        while (got.length < sent.length) {
          const frame = await attached.event("message.created");
          got.push(frame.event.message?.parts[0]?.text ?? "");
          cursor = frame.cursor ?? "";
          attached.ack(cursor);
        }
        await server.worker.evict("Hub", HUB, "close");
        await attached.end();
        // Nobody is there for this one.
        sent.push(`${n}c`);
        await server.send({ room, text: `${n}c` });
      }
      const attached = await Attached.ready(server, agent, { cursor });
      while (got.length < sent.length) {
        got.push(await attached.message());
      }
      assert.deepEqual(got, sent);
      await attached.close();
    });

    it("are told to have left where they do not come back", async () => {
      const persist = scratch("left");
      const own = new Server("ours", BEARER, { persist, vars: { HEARTBEAT: "fast" } });
      try {
        await own.start();
        const agent = uniqueName("gone");
        const observer = await observe(own);
        await Attached.ready(own, agent);
        await observer.saw("it came", ({ type }) => type === "agent.connected");
        const after = observer.last;
        await own.worker.kill9();
        await own.start();
        const again = await observe(own, { after });
        const left = await again.saw("it left", ({ type }) => type === "agent.disconnected");
        assert.equal(left.agent?.agent_id, agent);
        again.close();
      } finally {
        await own.stop();
        discard(persist);
      }
    });
  });

  describe("idle attachments", () => {
    const entry = join(ROOT, "tests/fixtures/counting/wakes.js");
    const vars = { HEARTBEAT: "fast" };
    const server = new Server("ours", BEARER, { entry, vars });
    before(() => server.start());
    after(() => server.stop());
    const wakes = async (): Promise<Wakes> => (await server.worker.ask("/_wakes")).json<Wakes>();

    it(`wake the hub by nothing but pings and their answers, ${IDLE} of them`, async () => {
      const all: Attached[] = [];
      for (let n = 0; n < IDLE; n += 1) {
        const attached = await Attached.ready(server, `idle-${n}`);
        attached.answers = true;
        all.push(attached);
      }
      const pings = () => all.reduce((sum, { pings: count }) => sum + count, 0);
      // The last of them may have come just now: its handshake's deadline rings the alarm once more.
      const settled = performance.now() + 11_000;
      await until("the handshakes' deadlines to pass", () => performance.now() > settled, 20_000);
      const [before, pinged] = [await wakes(), pings()];
      const began = performance.now();
      await until("some heartbeats", () => pings() >= pinged + 4 * IDLE, 30_000);
      const rounds = Math.ceil((performance.now() - began) / PING_EVERY_MS) + 1;
      const [now, after] = [await wakes(), pings()];
      const answers = now.webSocketMessage - before.webSocketMessage;
      assert.ok(
        Math.abs(answers - (after - pinged)) <= IDLE,
        `${answers} answers to ${after - pinged} pings`,
      );
      assert.ok(now.alarm - before.alarm <= rounds, `${now.alarm - before.alarm} alarms in ${rounds} rounds`);
      assert.deepEqual(
        [now.fetch, now.webSocketClose, now.webSocketError],
        [before.fetch, before.webSocketClose, before.webSocketError],
        "something else woke the hub",
      );
      await until("no timer to keep the hub awake", async () => (await wakes()).timers === 0, 2_000);
      assert.ok(all.every(({ closed }) => closed === undefined));
      for (const attached of all) {
        attached.cut();
      }
    });
  });
}

// Attachments that read slowly: they hold up nobody, lose nothing, and are dropped where they are dead.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../harness/index.ts";
import { uniqueName } from "../harness/tenant.ts";
import { targets } from "../network/against.ts";
import { Server } from "../network/server.ts";
import { BEARER } from "../network/setup.ts";
import { Attached } from "./attached.ts";
import { observe } from "./observer.ts";

const TEXT = "x".repeat(100_000);
const MESSAGES = 80;

async function on(vars: Record<string, string>, test: (server: Server) => Promise<void>): Promise<void> {
  const server = new Server("ours", BEARER, { vars });
  try {
    await server.start();
    await test(server);
  } finally {
    await server.stop();
  }
}

/** The numbers at the beginning of messages, as they come. */
async function numbers(attached: Attached, count: number): Promise<number[]> {
  const got: number[] = [];
  while (got.length < count) {
    const frame = await attached.next();
    for (const { message } of frame.events ?? [frame.event ?? { message: undefined }]) {
      got.push(Number.parseInt(message?.parts[0]?.text ?? "", 10));
    }
    attached.ack(frame.cursor);
  }
  return got;
}

if (targets().includes("ours")) {
  describe("a slow attachment", () => {
    it("gets everything once it reads again, and the others do not wait for it", () =>
      on({}, async (server) => {
        const names = ["slow", "bulk", "quick"].map((name) => uniqueName(name));
        const [slowName = "", bulkName = "", quickName = ""] = names;
        const room = await server.room({ members: names });
        const several = { capabilities: { events_per_frame: 64 } };
        const slow = await Attached.ready(server, slowName);
        const bulk = await Attached.ready(server, bulkName, several);
        const quick = await Attached.ready(server, quickName);
        slow.pause();
        bulk.pause();
        for (let n = 0; n < MESSAGES; n += 1) {
          await server.send({ room, text: `${n} ${TEXT}` });
        }
        const all = Array.from({ length: MESSAGES }, (_, n) => n);
        assert.deepEqual(await numbers(quick, MESSAGES), all);
        slow.resume();
        bulk.resume();
        assert.deepEqual(await numbers(slow, MESSAGES), all);
        assert.deepEqual(await numbers(bulk, MESSAGES), all);
        await server.send({ room, text: "1000 live" });
        for (const attached of [slow, bulk, quick]) {
          assert.deepEqual(await numbers(attached, 1), [1000]);
          await attached.close();
        }
      }));

    it("that takes nothing at all is dropped with a code that makes clients come back", () =>
      on({ HEARTBEAT: "fast" }, async (server) => {
        const agent = uniqueName("dead");
        const room = await server.room({ members: [agent] });
        const observer = await observe(server);
        const dead = await Attached.ready(server, agent);
        dead.pause();
        for (let n = 0; n < MESSAGES; n += 1) {
          await server.send({ room, text: `${n} ${TEXT}` });
        }
        await until(
          "the dead reader to be dropped",
          () => observer.events.some(({ type }) => type === "agent.disconnected"),
          30_000,
        );
        const { connected } = await server.ok<{ connected: boolean }>(200, `/v1/agents/${agent}`);
        assert.equal(connected, false);
        dead.resume();
        await until("the end of its socket", () => dead.closed !== undefined);
        assert.ok(dead.closed === 4408 || dead.closed === 1006, `closed with ${dead.closed}`);
        const cursor = dead.frames.findLast(({ op }) => op === "EVENT")?.cursor ?? "";
        const seen = dead.frames.filter(({ event }) => event?.type === "message.created").length;
        const again = await Attached.ready(server, agent, { cursor });
        const rest = Array.from({ length: MESSAGES - seen }, (_, n) => seen + n);
        assert.deepEqual(await numbers(again, rest.length), rest);
        await again.close();
        observer.close();
      }));
  });
}

// Least privilege on the wire: an attachment is told of the rooms that its agent is a member of, of public rooms where
// the public reads, and of its own direct conversations.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { until } from "../harness/index.ts";
import { issue } from "../harness/issued.ts";
import { uniqueName } from "../harness/tenant.ts";
import { targets } from "../network/against.ts";
import { Server } from "../network/server.ts";
import { BEARER, OPEN, type Setup } from "../network/setup.ts";
import { Attached, type Event } from "./attached.ts";

const VERSION = "moltnet.attach.v1";

/** The events that have come, once a PING is answered. */
async function told(attached: Attached): Promise<Event[]> {
  attached.send({ op: "PING", version: VERSION });
  const events: Event[] = [];
  for (;;) {
    const frame = await attached.next();
    if (frame.op === "PONG") {
      return events;
    }
    assert.equal(frame.op, "EVENT", JSON.stringify(frame));
    if (frame.event !== undefined) {
      events.push(frame.event);
    }
    attached.ack(frame.cursor);
  }
}

const texts = (events: Event[]): string[] =>
  events.flatMap(({ message }) => (message === undefined ? [] : [message.parts[0]?.text ?? ""]));

const types = (events: Event[]): string[] => events.map(({ type }) => type);

function on(setup: Setup, vars: Record<string, string>, tests: (server: Server) => void): void {
  describe(`delivery, ${setup.name}, ${JSON.stringify(vars)}`, () => {
    const server = new Server("ours", setup, { vars });
    before(() => server.start());
    after(() => server.stop());
    tests(server);
  });
}

/** What everybody could be told of happens, some of it of the agent's concern. The last is. */
async function life(server: Server, agent: string): Promise<void> {
  const own = await server.room({ members: [agent], visibility: "private" });
  const foreign = await server.room({ members: ["somebody"], visibility: "private" });
  const open = await server.room({ members: ["somebody"], visibility: "public" });
  await server.send({ room: own, text: "own" });
  await server.send({ room: foreign, text: "foreign" });
  await server.send({ room: foreign, text: `@${agent} foreign mention` });
  await server.send({ room: open, text: "open" });
  const dm = (participant_ids: string[]) => ({ kind: "dm", dm_id: uniqueName("dm"), participant_ids });
  await server.send({ target: dm([agent, "somebody"]), text: "own dm" });
  await server.send({ target: dm(["one", "two"]), text: "foreign dm" });
  const name = uniqueName("other");
  const other = await Attached.ready(server, name);
  await other.close();
  await until("the other has left", async () => {
    const { connected } = await server.ok<{ connected: boolean }>(200, `/v1/agents/${name}`);
    return !connected;
  });
  await server.send({ room: own, text: "last" });
}

/** Waits for the last of them, and for what came with it. */
async function lived(attached: Attached): Promise<Event[]> {
  const events: Event[] = [];
  while (!texts(events).includes("last")) {
    events.push(...(await told(attached)));
  }
  return events;
}

if (targets().includes("ours")) {
  on(BEARER, {}, (server) => {
    it("is of the agent's own rooms and direct conversations, and nothing else", async () => {
      const agent = uniqueName("member");
      const attached = await Attached.ready(server, agent);
      await life(server, agent);
      const events = await lived(attached);
      assert.deepEqual(texts(events), ["own", "own dm", "last"]);
      assert.deepEqual(types(events), [
        "room.created",
        "message.created",
        "dm.created",
        "message.created",
        "message.created",
      ]);
      await attached.close();
    });

    it("follows membership where it changes, and replays by what it is now", async () => {
      const agent = uniqueName("member");
      const room = await server.room({ members: ["somebody"] });
      const change = (json: unknown) =>
        server.ok(200, `/v1/rooms/${room}/members`, { method: "PATCH", json });
      const attached = await Attached.ready(server, agent);
      await server.send({ room, text: "before" });
      await change({ add: [agent] });
      await server.send({ room, text: "during" });
      await change({ remove: [agent] });
      await server.send({ room, text: "after" });
      const own = await server.room({ members: [agent] });
      await server.send({ room: own, text: "last" });
      const events = await lived(attached);
      assert.deepEqual(texts(events), ["during", "last"]);
      const seen = events.find(({ type }) => type === "room.members.updated");
      assert.ok(seen, "an agent is told that it has come to be a member");
      await attached.close();
      // It is no member now: nothing of the room is told again.
      const again = await Attached.ready(server, agent, { cursor: seen.id });
      assert.deepEqual(texts(await lived(again)), ["last"]);
      await again.close();
    });

    it("is of everything to an agent whose token observes", async () => {
      const value = "a-token-that-attaches-and-observes";
      issue("a token of this suite", value);
      const json = { id: "all", value, scopes: ["attach", "observe"] };
      assert.ok((await server.worker.control("/network/tokens", { json })).status < 300);
      const agent = uniqueName("watchful");
      const attached = await Attached.ready(server, agent, { as: value });
      await life(server, agent);
      const events = await lived(attached);
      assert.deepEqual(texts(events), [
        "own",
        "foreign",
        `@${agent} foreign mention`,
        "open",
        "own dm",
        "foreign dm",
        "last",
      ]);
      assert.ok(types(events).includes("agent.connected"));
      await attached.close();
    });
  });

  on(OPEN, {}, (server) => {
    it("is of public rooms, too, where the public reads", async () => {
      const agent = uniqueName("member");
      const attached = await Attached.ready(server, agent);
      await life(server, agent);
      const events = await lived(attached);
      assert.deepEqual(texts(events), ["own", "open", "own dm", "last"]);
      assert.ok(types(events).every((type) => !type.startsWith("agent.")));
      await attached.close();
    });
  });

  on(OPEN, { DELIVERY: "network" }, (server) => {
    it("leaves private rooms out even of their members, as the original does", async () => {
      const agent = uniqueName("member");
      const attached = await Attached.ready(server, agent);
      await life(server, agent);
      const room = await server.room({ members: [agent], visibility: "public" });
      await server.send({ room, text: "last" });
      assert.deepEqual(texts(await lived(attached)), ["open", "own dm", "last"]);
      await attached.close();
    });
  });

  on(BEARER, { AGENT_EVENTS: "on" }, (server) => {
    it("is of other agents, where that is switched on", async () => {
      const agent = uniqueName("member");
      const attached = await Attached.ready(server, agent);
      await life(server, agent);
      const events = await lived(attached);
      assert.deepEqual(texts(events), ["own", "own dm", "last"]);
      const about = types(events).filter((type) => type.startsWith("agent."));
      assert.deepEqual(about.slice(-2), ["agent.connected", "agent.disconnected"]);
      await attached.close();
    });
  });
}

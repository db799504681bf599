// What is told of attached agents: that they come and go, and what became of the messages that were meant for them.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { uniqueName } from "../harness/tenant.ts";
import type { Topic } from "../network/against.ts";
import type { Server } from "../network/server.ts";
import { NETWORK_ID } from "../network/setup.ts";
import { Attached } from "./attached.ts";
import { type NetworkEvent, type Observer, observe } from "./observer.ts";

/** An observer, and an agent that is attached and a member of a room. */
async function scene(server: Server) {
  const agent = uniqueName("sleeper");
  const room = await server.room({ members: [agent], visibility: "public" });
  const observer = await observe(server);
  const attached = await Attached.ready(server, agent, { name: "Sleeper" });
  const about = {
    agent_id: agent,
    network_id: NETWORK_ID,
    fqid: server.fqid("agents", agent),
    name: "Sleeper",
  };
  return { agent, room, observer, attached, about };
}

const saw = (observer: Observer, type: string, agent: string): Promise<NetworkEvent> =>
  observer.saw(`${type} of ${agent}`, (event) => event.type === type && event.agent?.agent_id === agent);

export const wakes: Topic = (server) => {
  describe("wakes", () => {
    it("are told of once they were acknowledged, those of rooms and those of direct conversations", async () => {
      const { agent, room, observer, attached, about } = await scene(server);
      const mention = await server.send({ room, text: `@${agent} wake up` });
      attached.ack((await attached.event("message.created")).cursor);
      const first = await saw(observer, "agent.wake.delivered", agent);
      const target = { kind: "room", room_id: room };
      assert.deepEqual(first.agent, { ...about, message_id: mention.message_id, reason: "mention", target });
      const dm = { kind: "dm", dm_id: uniqueName("dm"), participant_ids: [agent, "somebody"] };
      const direct = await server.send({ target: dm });
      const frame = await attached.event("message.created");
      assert.equal(frame.event.message?.id, direct.message_id);
      attached.ack(frame.cursor);
      const told = await observer.saw(
        "the second wake",
        (event) => event.type === "agent.wake.delivered" && event.agent?.message_id === direct.message_id,
      );
      assert.equal(told.agent?.reason, "dm");
      await attached.close();
      observer.close();
    });

    it("are told of as failed, in order and before the agent has left, where nobody acknowledged them", async () => {
      const { agent, room, observer, attached } = await scene(server);
      const sent: string[] = [];
      for (const text of ["plain", `@${agent} one`, `@${agent} two`, `@${agent} three`]) {
        sent.push((await server.send({ room, text })).message_id);
      }
      const frames = [];
      for (const _ of sent) {
        frames.push(await attached.event("message.created"));
      }
      attached.ack(frames[2]?.cursor);
      await saw(observer, "agent.wake.delivered", agent);
      attached.cut();
      await saw(observer, "agent.disconnected", agent);
      const told = observer.events.filter((event) => event.agent?.agent_id === agent);
      assert.deepEqual(
        told.map(({ type, agent: of }) => [type, of?.message_id]),
        [
          ["agent.connected", undefined],
          ["agent.wake.delivered", sent[2]],
          ["agent.wake.failed", sent[1]],
          ["agent.wake.failed", sent[3]],
          ["agent.disconnected", undefined],
        ],
      );
      assert.ok(told[2]?.agent?.error);
      observer.close();
    });
  });
};

/** Where `debug_events` is on. */
export const reasons: Topic = (server) => {
  describe("why agents come and go", () => {
    const last = async (end: (attached: Attached) => Promise<unknown>) => {
      const { agent, observer, attached } = await scene(server);
      await end(attached);
      const connected = await saw(observer, "agent.connected", agent);
      assert.equal(connected.agent?.reason, "attachment_ready");
      const { agent: of } = await saw(observer, "agent.disconnected", agent);
      observer.close();
      return [of?.reason, of?.error];
    };

    it("is told", async () => {
      const { capabilities } = await server.ok<{ capabilities: Record<string, unknown> }>(200, "/v1/network");
      assert.equal(capabilities.debug_events, true);
      assert.deepEqual(await last((attached) => attached.close()), ["client_closed", undefined]);
      assert.deepEqual(await last((attached) => attached.close(1001)), ["client_going_away", undefined]);
      const cannot = { op: "ERROR", version: "moltnet.attach.v1", error: "the runtime is gone" };
      const failed = await last(async (attached) => attached.send(cannot));
      assert.deepEqual(failed, ["client_error", "attachment client error: the runtime is gone"]);
      const [reason, error] = await last(async (attached) => attached.cut());
      assert.equal(reason, "read_error");
      assert.match(error ?? "", /1006/);
      const wrong = await last(async (attached) => attached.send({ op: "ACK", cursor: "evt_unknown" }));
      assert.equal(wrong[0], "read_error");
      assert.match(wrong[1] ?? "", /^unexpected ACK cursor/);
    });
  });
};

// Handshake, frames and ends of attachments: what every server of this protocol does.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ask, until } from "../harness/index.ts";
import { uniqueName } from "../harness/tenant.ts";
import type { Topic } from "../network/against.ts";
import { NETWORK_ID } from "../network/setup.ts";
import { Attached, type Refused, VERSION } from "./attached.ts";

const agentName = (): string => uniqueName("live");

export const handshake: Topic = (server) => {
  describe("handshake", () => {
    it("greets, and is ready for who says who it is", async () => {
      const agent = agentName();
      const attached = await Attached.open(server);
      const hello = await attached.next();
      assert.equal(hello.op, "HELLO");
      assert.equal(hello.heartbeat_interval_ms, 5_000);
      attached.identify(agent, { name: "Live One" });
      const ready = await attached.next();
      assert.equal(ready.op, "READY");
      assert.equal(ready.agent_id, agent);
      assert.equal(ready.network_id, NETWORK_ID);
      assert.equal(ready.actor_uri, server.fqid("agents", agent));
      assert.ok(ready.actor_uid);
      await attached.close();
    });

    it("refuses each wrong first frame in the original's words", async () => {
      const identify = { op: "IDENTIFY", version: VERSION, network_id: NETWORK_ID };
      const cases: [string | Buffer | Record<string, unknown>, string][] = [
        [Buffer.from([1, 2, 3]), "attachment protocol only accepts text JSON frames"],
        ["{", "attachment frame must be valid JSON"],
        ["[1]", "attachment frame must be valid JSON"],
        [{ ...identify, capabilities: { rooms: "x" } }, "attachment frame must be valid JSON"],
        [{ ...identify, agent_token: 1 }, "attachment frame must be valid JSON"],
        [{ ...identify, event: [] }, "attachment frame must be valid JSON"],
        [{ op: "READY", version: VERSION }, "expected IDENTIFY frame"],
        [{ op: "ACK", cursor: "x" }, "expected IDENTIFY frame"],
        [{ op: "IDENTIFY" }, "attachment IDENTIFY version is required"],
        [{ op: "IDENTIFY", version: "v2" }, `attachment IDENTIFY version "v2" does not match "${VERSION}"`],
        [{ ...identify, network_id: "x" }, `attachment network_id "x" does not match "${NETWORK_ID}"`],
        [identify, "attachment agent.id is required"],
        [
          { ...identify, agent: { id: "not an id" } },
          "attachment agent.id id must match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}",
        ],
      ];
      await Promise.all(
        cases.map(async ([frame, text]) => {
          const attached = await Attached.greeted(server);
          attached.send(frame);
          assert.equal(await attached.error(), text);
        }),
      );
    });

    it("ends who sends a frame over 1 MiB with 1009", async () => {
      const attached = await Attached.greeted(server);
      attached.send("x".repeat(1_048_577));
      const code = await attached.end();
      // The original may reset the connection before its close frame is read.
      assert.ok(code === 1009 || (server.target === "original" && code === 1006), `closed with ${code}`);
    });

    it("answers what is no upgrade, and an origin that may not attach", async () => {
      const plain = await server.ask("/v1/attach", { as: "attach" });
      assert.equal(plain.status, 400);
      const opening = { headers: { origin: "https://elsewhere.example" } };
      const refusal = await Attached.open(server, opening).then(
        () => undefined,
        (error: unknown) => error as Refused,
      );
      assert.equal(refusal?.status, 403);
      assert.match(refusal?.body ?? "", /^Forbidden/);
      const own = await Attached.greeted(server, { headers: { origin: `http://localhost:${server.port}` } });
      own.cut();
    });
  });
};

export const talk: Topic = (server) => {
  describe("frames of an attached agent", () => {
    it("answers PING, pings by itself, and takes PONG", async () => {
      const attached = await Attached.ready(server, agentName());
      attached.send({ op: "PING", version: VERSION });
      assert.equal((await attached.next()).op, "PONG");
      await until("a PING within the heartbeat", () => attached.pings > 0);
      attached.send({ op: "PONG" });
      attached.send({ op: "PING", version: VERSION });
      assert.equal((await attached.next()).op, "PONG");
      await attached.close();
    });

    it("refuses each wrong frame in the original's words", async () => {
      const cases: [string | Buffer | Record<string, unknown>, string][] = [
        [Buffer.from("{}"), "attachment protocol only accepts text JSON frames"],
        ["nonsense", "attachment frame must be valid JSON"],
        [{ op: "PING" }, "attachment PING version is required"],
        [{ op: "PONG", version: "v9" }, `attachment PONG version "v9" does not match "${VERSION}"`],
        [{}, "attachment frame version is required"],
        [{ op: "EVENT", version: VERSION }, 'unexpected frame op "EVENT"'],
        [{ op: "ACK", cursor: "evt_unknown" }, "unexpected ACK cursor"],
      ];
      await Promise.all(
        cases.map(async ([frame, text]) => {
          const attached = await Attached.ready(server, agentName());
          attached.send(frame);
          assert.equal(await attached.error(), text);
        }),
      );
    });

    it("delivers messages in order with their event's id as cursor, and takes each ACK once", async () => {
      const agent = agentName();
      const room = await server.room({ members: [agent], visibility: "public" });
      const attached = await Attached.ready(server, agent);
      const texts = ["one", "two", "three"];
      for (const text of texts) {
        await server.send({ room, text });
      }
      const cursors: string[] = [];
      for (const text of texts) {
        const frame = await attached.event("message.created");
        assert.equal(frame.event.message?.parts[0]?.text, text);
        assert.equal(frame.cursor, frame.event.id);
        assert.equal(frame.network_id, NETWORK_ID);
        cursors.push(frame.cursor ?? "");
      }
      // In any order, each once.
      attached.ack(cursors[2]);
      attached.ack(cursors[0]);
      attached.send({ op: "PING", version: VERSION });
      assert.equal((await attached.next()).op, "PONG");
      attached.ack(cursors[0]);
      assert.equal(await attached.error(), "unexpected ACK cursor");
    });

    it("goes on after the cursor that a client comes back with", async () => {
      const agent = agentName();
      const room = await server.room({ members: [agent], visibility: "public" });
      const first = await Attached.ready(server, agent);
      await server.send({ room, text: "seen" });
      const seen = await first.event("message.created");
      first.ack(seen.cursor);
      await first.close();
      await server.send({ room, text: "missed" });
      const second = await Attached.ready(server, agent, { cursor: seen.cursor ?? "" });
      assert.equal(await second.message(), "missed");
      await server.send({ room, text: "live" });
      assert.equal(await second.message(), "live");
      await second.close();
    });

    it("tells of a gap after a cursor that is not known", async () => {
      const agent = agentName();
      const room = await server.room({ members: [agent], visibility: "public" });
      await server.send({ room, text: "before" });
      const attached = await Attached.ready(server, agent, { cursor: "evt_unknown" });
      const gap = await attached.next();
      assert.equal(gap.event?.type, "stream.replay_gap");
      assert.equal(gap.event?.replay_gap?.requested_event_id, "evt_unknown");
      attached.ack(gap.cursor);
      attached.send({ op: "PING", version: VERSION });
      await until("the PONG", () => attached.frames.some((frame) => frame.op === "PONG"));
      await attached.close();
    });

    it("ends the attachments of an agent that is removed", async () => {
      const agent = agentName();
      const attached = await Attached.ready(server, agent);
      await server.ok(200, `/v1/agents/${agent}`, { method: "DELETE" });
      assert.equal(await attached.error(), "agent was removed from the network");
    });

    it("shows who is attached", async () => {
      const agent = agentName();
      await server.room({ members: [agent] });
      const connected = async (): Promise<boolean> =>
        (await server.ok<{ connected: boolean }>(200, `/v1/agents/${agent}`)).connected;
      const attached = await Attached.ready(server, agent);
      assert.equal(await connected(), true);
      await attached.close();
      await until("the agent has left", async () => !(await connected()));
    });
  });
};

export const credentials: Topic = (server) => {
  describe("credentials of attachments", () => {
    it("lets in who has attach, and says so in the envelope where not", async () => {
      for (const [as, status] of [
        [null, server.mode === "open" ? 101 : 401],
        ["unknown-token", 401],
        ["write", 403],
      ] as const) {
        const outcome = await Attached.open(server, { as }).then(
          (attached) => {
            attached.cut();
            return 101;
          },
          (error: unknown) => (error as Refused).status,
        );
        assert.equal(outcome, status, String(as));
      }
      const answer = await ask(`${server.url}/v1/attach`, { headers: { authorization: "Bearer x" } });
      assert.equal(answer.status, 401);
      assert.equal(answer.json<{ code: string }>().code, "unauthorized");
    });

    it("holds a token to its agents, and an agent to its credential", async () => {
      const limited = await Attached.greeted(server, { as: "limited" });
      const other = agentName();
      limited.identify(other);
      assert.equal(await limited.error(), `attachment agent.id "${other}" is not allowed for this token`);
      const agent = agentName();
      const first = await Attached.ready(server, agent);
      const again = await Attached.ready(server, agent);
      assert.equal(again.readyFrame.actor_uid, first.readyFrame.actor_uid);
      const foreign = await Attached.greeted(server, { as: "attachWrite" });
      foreign.identify(agent);
      assert.equal(
        await foreign.error(),
        `agent "${agent}" is already registered with different credentials`,
      );
      await first.close();
      await again.close();
    });
  });
};

export const openClaims: Topic = (server) => {
  describe("claims by attaching", () => {
    it("gives a new agent its token, which is needed from then on", async () => {
      const agent = agentName();
      const first = await Attached.ready(server, agent, { as: null });
      const token = first.readyFrame.agent_token ?? "";
      assert.match(token, /^magt_v1_/);
      const anonymous = await Attached.greeted(server, { as: null });
      anonymous.identify(agent);
      assert.equal(await anonymous.error(), `agent "${agent}" requires its agent token`);
      const again = await Attached.ready(server, agent, { as: token });
      assert.equal(again.readyFrame.agent_token, undefined);
      const other = await Attached.greeted(server, { as: token });
      other.identify(agentName());
      assert.match(await other.error(), /is not allowed for this token$/);
      await first.close();
      await again.close();
    });
  });
};

export const anybody: Topic = (server) => {
  describe("attachments where nobody proves who they are", () => {
    it("refuses a second one of the same agent", async () => {
      const agent = agentName();
      const first = await Attached.ready(server, agent);
      const second = await Attached.greeted(server);
      second.identify(agent);
      assert.equal(
        await second.error(),
        `agent "${agent}" already has an active attachment; attach with an actor credential to reconnect`,
      );
      await first.close();
    });
  });
};

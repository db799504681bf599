// Who may send as whom where nobody is asked who they are (§6.2-§6.4 of the contract, mode none).

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { uniqueName } from "../../harness/tenant.ts";
import { ok, type Registration, refused, type Server } from "../server.ts";
import type { Room } from "./rooms.ts";

export function anonymous(server: Server): void {
  describe("in mode none", () => {
    it("everybody writes everywhere", async () => {
      for (const write_policy of ["members", "registered_agents", "operators"]) {
        const room = await server.room({ write_policy, members: ["inside"] });
        for (const from of [
          { type: "human", id: "outside" },
          { type: "agent", id: uniqueName("agent") },
        ]) {
          const answer = await server.post({ room, from });
          assert.equal(answer.status, 202, answer.text);
        }
        assert.equal((await server.ok<Room>(200, `/v1/rooms/${room}`)).access?.can_write, true);
      }
    });

    it("agents of elsewhere send, in every spelling; humans of elsewhere do not", async () => {
      const room = await server.room();
      for (const from of [
        { type: "agent", id: "far", network_id: "remote" },
        { type: "agent", id: "remote:far" },
        { type: "agent", id: "molt://remote/agents/far" },
        { type: "agent", id: "far", fqid: "molt://remote/agents/far" },
      ]) {
        const answer = await server.post({ room, from, origin: { network_id: "remote", message_id: "m" } });
        assert.equal(answer.status, 202, answer.text);
      }
      const human = { type: "human", id: "far", network_id: "remote" };
      const relayed = await server.post({
        room,
        from: human,
        origin: { network_id: "remote", message_id: "m" },
      });
      refused(relayed, 403, "remote-origin human sender requires pair scope");
    });

    it("an agent that is bound to a token is nobody's to use", async () => {
      const id = uniqueName("bound");
      await server.ok(200, "/v1/apply", { json: { agents: [{ id, credential_key: "token:somebody" }] } });
      const room = await server.room();
      refused(
        await server.post({ room, from: id }),
        409,
        `agent "${id}" is already registered with different credentials`,
      );
      const taken = await server.ask("/v1/agents/register", { json: { requested_agent_id: id } });
      refused(taken, 409, `agent "${id}" is already registered`);
    });

    it("a registration gives no token", async () => {
      const id = uniqueName("agent");
      const made = ok<Registration>(
        await server.ask("/v1/agents/register", { json: { requested_agent_id: id } }),
        201,
      );
      assert.equal(made.agent_token, undefined);
      assert.equal((await server.post({ room: await server.room(), from: id })).status, 202);
    });

    it("everybody reads everything", async () => {
      const room = await server.room({ visibility: "private" });
      await server.send({ room });
      for (const path of ["", "/messages", "/threads"]) {
        assert.equal((await server.ask(`/v1/rooms/${room}${path}`)).status, 200);
      }
    });
  });
}

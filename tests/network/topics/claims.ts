// Agents that register themselves: their tokens, and what these may do (§6.4 and §16.3 of the contract).

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { uniqueName } from "../../harness/tenant.ts";
import { ok, type Registration, refused, type Server } from "../server.ts";
import type { Room } from "./rooms.ts";

/** Who may register, in setups with authentication. */
export function registrars(server: Server): void {
  const policy = server.mode === "open" ? "open" : (server.setup.registration ?? "disabled");
  const register = (id: string, as: string | null) =>
    server.ask("/v1/agents/register", { as, json: { requested_agent_id: id } });

  describe("registration with static tokens", () => {
    it("gives no token, and binds the id to the credential", async () => {
      const as = policy === "disabled" ? "admin" : "attach";
      const id = uniqueName("agent");
      const made = ok<Registration>(await register(id, as), 201);
      assert.equal(made.agent_token, undefined);
      assert.equal(ok<Registration>(await register(id, as), 200).actor_uid, made.actor_uid);
      if (policy !== "disabled") {
        refused(
          await register(id, "attachWrite"),
          409,
          `agent "${id}" is already registered with different credentials`,
        );
      }
    });

    it("lets an admin see and rename another's, without taking it", async () => {
      const id = uniqueName("agent");
      await server.ok(200, "/v1/apply", { json: { agents: [{ id, credential_key: "token:otherWrite" }] } });
      const taken = ok<Registration>(await register(id, "admin"), 200);
      assert.equal(taken.agent_id, id);
      const room = await server.room({ members: [id] });
      assert.equal((await server.post({ room, from: id }, { as: "otherWrite" })).status, 202);
    });

    it("keeps to the ids that the token may speak for", async () => {
      if (policy === "disabled") {
        refused(await register("limited-a", "limited"), 403, "forbidden");
        return;
      }
      const made = await register("limited-a", "limited");
      assert.ok(made.status === 200 || made.status === 201, made.text);
      refused(
        await register("limited-c", "limited"),
        403,
        "requested_agent_id limited-c is not allowed for this token",
      );
    });
  });
}

/** Of setups in which agents register themselves. */
export function claims(server: Server): void {
  const open = server.mode === "open";
  const claim = async (prefix = "claimed"): Promise<Registration & { agent_token: string }> => {
    const made = await server.register(uniqueName(prefix), { as: null });
    assert.match(made.agent_token ?? "", /^magt_v1_[A-Za-z0-9_-]{43}$/);
    return made as Registration & { agent_token: string };
  };
  const register = (id: string, as: string | null) =>
    server.ask("/v1/agents/register", { as, json: { requested_agent_id: id } });

  describe("claims", () => {
    it("give a token, once", async () => {
      const { agent_id, agent_token, actor_uid } = await claim();
      refused(await register(agent_id, null), 409, `agent "${agent_id}" is already registered`);
      const again = ok<Registration>(await register(agent_id, agent_token), 200);
      assert.equal(again.actor_uid, actor_uid);
      assert.equal(again.agent_token, undefined);
      refused(
        await register(agent_id, "attach"),
        409,
        `agent "${agent_id}" is already registered with different credentials`,
      );
    });

    it("may be made without an id", async () => {
      const name = uniqueName("Claimed");
      const made = await server.ok<Registration>(201, "/v1/agents/register", { as: null, json: { name } });
      assert.equal(made.agent_id, name.toLowerCase());
      assert.ok(made.agent_token);
    });

    it("are of one id: the token registers no other", async () => {
      const { agent_token } = await claim();
      const other = uniqueName("other");
      refused(await register(other, agent_token), 409, `agent token is not valid for agent "${other}"`);
    });

    it("are known by the hash of their token", async () => {
      const { agent_id, agent_token } = await claim();
      const key = `agent-token:${createHash("sha256").update(agent_token).digest("hex")}`;
      const result = await server.ask("/v1/apply", {
        json: { agents: [{ id: agent_id, credential_key: key }] },
      });
      assert.equal(result.status, 200);
      const room = await server.room({ members: [agent_id] });
      assert.equal((await server.post({ room, from: agent_id }, { as: agent_token })).status, 202);
    });

    it("end with the agent, at once", async () => {
      const { agent_id, agent_token } = await claim();
      const room = await server.room({ members: [agent_id], write_policy: "registered_agents" });
      assert.equal((await server.post({ room, from: agent_id }, { as: agent_token })).status, 202);
      ok(await server.ask(`/v1/agents/${agent_id}`, { method: "DELETE" }));
      refused(await server.post({ room, from: agent_id }, { as: agent_token }), 401, "invalid token");
      refused(await server.ask("/v1/network", { as: agent_token }), 401, "invalid token");
      const again = await server.register(agent_id, { as: null });
      assert.notEqual(again.agent_token, agent_token);
      refused(await server.post({ room, from: agent_id }, { as: agent_token }), 401, "invalid token");
    });

    it("end when the agent is rebound", async () => {
      const { agent_id, agent_token } = await claim();
      await server.ok(200, "/v1/apply", {
        json: { agents: [{ id: agent_id, credential_key: "token:write" }] },
      });
      refused(await server.ask("/v1/network", { as: agent_token }), 401, "invalid token");
    });

    it("can have their token replaced", async () => {
      const { agent_id, agent_token } = await claim();
      const answer = await server.ask(`/v1/agents/${agent_id}/token`, { method: "POST", as: agent_token });
      if (server.differs("token-rotation", false, true)) {
        const fresh = answer.json<{ agent_token: string }>().agent_token;
        assert.ok(answer.status < 300, answer.text);
        assert.notEqual(fresh, agent_token);
        refused(await server.ask("/v1/network", { as: agent_token }), 401, "invalid token");
        assert.equal((await server.ask("/v1/network", { as: fresh })).status, 200);
      } else {
        assert.equal(answer.status, 405);
      }
    });
  });

  describe("agents' own tokens", () => {
    it("send as their agent, in every spelling, and as nobody else", async () => {
      const { agent_id, agent_token } = await claim();
      const other = await claim();
      const spellings = [agent_id, `local:${agent_id}`, `molt://local/agents/${agent_id}`];
      const room = await server.room({ members: [...spellings, other.agent_id] });
      for (const from of spellings) {
        const answer = await server.post({ room, from }, { as: agent_token });
        assert.equal(answer.status, 202, answer.text);
      }
      refused(
        await server.post({ room, from: other.agent_id }, { as: agent_token }),
        409,
        `agent token is not valid for agent "${other.agent_id}"`,
      );
      refused(
        await server.post({ room, from: { type: "human", id: agent_id } }, { as: agent_token }),
        403,
        "human ingress requires a static write token",
      );
    });

    it("are needed to send as a claimed agent", async () => {
      const { agent_id } = await claim();
      const room = await server.room({ members: [agent_id] });
      refused(await server.post({ room, from: agent_id }, { as: null }), 401, "authorization required");
      refused(
        await server.post({ room, from: agent_id }, { as: "write" }),
        409,
        `agent "${agent_id}" is already registered with different credentials`,
      );
      assert.equal((await server.post({ room, from: agent_id }, { as: "adminWrite" })).status, 202);
      refused(
        await server.post({ room, from: agent_id }, { as: "pair" }),
        403,
        "pair tokens cannot assert local agents",
      );
    });

    it("write where members write, and where registered agents do", async () => {
      const { agent_id, agent_token } = await claim();
      const post = (room: string) => server.post({ room, from: agent_id }, { as: agent_token });
      const forbidden = (room: string) => `room "${room}" write policy forbids sender`;
      const members = await server.room();
      refused(await post(members), 403, forbidden(members));
      assert.equal((await post(await server.room({ members: [agent_id] }))).status, 202);
      assert.equal((await post(await server.room({ members: [`local:${agent_id}`] }))).status, 202);
      assert.equal((await post(await server.room({ write_policy: "registered_agents" }))).status, 202);
      const operators = await server.room({ write_policy: "operators", members: [agent_id] });
      refused(await post(operators), 403, forbidden(operators));
    });

    it("see what they may write", async () => {
      const { agent_id, agent_token } = await claim();
      const room = await server.room({ visibility: "public", members: [agent_id] });
      const guestbook = await server.room({ visibility: "public", write_policy: "registered_agents" });
      for (const id of [room, guestbook]) {
        const { access } = await server.ok<Room>(200, `/v1/rooms/${id}`, { as: agent_token });
        assert.equal(access?.can_write, server.differs("can-write", false, true));
      }
      const closed = await server.room({ visibility: "public" });
      const { access } = await server.ok<Room>(200, `/v1/rooms/${closed}`, { as: agent_token });
      assert.equal(access?.can_write, false);
    });

    it("read the rooms and direct messages that they belong to", async () => {
      const { agent_id, agent_token } = await claim();
      const other = await claim();
      const room = await server.room({ members: [agent_id] });
      await server.send({ room });
      const dm_id = uniqueName("dm");
      const target = { kind: "dm", dm_id, participant_ids: [agent_id, "somebody"] };
      await server.send({ target, from: agent_id }, { as: agent_token });
      const paths = [
        `/v1/rooms/${room}`,
        `/v1/rooms/${room}/messages`,
        `/v1/dms/${dm_id}`,
        `/v1/dms/${dm_id}/messages`,
      ];
      for (const path of [
        ...paths,
        `/v1/artifacts?room_id=${room}`,
        `/v1/artifacts?dm_id=${dm_id}`,
        "/v1/dms",
      ]) {
        const answer = await server.ask(path, { as: agent_token });
        assert.equal(answer.status, server.differs("member-read", 403, 200), `${path}: ${answer.text}`);
      }
      for (const path of paths) {
        const answer = await server.ask(path, { as: other.agent_token });
        assert.ok(answer.status === 403 || answer.status === 404, `${path}: ${answer.status}`);
      }
      if (server.target === "ours") {
        const dms = await server.ok<{ dms: { id: string }[] }>(200, "/v1/dms", { as: agent_token });
        assert.deepEqual(
          dms.dms.map(({ id }) => id),
          [dm_id],
        );
        assert.deepEqual(
          (await server.ok<{ dms: unknown[] }>(200, "/v1/dms", { as: other.agent_token })).dms,
          [],
        );
      }
    });

    it("do not open what observers and admins see", async () => {
      const { agent_token } = await claim();
      for (const path of ["/metrics", "/v1/pairings"]) {
        refused(await server.ask(path, { as: agent_token }), 403, "forbidden");
      }
      for (const [method, path] of [
        ["POST", "/v1/rooms"],
        ["POST", "/v1/apply"],
        ["DELETE", "/v1/agents/x"],
      ] as const) {
        refused(await server.ask(path, { method, as: agent_token }), 403, "forbidden");
      }
    });

    if (open) {
      it("are needed in open mode even where the id is not claimed", async () => {
        const id = uniqueName("unclaimed");
        const room = await server.room({
          members: [id],
          write_policy: "registered_agents",
          visibility: "public",
        });
        refused(await server.post({ room, from: id }, { as: null }), 401, "authorization required");
        refused(
          await server.post({ room, from: id }, { as: "write" }),
          401,
          `agent "${id}" must be registered before sending`,
        );
      });
    }
  });
}

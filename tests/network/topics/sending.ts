// Who may send as whom (§6.3 of the contract) and into which room (§6.2), with authentication on.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { uniqueName } from "../../harness/tenant.ts";
import { refused, type Server } from "../server.ts";

const REMOTE = "remote";

/** Of every setup with authentication. */
export function senders(server: Server): void {
  const open = server.mode === "open";
  let room = "";
  const post = (from: Record<string, unknown>, as: string | null, origin?: string) =>
    server.post(
      { room, from, ...(origin === undefined ? {} : { origin: { network_id: origin, message_id: "m-1" } }) },
      { as },
    );
  const far = (id: string, more: Record<string, unknown> = {}) => ({
    type: "agent",
    id,
    network_id: REMOTE,
    fqid: `molt://${REMOTE}/agents/${id}`,
    ...more,
  });
  const conflict = (id: string) => `agent "${id}" is already registered with different credentials`;

  describe("humans", () => {
    it("need a room", async () => {
      room = await server.room({ members: ["human", "remote:far", "far", "remote:human"] });
    });

    it("send with a static write token", async () => {
      const human = { type: "human", id: "human" };
      for (const as of ["operator", "write", "adminWrite", "observeWrite", "pairWrite"]) {
        const answer = await post(human, as);
        assert.equal(answer.status, 202, `${as}: ${answer.text}`);
      }
      refused(await post(human, "pair"), 403, "human ingress requires a static write token");
    });

    it("are only told by the type that is spelt so", async () => {
      const answer = await post({ type: " human ", id: "human" }, "write");
      assert.equal(answer.status, 202, answer.text);
    });

    it("of elsewhere come over a pairing", async () => {
      const human = { type: "human", id: "human", network_id: REMOTE };
      refused(await post(human, "write", REMOTE), 403, "remote-origin human sender requires pair scope");
      assert.equal((await post(human, "pair", REMOTE)).status, 202);
      assert.equal((await post({ ...human, network_id: "local" }, "write", "local")).status, 202);
    });
  });

  describe("agents of elsewhere", () => {
    it("come over a pairing, with their network in every part", async () => {
      assert.equal((await post(far("far"), "pair", REMOTE)).status, 202);
      assert.equal((await post(far("far", { fqid: "" }), "pair", REMOTE)).status, 202);
      assert.equal((await post(far("remote:far"), "pair", REMOTE)).status, 202);
      const text = conflict("remote origin actor");
      for (const from of [
        far("far", { network_id: "" }),
        far("far", { network_id: "local" }),
        far("far", { network_id: "third" }),
        far("far", { fqid: "molt://third/agents/far" }),
        far("third:far"),
        far("molt://third/agents/far"),
      ]) {
        refused(await post(from, "pair", REMOTE), 409, text);
      }
    });

    it("do not come with other tokens", async () => {
      for (const from of [
        far("far"),
        far("far", { network_id: "" }),
        { type: "agent", id: "far", network_id: REMOTE },
        { type: "agent", id: "remote:far" },
        { type: "agent", id: "molt://remote/agents/far" },
      ]) {
        const answer = await post(from, "write");
        if (open) {
          refused(answer, 403, 'remote-origin agent "far" requires pair scope');
        } else {
          refused(answer, 409, conflict("far"));
        }
      }
    });
  });

  describe("agents of this network", () => {
    it("are not sent for by a pairing's token", async () => {
      refused(
        await post({ type: "agent", id: "any" }, "pair"),
        403,
        "pair tokens cannot assert local agents",
      );
    });

    it("are those that the token may speak for", async () => {
      for (const id of ["limited-a", "limited-b"]) {
        const members = await server.room({ members: [id] });
        const answer = await server.post({ room: members, from: id }, { as: "limited" });
        assert.equal(answer.status, 202, answer.text);
      }
      refused(
        await post({ type: "agent", id: "limited-c" }, "limited"),
        403,
        'agent "limited-c" is not allowed for this token',
      );
    });

    it("need a registration in open mode alone", async () => {
      const id = uniqueName("unregistered");
      const members = await server.room({ members: [id] });
      const answer = await server.post({ room: members, from: id }, { as: "write" });
      if (open) {
        refused(answer, 401, `agent "${id}" must be registered before sending`);
      } else {
        assert.equal(answer.status, 202, answer.text);
      }
    });

    it("that another credential registered are refused, to all but admins who write", async () => {
      const id = await server.agent();
      const members = await server.room({ members: [id] });
      for (const from of [id, `local:${id}`, `molt://local/agents/${id}`]) {
        refused(await server.post({ room: members, from }, { as: "write" }), 409, conflict(id));
      }
      assert.equal((await server.post({ room: members, from: id }, { as: "adminWrite" })).status, 202);
      assert.equal((await server.post({ room: members, from: id }, { as: "operator" })).status, 202);
    });

    it("that the same credential registered may send", async () => {
      const id = uniqueName("agent");
      await server.ok(200, "/v1/apply", { json: { agents: [{ id, credential_key: "token:otherWrite" }] } });
      const members = await server.room({ members: [id] });
      const answer = await server.post({ room: members, from: id }, { as: "otherWrite" });
      assert.equal(answer.status, 202, answer.text);
    });

    it("without an id are told so", async () => {
      refused(await post({ type: "agent", id: " " }, "write"), 422, "from.id is required");
    });
  });
}

/** Of every setup with authentication. */
export function writePolicies(server: Server): void {
  const forbidden = (room: string) => `room "${room}" write policy forbids sender`;
  const human = (id: string) => ({ type: "human", id });

  describe("write policies", () => {
    it("members: lets members and admins who write", async () => {
      const room = await server.room({ members: ["inside", "local:scoped", "molt://local/agents/full"] });
      for (const id of ["inside", "scoped", "full", "local:scoped"]) {
        const answer = await server.post({ room, from: human(id) }, { as: "write" });
        assert.equal(answer.status, 202, `${id}: ${answer.text}`);
      }
      refused(await server.post({ room, from: human("outside") }, { as: "write" }), 403, forbidden(room));
      refused(
        await server.post({ room, from: human("outside") }, { as: "observeWrite" }),
        403,
        forbidden(room),
      );
      for (const as of ["operator", "adminWrite"] as const) {
        assert.equal((await server.post({ room, from: human("outside") }, { as })).status, 202);
      }
    });

    it("members: does not let a remote namesake", async () => {
      const room = await server.room({ members: ["namesake", "remote:invited"] });
      const from = (id: string) => ({ type: "agent", id, network_id: "remote" });
      const post = (id: string) =>
        server.post(
          { room, from: from(id), origin: { network_id: "remote", message_id: "m" } },
          { as: "pair" },
        );
      const namesake = await post("namesake");
      if (server.differs("remote-namesakes", false, true)) {
        refused(namesake, 403, forbidden(room));
      } else {
        assert.equal(namesake.status, 202);
      }
      assert.equal((await post("invited")).status, 202);
      refused(await post("stranger"), 403, forbidden(room));
    });

    it("operators: lets static write tokens, and no pairing", async () => {
      const room = await server.room({ write_policy: "operators", members: ["inside", "remote:inside"] });
      for (const as of ["write", "observeWrite", "operator"] as const) {
        assert.equal((await server.post({ room, from: human("outside") }, { as })).status, 202, as);
      }
      const remote = { type: "agent", id: "inside", network_id: "remote" };
      const relayed = await server.post(
        { room, from: remote, origin: { network_id: "remote", message_id: "m" } },
        { as: "pair" },
      );
      refused(relayed, 403, forbidden(room));
    });

    it("registered_agents: lets members, but no static token for others", async () => {
      const room = await server.room({ write_policy: "registered_agents", members: ["inside"] });
      assert.equal((await server.post({ room, from: human("inside") }, { as: "write" })).status, 202);
      refused(await server.post({ room, from: human("outside") }, { as: "write" }), 403, forbidden(room));
      const id = uniqueName("agent");
      await server.ok(200, "/v1/apply", { json: { agents: [{ id, credential_key: "token:write" }] } });
      refused(await server.post({ room, from: id }, { as: "write" }), 403, forbidden(room));
    });

    it("hold in threads, too", async () => {
      const room = await server.room({ members: ["inside"] });
      const target = { kind: "thread", room_id: room, thread_id: uniqueName("thread") };
      refused(await server.post({ target, from: human("outside") }, { as: "write" }), 403, forbidden(room));
      assert.equal((await server.ask(`/v1/threads/${target.thread_id}`)).status, 404);
      assert.equal((await server.post({ target, from: human("inside") }, { as: "write" })).status, 202);
      refused(await server.post({ target, from: human("outside") }, { as: "write" }), 403, forbidden(room));
    });

    it("follow the members and the policy of the moment", async () => {
      const room = await server.room();
      const id = uniqueName("moving");
      const post = () => server.post({ room, from: human(id) }, { as: "write" });
      refused(await post(), 403, forbidden(room));
      await server.ok(200, `/v1/rooms/${room}/members`, { method: "PATCH", json: { add: [id] } });
      assert.equal((await post()).status, 202);
      await server.ok(200, `/v1/rooms/${room}/members`, { method: "PATCH", json: { remove: [id] } });
      refused(await post(), 403, forbidden(room));
      await server.ok(200, "/v1/apply", { json: { rooms: [{ id: room, write_policy: "operators" }] } });
      assert.equal((await post()).status, 202);
    });

    it("say nothing of direct messages; their participants and operators post", async () => {
      const dm_id = uniqueName("dm");
      const target = { kind: "dm", dm_id, participant_ids: ["one", "two"] };
      const post = (id: string, as: string) => server.post({ target, from: human(id) }, { as });
      assert.equal((await post("one", "write")).status, 202);
      assert.equal((await post("two", "write")).status, 202);
      assert.equal((await post("watcher", "adminWrite")).status, 202);
      const id = uniqueName("intruder");
      await server.ok(200, "/v1/apply", { json: { agents: [{ id, credential_key: "token:write" }] } });
      const intruding = await server.post({ target, from: id }, { as: "write" });
      if (server.differs("dm-participants", false, true)) {
        refused(intruding, 403, /^direct conversation .* is open to its participants/);
        // Who was refused has not come to take part by that.
        const shown = async () =>
          (await server.ok<{ participant_ids: string[] }>(200, `/v1/dms/${dm_id}`)).participant_ids;
        assert.ok(!(await shown()).includes(id));
        refused(await server.post({ target, from: "limited-a" }, { as: "limited" }), 403);
        refused(await server.ask(`/v1/dms/${dm_id}`, { as: "limited" }), 403);
        refused(await server.ask(`/v1/dms/${dm_id}/messages`, { as: "limited" }), 403);
      } else {
        assert.equal(intruding.status, 202);
      }
    });
  });
}

// Agents: registering, the roster, and removing; and `apply`, which reconciles agents and rooms.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { uniqueName } from "../../harness/tenant.ts";
import { ok, type Registration, refused, type Server } from "../server.ts";
import { NETWORK_ID } from "../setup.ts";
import type { Room } from "./rooms.ts";

interface Agent {
  id: string;
  name?: string;
  actor_uid?: string;
  fqid: string;
  network_id: string;
  rooms?: string[];
  connected: boolean;
}

const PATTERN = "id must match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}";
const ACTOR = {
  original: /^actor_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  ours: /^actor_[0-7][0-9A-HJKMNP-TV-Z]{25}$/,
};

export function registration(server: Server): void {
  const register = (json: unknown) => server.ask("/v1/agents/register", { json });

  describe("registration", () => {
    it("binds an id to the caller", async () => {
      const id = uniqueName("agent");
      const made = ok<Registration>(
        await register({ requested_agent_id: ` ${id} `, name: " Alpha One " }),
        201,
      );
      assert.match(made.actor_uid, server.differs("generated-ids", ACTOR.original, ACTOR.ours));
      assert.deepEqual(made, {
        network_id: NETWORK_ID,
        agent_id: id,
        actor_uid: made.actor_uid,
        actor_uri: server.fqid("agents", id),
        display_name: "Alpha One",
        created_at: made.created_at,
        updated_at: made.created_at,
      });
    });

    it("is the same when it is repeated, and may change the name", async () => {
      const id = uniqueName("agent");
      const made = ok<Registration>(await register({ requested_agent_id: id }), 201);
      assert.equal(made.display_name, undefined);
      const again = ok<Registration>(await register({ requested_agent_id: id, name: "Named" }), 200);
      assert.deepEqual(again, { ...made, display_name: "Named", updated_at: again.updated_at });
      assert.ok(again.updated_at > made.updated_at);
      const blank = ok<Registration>(await register({ requested_agent_id: id, name: " " }), 200);
      assert.equal(blank.display_name, "Named");
    });

    it("makes a handle of the name", async () => {
      const word = uniqueName("h").replace("-", "");
      for (const [name, handle] of [
        [`Director ${word}`, `director-${word}`],
        [`Díréctor ${word}`, `d-r-ctor-${word}`],
        [`  --${word}__X.y  `, `${word}-x-y`],
      ] as const) {
        assert.equal(ok<Registration>(await register({ name }), 201).agent_id, handle, name);
      }
      const unnamed = (await register({ name: "!?" })).json<Registration>();
      assert.match(unnamed.agent_id, /^agent(-[0-9A-Za-z]{8})?$/);
    });

    it("of a name again by the same caller", async () => {
      const name = uniqueName("Handle");
      const first = ok<Registration>(await register({ name }), 201);
      const again = await register({ name });
      // In mode none all callers are one, so a repeat cannot be told from another agent.
      if (server.mode !== "none" && server.differs("handle-repeats", false, true)) {
        assert.equal(ok<Registration>(again, 200).actor_uid, first.actor_uid);
      } else {
        assert.match(ok<Registration>(again, 201).agent_id, new RegExp(`^${first.agent_id}-[0-9a-f]{8}$`));
      }
    });

    it("makes no handle that a room has as a member", async () => {
      const name = uniqueName("member");
      await server.room({ members: [name] });
      const { agent_id } = ok<Registration>(await register({ name }), 201);
      if (server.differs("handle-members", false, true)) {
        assert.match(agent_id, new RegExp(`^${name}-[0-9A-Za-z]{8}$`));
      } else {
        assert.equal(agent_id, name);
      }
    });

    it("is refused for what is no id", async () => {
      for (const [id, text] of [
        ["a b", `requested_agent_id ${PATTERN}`],
        ["@a", `requested_agent_id ${PATTERN}`],
        ["x".repeat(129), "requested_agent_id id must be 128 characters or fewer"],
        ["local:-", `requested_agent_id agent id ${PATTERN}`],
      ] as const) {
        refused(await register({ requested_agent_id: id }), 422, text);
      }
      const longest = uniqueName("agent").padEnd(128, "x");
      assert.equal(ok<Registration>(await register({ requested_agent_id: longest }), 201).agent_id, longest);
    });

    it("at the same moment is made once", async () => {
      const id = uniqueName("agent");
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => register({ requested_agent_id: id })),
      );
      const uids = new Set(answers.map((answer) => answer.json<Registration>().actor_uid));
      assert.equal(uids.size, 1);
    });
  });
}

export function roster(server: Server): void {
  const agent = (id: string) => server.ok<Agent>(200, `/v1/agents/${encodeURIComponent(id)}`);
  const listed = async (id: string): Promise<Agent | undefined> => {
    const { agents } = await server.ok<{ agents: Agent[] }>(200, "/v1/agents?limit=500");
    return agents.find((one) => one.id === id);
  };

  describe("the roster", () => {
    it("has agents with their rooms", async () => {
      const id = uniqueName("agent");
      const { actor_uid } = await server.register(id, { name: "Alpha" });
      const alone: Agent = {
        id,
        name: "Alpha",
        actor_uid,
        fqid: server.fqid("agents", id),
        network_id: NETWORK_ID,
        connected: false,
      };
      assert.deepEqual(await agent(id), alone);
      assert.deepEqual(await listed(id), alone);
      const rooms = [await server.room({ members: [id] }), await server.room({ members: [id] })].sort();
      assert.deepEqual(await agent(id), { ...alone, rooms });
      assert.deepEqual(await listed(id), { ...alone, rooms });
    });

    it("has members who never registered", async () => {
      const id = uniqueName("member");
      const room = await server.room({ members: [id, `away:${id}`, `molt://beyond/agents/${id}`] });
      const expected = { network_id: NETWORK_ID, rooms: [room], connected: false };
      assert.deepEqual(await listed(id), { id, fqid: server.fqid("agents", id), ...expected });
      assert.deepEqual(await agent(id), { id, fqid: server.fqid("agents", id), ...expected });
      const far = await listed(`away:${id}`);
      assert.equal(far?.network_id, "away");
      assert.equal(far?.fqid, `molt://away/agents/${id}`);
      const full = await listed(`molt://beyond/agents/${id}`);
      assert.equal(full?.network_id, "beyond");
      assert.equal(full?.fqid, `molt://beyond/agents/${id}`);
      assert.equal((await agent(`away:${id}`)).id, `away:${id}`);
    });

    it("has an agent and its scoped spelling as two", async () => {
      const id = await server.agent();
      const room = await server.room({ members: [`local:${id}`] });
      assert.deepEqual((await listed(id))?.rooms, [room]);
      assert.deepEqual((await listed(`local:${id}`))?.rooms, [room]);
      const by = await server.room({ members: [id] });
      assert.deepEqual((await listed(id))?.rooms, [by]);
      assert.deepEqual((await agent(id)).rooms, [room, by].sort());
    });

    it("does not take a registered id for another network's agent of that spelling", async () => {
      const id = `away:${await server.agent()}`;
      const member = await server.register(id);
      const room = await server.room({ members: [id] });
      assert.equal(member.agent_id, id);
      assert.deepEqual((await listed(id))?.rooms, [room]);
      assert.equal((await agent(id)).rooms, undefined);
    });

    it("does not have strangers", async () => {
      refused(await server.ask("/v1/agents/none-such"), 404, 'unknown agent "none-such"');
      const sender = uniqueName("human");
      await server.send({ room: await server.room(), from: { type: "human", id: sender } });
      refused(await server.ask(`/v1/agents/${sender}`), 404, `unknown agent "${sender}"`);
    });
  });

  describe("removed agents", () => {
    const remove = (id: string) => server.ask(`/v1/agents/${encodeURIComponent(id)}`, { method: "DELETE" });

    it("are gone from the roster and from every room", async () => {
      const id = await server.agent();
      const rooms = [
        await server.room({ members: [id, "stays", `local:${id}`] }),
        await server.room({ members: [id] }),
      ];
      assert.deepEqual(ok(await remove(id)), { removed: true, kind: "agent", id, mode: "soft" });
      refused(await server.ask(`/v1/agents/${id}`), 404, `unknown agent "${id}"`);
      assert.equal(await listed(id), undefined);
      const left = (await Promise.all(rooms.map((room) => server.ok<Room>(200, `/v1/rooms/${room}`)))).map(
        (room) => room.members,
      );
      assert.deepEqual(left, [[`local:${id}`, "stays"], undefined]);
      refused(await remove(id), 404, `unknown agent "${id}"`);
      const again = await server.register(id);
      assert.equal(again.agent_id, id);
    });

    it("may be members who never registered", async () => {
      const id = uniqueName("member");
      const room = await server.room({ members: [id] });
      ok(await remove(id));
      assert.equal((await server.ok<Room>(200, `/v1/rooms/${room}`)).members, undefined);
    });

    it("must be known", async () => {
      refused(await remove("none-such"), 404, 'unknown agent "none-such"');
      refused(await remove("a b"), 404, 'unknown agent "a b"');
    });
  });
}

export function apply(server: Server): void {
  const send = (json: unknown) => server.ask("/v1/apply", { json });
  interface Applied {
    applied: boolean;
    rooms?: Room[];
    agents?: Registration[];
  }

  describe("apply", () => {
    it("makes agents and rooms, and answers them", async () => {
      const [id, room] = [uniqueName("agent"), uniqueName("room")];
      const result = ok<Applied>(
        await send({
          network_id: NETWORK_ID,
          agents: [{ id, name: "Applied", credential_key: "token:attach" }],
          rooms: [{ id: room, members: [id], visibility: "public" }],
        }),
      );
      assert.equal(result.applied, true);
      assert.equal(result.agents?.[0]?.agent_id, id);
      assert.equal(result.agents?.[0]?.display_name, "Applied");
      assert.equal(result.rooms?.[0]?.access, undefined);
      assert.deepEqual(result.rooms?.[0]?.members, [id]);
      assert.equal((await server.ok<Room>(200, `/v1/rooms/${room}`)).visibility, "public");
    });

    it("replaces what a room says, and removes nothing", async () => {
      const room = await server.room({ name: "before", members: ["alpha"], visibility: "public" });
      const made = await server.ok<Room>(200, `/v1/rooms/${room}`);
      const other = await server.room();
      const result = ok<Applied>(
        await send({ rooms: [{ id: room, members: ["beta"], write_policy: "operators" }] }),
      );
      const { access: _, ...expected } = made;
      assert.deepEqual(result.rooms, [
        { ...expected, name: room, members: ["beta"], visibility: "private", write_policy: "operators" },
      ]);
      assert.equal((await server.ask(`/v1/rooms/${other}`)).status, 200);
    });

    it("rebinds an agent to the credential, and keeps who it is", async () => {
      const id = uniqueName("agent");
      const made = await server.register(id, { name: "Kept" });
      const result = ok<Applied>(await send({ agents: [{ id, credential_key: "token:write" }] }));
      const [agent] = result.agents ?? [];
      assert.equal(agent?.actor_uid, made.actor_uid);
      assert.equal(agent?.created_at, made.created_at);
      assert.equal(agent?.display_name, "Kept");
      if (server.mode !== "none") {
        const room = await server.room({ members: [id] });
        const sent = await server.post({ room, from: id }, { as: "write" });
        assert.equal(sent.status, 202, sent.text);
        refused(
          await server.post({ room, from: id }, { as: "otherWrite" }),
          409,
          `agent "${id}" is already registered with different credentials`,
        );
      }
    });

    it("of nothing is fine", async () => {
      for (const json of [{}, { rooms: [], agents: [] }, { network_id: " " }]) {
        assert.deepEqual(ok(await send(json)), { applied: true });
      }
    });

    it("checks everything before it does anything", async () => {
      const room = uniqueName("room");
      for (const [json, text] of [
        [{ network_id: "other" }, 'network_id "other" does not match server network "local"'],
        [{ agents: [{ id: "a b", credential_key: "k" }] }, `agents[0].id ${PATTERN}`],
        [{ agents: [{ credential_key: "k" }] }, "agents[0].id is required"],
        [{ agents: [{ id: "a" }] }, "agents[0].credential_key is required"],
        [
          {
            agents: [
              { id: "a", credential_key: "k" },
              { id: "a", credential_key: "l" },
            ],
          },
          'agent "a" has multiple credential keys',
        ],
        [{ rooms: [{ id: room }, { id: "a b" }] }, `rooms[1]: room id ${PATTERN}`],
        [{ rooms: [{ id: room, visibility: "x" }] }, 'rooms[0]: unsupported room visibility "x"'],
      ] as const) {
        refused(await send(json), 422, text);
      }
      assert.equal((await server.ask(`/v1/rooms/${room}`)).status, 404);
    });

    it("reports a removed room, and does the rest", async () => {
      const removed = await server.room();
      ok(await server.ask(`/v1/rooms/${removed}`, { method: "DELETE" }));
      const room = uniqueName("room");
      const answer = await send({ rooms: [{ id: removed }, { id: room }] });
      if (server.differs("apply-removed", false, true)) {
        assert.equal(answer.status, 200, answer.text);
        assert.ok(answer.text.includes(removed));
        assert.equal((await server.ask(`/v1/rooms/${room}`)).status, 200);
      } else {
        refused(answer, 404, `unknown room "${removed}"`);
      }
      assert.equal((await server.ask(`/v1/rooms/${removed}`)).status, 404);
    });
  });
}

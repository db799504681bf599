// Attachments end with the credential that they came with, and a claim that nobody answered is undone.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { discard, scratch, until } from "../harness/index.ts";
import { uniqueName } from "../harness/tenant.ts";
import { targets } from "../network/against.ts";
import { Server } from "../network/server.ts";
import { NETWORK_ID, OPEN } from "../network/setup.ts";
import { Attached } from "./attached.ts";

const HUB = `hub:${NETWORK_ID}:0`;
const ENDED = "the credential of this attachment has ended";

/** The code with which an attachment closes whose credential has ended. */
const CREDENTIAL_ENDED = 4401;

async function claim(server: Server): Promise<{ agent: string; token: string }> {
  const agent = uniqueName("claimed");
  const { agent_token } = await server.register(agent, { as: null });
  assert.ok(agent_token);
  return { agent, token: agent_token };
}

if (targets().includes("ours")) {
  describe("an attachment whose credential ends", () => {
    const server = new Server("ours", OPEN);
    before(() => server.start());
    after(() => server.stop());

    const token = async (value: string): Promise<void> => {
      const json = { id: "passing", value, scopes: ["attach"] };
      const answer = await server.worker.control("/network/tokens", { json });
      assert.ok(answer.status < 300, answer.text);
    };

    it("ends when its static token is replaced or revoked, and no other does", async () => {
      const [first, second] = ["an-attach-token-that-passes-1", "an-attach-token-that-passes-2"];
      await token(first);
      const other = await Attached.ready(server, uniqueName("other"));
      const silent = await Attached.greeted(server, { as: first });
      const one = await Attached.ready(server, uniqueName("one"), { as: first });
      await token(second);
      assert.equal(await one.error(), ENDED);
      assert.equal(one.closed, CREDENTIAL_ENDED);
      // Who has not said yet who it is goes, too.
      assert.equal(await silent.error(), ENDED);
      await assert.rejects(Attached.open(server, { as: first }), /^Error: 401 /);
      const two = await Attached.ready(server, uniqueName("two"), { as: second });
      const gone = await server.worker.control("/network/tokens/passing", { method: "DELETE" });
      assert.equal(gone.status, 200, gone.text);
      assert.equal(await two.error(), ENDED);
      other.send({ op: "PING", version: "moltnet.attach.v1" });
      assert.equal((await other.next()).op, "PONG");
      await other.close();
    });

    it("ends when its agent's token is replaced, and comes back with the new one where it was", async () => {
      const { agent, token: old } = await claim(server);
      const room = await server.room({ members: [agent], visibility: "private" });
      const attached = await Attached.ready(server, agent, { as: old });
      await server.send({ room, text: "seen" });
      const seen = await attached.event("message.created");
      attached.ack(seen.cursor);
      const rotated = await server.ok<{ agent_token: string }>(200, `/v1/agents/${agent}/token`, {
        method: "POST",
        as: old,
      });
      assert.equal(await attached.error(), ENDED);
      assert.equal(attached.closed, CREDENTIAL_ENDED);
      await assert.rejects(Attached.open(server, { as: old }), /^Error: 401 /);
      await server.send({ room, text: "meanwhile" });
      const again = await Attached.ready(server, agent, {
        as: rotated.agent_token,
        cursor: seen.cursor ?? "",
      });
      assert.equal(await again.message(), "meanwhile");
      await again.close();
    });

    it("ends over a sleep of the hub, too", async () => {
      const { agent, token: old } = await claim(server);
      const attached = await Attached.ready(server, agent, { as: old });
      await server.worker.evict("Hub", HUB, "hibernate");
      await server.ok(200, `/v1/agents/${agent}/token`, { method: "POST", as: old });
      assert.equal(await attached.error(), ENDED);
    });

    it("ends when its agent is bound to another credential", async () => {
      const { agent, token: old } = await claim(server);
      const attached = await Attached.ready(server, agent, { as: old });
      await server.ok(200, "/v1/apply", { json: { agents: [{ id: agent, credential_key: "token:write" }] } });
      assert.equal(await attached.error(), ENDED);
    });
  });

  describe("a claim by attaching", () => {
    const isThere = async (server: Server, agent: string): Promise<boolean> =>
      (await server.ask(`/v1/agents/${agent}`)).status === 200;

    /** Somebody else can have the handle now. */
    const expectFree = async (server: Server, agent: string): Promise<void> => {
      await until("the claim to be undone", async () => !(await isThere(server, agent)));
      const anew = await Attached.ready(server, agent, { as: null });
      assert.ok(anew.readyFrame.agent_token);
      anew.send({ op: "PONG" });
      await anew.close();
      assert.ok(await isThere(server, agent));
    };

    it("is undone where the socket is lost before anything was heard after READY", async () => {
      const server = new Server("ours", OPEN);
      try {
        await server.start();
        for (const end of ["cut", "close"] as const) {
          const agent = uniqueName("lost");
          const attached = await Attached.ready(server, agent, { as: null });
          assert.ok(attached.readyFrame.agent_token);
          await attached[end]();
          await expectFree(server, agent);
        }
        // The token of the first of them opens nothing.
        const agent = uniqueName("lost");
        const attached = await Attached.ready(server, agent, { as: null });
        const { agent_token: token = "" } = attached.readyFrame;
        attached.cut();
        await until("the claim to be undone", async () => !(await isThere(server, agent)));
        await assert.rejects(Attached.open(server, { as: token }), /^Error: 401 /);
      } finally {
        await server.stop();
      }
    });

    it("stays where anything was heard, or its token was used elsewhere", async () => {
      const server = new Server("ours", OPEN);
      try {
        await server.start();
        const heard = uniqueName("heard");
        const attached = await Attached.ready(server, heard, { as: null });
        attached.send({ op: "PING", version: "moltnet.attach.v1" });
        assert.equal((await attached.next()).op, "PONG");
        attached.cut();
        const used = uniqueName("used");
        const other = await Attached.ready(server, used, { as: null });
        const room = await server.room({ members: [used] });
        const { agent_token: token = "" } = other.readyFrame;
        await server.send({ room, from: used }, { as: token });
        other.cut();
        // A third claim is undone after both of them had their turn.
        const lost = uniqueName("lost");
        (await Attached.ready(server, lost, { as: null })).cut();
        await until("the third claim to be undone", async () => !(await isThere(server, lost)));
        assert.ok((await isThere(server, heard)) && (await isThere(server, used)));
        await (await Attached.ready(server, used, { as: token })).close();
      } finally {
        await server.stop();
      }
    });

    it("is undone though the hub slept or the server was killed meanwhile", async () => {
      const persist = scratch("claims");
      const server = new Server("ours", OPEN, { persist });
      try {
        await server.start();
        const slept = uniqueName("slept");
        const attached = await Attached.ready(server, slept, { as: null });
        await server.worker.evict("Hub", HUB, "hibernate");
        attached.cut();
        await expectFree(server, slept);
        const kept = await Attached.ready(server, uniqueName("kept"), { as: null });
        kept.send({ op: "PONG" });
        const killed = uniqueName("killed");
        await Attached.ready(server, killed, { as: null });
        await server.worker.kill9();
        await server.start();
        await expectFree(server, killed);
        assert.ok(await isThere(server, kept.readyFrame.agent_id ?? ""));
      } finally {
        await server.stop();
        discard(persist);
      }
    });
  });
}

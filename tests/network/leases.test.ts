// Posts of busy senders go to their room without the network being asked about each. Whatever decides about them still
// decides about the very next one: each change here is followed by a post of a sender whom a lease has served.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { until } from "../harness/index.ts";
import { rowsOf } from "../harness/object-tables.ts";
import { uniqueName } from "../harness/tenant.ts";
import { targets } from "./against.ts";
import { refused, Server } from "./server.ts";
import { OPEN } from "./setup.ts";

/** Somebody who has posted much in a room, with its token. */
interface Sender {
  id: string;
  token: string;
  room: string;
}

if (targets().includes("ours")) {
  describe("a sender who posts much is judged by what is so now", () => {
    const server = new Server("ours", OPEN);
    before(() => server.start());
    after(() => server.stop());

    const post = ({ id, token, room }: Sender, text = "hello") =>
      server.post({ room, from: { type: "agent", id }, text }, { as: token });

    const sender = async (): Promise<Sender> => {
      const id = uniqueName("busy");
      const { agent_token } = await server.register(id, { as: null });
      assert.ok(agent_token !== undefined);
      return { id, token: agent_token, room: await server.room({ members: [id] }) };
    };

    /** The network's object writes down which rooms may hold a lease before it gives one, and strikes out those that
     *  it has told of a change. */
    const holdsLease = async (room: string): Promise<boolean> => {
      const [network = assert.fail("the network has no object")] = await server.worker.objects("Network");
      const query = "SELECT 1 FROM leased WHERE room = ?";
      return rowsOf(server.worker.persist, network, query, room).length > 0;
    };

    /** Posts until the sender's room, which is nobody else's, takes its posts alone. */
    const leased = async (made: Sender): Promise<Sender> => {
      await until("a lease", async () => {
        const answer = await post(made);
        assert.equal(answer.status, 202, answer.text);
        return holdsLease(made.room);
      });
      return made;
    };

    it("its token's rotation", async () => {
      const made = await leased(await sender());
      const { agent_token } = await server.ok<{ agent_token: string }>(200, `/v1/agents/${made.id}/token`, {
        json: {},
      });
      refused(await post(made), 401, /token/);
      assert.equal((await post({ ...made, token: agent_token })).status, 202);
    });

    it("its removal from the room", async () => {
      const made = await leased(await sender());
      const path = `/v1/rooms/${made.room}/members`;
      await server.ok(200, path, { method: "PATCH", json: { remove: [made.id] } });
      refused(await post(made), 403, /./);
      await server.ok(200, path, { method: "PATCH", json: { add: [made.id] } });
      assert.equal((await post(made)).status, 202);
    });

    it("its removal from the network", async () => {
      const made = await leased(await sender());
      await server.ok(200, `/v1/agents/${made.id}`, { method: "DELETE" });
      refused(await post(made), 401, /./);
    });

    it("the room's removal", async () => {
      const made = await leased(await sender());
      await server.ok(200, `/v1/rooms/${made.room}`, { method: "DELETE" });
      refused(await post(made), 404, /unknown room/);
    });

    it("its new name", async () => {
      const made = await leased(await sender());
      const json = { requested_agent_id: made.id, name: "The New One" };
      await server.ok(200, "/v1/agents/register", { as: made.token, json });
      const { message_id } = (await post(made)).json<{ message_id: string }>();
      const page = await server.ok<{ messages: { id: string; from: { name?: string } }[] }>(
        200,
        `/v1/rooms/${made.room}/messages?limit=500`,
      );
      assert.equal(page.messages.find(({ id }) => id === message_id)?.from.name, "The New One");
    });

    it("a lower limit, and every message that went under a lease counts", async () => {
      const limit = async (posts_per_minute: number): Promise<void> => {
        const changed = await server.worker.control("/network/limits", {
          method: "PATCH",
          json: { posts_per_minute },
        });
        assert.equal(changed.status, 200, changed.text);
      };
      const made = await leased(await sender());
      await limit(5);
      refused(await post(made), 429, /posts_per_minute/);
      await limit(30_000);
      assert.equal((await post(made)).status, 202);
    });

    it("what is in its messages, and whose their ids are", async () => {
      // Who comes later ends what others have.
      const [first, second] = [await sender(), await sender()];
      const [made, other] = [await leased(first), await leased(second)];
      const as = { as: made.token };
      const from = { type: "agent", id: made.id };
      refused(await server.post({ room: made.room, from, parts: [] }, as), 422, /parts must not be empty/);
      const asOther = { type: "agent", id: other.id };
      refused(await server.post({ room: made.room, from: asOther }, as), 409, /agent token is not valid/);
      const id = uniqueName("message");
      const answer = await server.send({ id, room: made.room, from }, as);
      assert.deepEqual(await server.send({ id, room: made.room, from, text: "again" }, as), answer);
    });
  });
}

// What a pairing's token sees of our network: public rooms where the public reads, and rooms with members of its own
// network; what is in them it never reads.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { targets } from "./against.ts";
import { refused, Server } from "./server.ts";
import { BEARER, PUBLIC, type Setup } from "./setup.ts";

const TOKEN = "token-of-the-network-beyond";
const NOBODY = "token-of-a-network-without-members";

function visibility(setup: Setup): void {
  describe(`pairings, ${setup.name}`, () => {
    const server = new Server("ours", setup);
    const open = server.publicRead ? ["open"] : [];

    before(async () => {
      await server.start();
      for (const [id, value, network_id] of [
        ["beyond", TOKEN, "beyond"],
        ["nobody", NOBODY, "nobody"],
      ]) {
        const json = { id, value, network_id, scopes: ["pair"] };
        const made = await server.worker.control("/network/tokens", { json });
        assert.equal(made.status, 201, made.text);
      }
      for (const [id, visibility, members] of [
        ["bare", "private", ["beyond", "gamma"]],
        ["full", "private", ["molt://beyond/agents/delta"]],
        ["local", "private", ["alpha"]],
        ["open", "public", ["alpha"]],
        ["other", "private", ["away:beta"]],
        ["shared", "private", ["alpha", "beyond:beta"]],
      ] as const) {
        await server.ok(201, "/v1/rooms", { json: { id, visibility, members } });
        await server.send({ room: id });
      }
    });
    after(() => server.stop());

    const ids = async (path: string, name: string, as: string): Promise<string[]> =>
      ((await server.ok<Record<string, { id: string }[]>>(200, path, { as }))[name] ?? []).map(
        ({ id }) => id,
      );

    it("list the rooms that have members of their network", async () => {
      assert.deepEqual(await ids("/v1/rooms", "rooms", TOKEN), ["full", ...open, "shared"].sort());
      assert.deepEqual(await ids("/v1/rooms", "rooms", NOBODY), open);
      assert.deepEqual(await ids("/v1/rooms", "rooms", "pair"), open);
    });

    it("list who is in them", async () => {
      const found = await ids("/v1/agents", "agents", TOKEN);
      assert.deepEqual(found, ["alpha", "beyond:beta", "molt://beyond/agents/delta"]);
      assert.deepEqual(await ids("/v1/agents", "agents", NOBODY), open.length > 0 ? ["alpha"] : []);
    });

    it("follow members who come and go", async () => {
      const change = (json: unknown) => server.ok(200, "/v1/rooms/local/members", { method: "PATCH", json });
      await change({ add: ["beyond:late"] });
      assert.ok((await ids("/v1/rooms", "rooms", TOKEN)).includes("local"));
      await change({ remove: ["beyond:late"] });
      assert.ok(!(await ids("/v1/rooms", "rooms", TOKEN)).includes("local"));
    });

    it("read nothing that is said in them", async () => {
      for (const path of ["/v1/rooms/shared", "/v1/rooms/shared/messages", "/v1/rooms/shared/threads"]) {
        refused(await server.ask(path, { as: TOKEN }), 403);
      }
      for (const path of ["/v1/dms", "/v1/artifacts?room_id=shared", "/v1/pairings"]) {
        refused(await server.ask(path, { as: TOKEN }), 403, "forbidden");
      }
    });

    it("are not called: the other side counts as one that cannot be reached", async () => {
      const json = { id: "far", remote_network_id: "far", remote_base_url: "https://far.example" };
      const made = await server.worker.control("/network/pairings", { json });
      assert.equal(made.status, 201, made.text);
      for (const what of ["network", "rooms", "agents"]) {
        refused(await server.ask(`/v1/pairings/far/${what}`), 502, "bad gateway");
      }
    });

    it("relay what their members say, and nobody else's word", async () => {
      const relay = (room: string, id: string) => {
        const origin = { network_id: "beyond", message_id: "m-1" };
        return server.post(
          { room, from: { type: "agent", id, network_id: "beyond" }, origin },
          { as: TOKEN },
        );
      };
      assert.equal((await relay("shared", "beta")).status, 202);
      refused(await relay("shared", "stranger"), 403, 'room "shared" write policy forbids sender');
      refused(await relay("local", "beta"), 403, 'room "local" write policy forbids sender');
    });
  });
}

if (targets().includes("ours")) {
  visibility(BEARER);
  visibility(PUBLIC);
}

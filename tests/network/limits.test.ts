// The rates of our network: what is over one is refused by its name, and the original's command line says so.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { uniqueName } from "../harness/tenant.ts";
import { targets } from "./against.ts";
import { CommandLine } from "./command-line.ts";
import { MOLTNET } from "./original.ts";
import { refused, Server } from "./server.ts";
import { NETWORK_ID, OPEN } from "./setup.ts";

if (targets().includes("ours")) {
  describe("limits", () => {
    const server = new Server("ours", OPEN);
    before(() => server.start());
    after(() => server.stop());

    const limit = async (json: Record<string, number>): Promise<void> => {
      const answer = await server.worker.control("/network/limits", { method: "PATCH", json });
      assert.equal(answer.status, 200, answer.text);
    };
    const limited = (answer: Parameters<typeof refused>[0], name: RegExp): void => {
      refused(answer, 429, name);
      assert.match(answer.header("retry-after") ?? "", /^[1-9]\d*$/);
    };

    it("are of posts per credential", async () => {
      const room = await server.room();
      await limit({ posts_per_minute: 3 });
      const from = { type: "human", id: "suite" };
      const statuses: number[] = [];
      let last = await server.post({ room, from }, { as: "adminWrite" });
      for (let count = 0; count < 4 && last.status === 202; count += 1) {
        statuses.push(last.status);
        last = await server.post({ room, from }, { as: "adminWrite" });
      }
      assert.deepEqual(statuses, [202, 202, 202]);
      limited(last, /posts_per_minute/);
      assert.equal((await server.post({ room, from }, { as: "operator" })).status, 202);
      await limit({ posts_per_minute: 30_000 });
    });

    it("are of registrations per address", async () => {
      await limit({ registrations_per_hour: 2 });
      const statuses: number[] = [];
      let last = await server.ask("/v1/agents/register", { as: null, json: {} });
      for (let count = 0; count < 4 && last.status === 201; count += 1) {
        statuses.push(last.status);
        last = await server.ask("/v1/agents/register", { as: null, json: {} });
      }
      assert.ok(statuses.length <= 2);
      limited(last, /registrations_per_hour/);
      await server.register(uniqueName("agent"));
      if (MOLTNET !== undefined) {
        const cli = new CommandLine();
        const { code, stdout, stderr } = await cli.run(
          ...["connect", "--runtime", "codex", "--workspace", ".", "--base-url", server.url],
          ...["--network-id", NETWORK_ID, "--member-id", uniqueName("cli"), "--rooms", "x"],
          ...["--registration", "open"],
        );
        assert.notEqual(code, 0);
        assert.match(stdout + stderr, /429.*registrations_per_hour/s);
      }
      await limit({ registrations_per_hour: 600 });
    });

    it("are of rooms and members of the network", async () => {
      const { rooms } = await server.ok<{ rooms: unknown[] }>(200, "/v1/rooms?limit=500");
      await limit({ rooms: rooms.length });
      refused(await server.ask("/v1/rooms", { json: { id: uniqueName("room") } }), 429, /rooms/);
      await limit({ rooms: 100_000, members: 2 });
      const many = { id: uniqueName("room"), members: ["a", "b", "c"] };
      refused(await server.ask("/v1/rooms", { json: many }), 429, /members/);
      await limit({ members: 1_000_000 });
      await server.ok(201, "/v1/rooms", { json: many });
    });
  });
}

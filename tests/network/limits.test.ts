// The rates of our network: what is over one is refused by its name, and the original's command line says so.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { uniqueName } from "../harness/tenant.ts";
import { targets } from "./against.ts";
import { CommandLine } from "./command-line.ts";
import { MOLTNET } from "./original.ts";
import { refused, Server } from "./server.ts";
import { NETWORK_ID, OPEN, tokenValue } from "./setup.ts";

if (targets().includes("ours")) {
  describe("limits", () => {
    const server = new Server("ours", OPEN);
    before(() => server.start());
    after(() => server.stop());

    const set = async (json: Record<string, number>): Promise<void> => {
      const answer = await server.worker.control("/network/limits", { method: "PATCH", json });
      assert.equal(answer.status, 200, answer.text);
    };
    const limited = (answer: Parameters<typeof refused>[0], name: RegExp): void => {
      refused(answer, 429, name);
      assert.match(answer.header("retry-after") ?? "", /^[1-9]\d*$/);
    };

    it("are of posts per credential", async () => {
      const room = await server.room();
      await set({ posts_per_minute: 3 });
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
      await set({ posts_per_minute: 30_000 });
    });

    it("are of registrations per address", async () => {
      await set({ registrations_per_hour: 2 });
      const statuses: number[] = [];
      let last = await server.ask("/v1/agents/register", { as: null, json: {} });
      for (let count = 0; count < 4 && last.status === 201; count += 1) {
        statuses.push(last.status);
        last = await server.ask("/v1/agents/register", { as: null, json: {} });
      }
      assert.ok(statuses.length <= 2);
      limited(last, /registrations_per_hour/);
      await server.register(uniqueName("agent"));
      await set({ registrations_per_hour: 600 });
    });

    it("are of rooms and members of the network", async () => {
      const { rooms } = await server.ok<{ rooms: unknown[] }>(200, "/v1/rooms?limit=500");
      await set({ rooms: rooms.length });
      refused(await server.ask("/v1/rooms", { json: { id: uniqueName("room") } }), 429, /rooms/);
      await set({ rooms: 100_000, members: 2 });
      const many = { id: uniqueName("room"), members: ["a", "b", "c"] };
      refused(await server.ask("/v1/rooms", { json: many }), 429, /members/);
      await set({ members: 1_000_000 });
      await server.ok(201, "/v1/rooms", { json: many });
    });

    it("are told by the original's command line, each by its name", {
      skip: MOLTNET === undefined ? "MOLTNET_BIN is not set" : false,
    }, async () => {
      const cli = new CommandLine({ ADMIN_TOKEN: tokenValue("operator") });
      const at = ["--base-url", server.url];
      const admin = [...at, "--auth-mode", "bearer", "--token-env", "ADMIN_TOKEN"];
      const connect = (member: string) => [
        ...["connect", "--runtime", "codex", "--workspace", ".", "--network-id", NETWORK_ID, ...at],
        ...["--member-id", member, "--rooms", room, "--registration", "open"],
      ];
      const room = await server.room({ visibility: "public", write_policy: "registered_agents" });
      await cli.done(...connect(uniqueName("cli")));
      const { totals } = (await server.worker.control("/network")).json<{ totals: Record<string, number> }>();
      const said = {
        rooms: [{ id: uniqueName("room") }],
        network: { id: NETWORK_ID },
        version: "moltnet.v1",
      };
      cli.write("Moltnet.json", JSON.stringify(said));
      const stranger = new CommandLine();
      const add = ["admin", "room", "members", "add", "--room", room, "--member", "somebody"];
      const send = ["send", "--network", NETWORK_ID, "--target", `room:${room}`, "--text", "hello"];
      for (const [name, most = 0, usual, program, command] of [
        ["posts_per_minute", 1, 30_000, cli, send],
        ["registrations_per_hour", 1, 600, stranger, connect(uniqueName("cli"))],
        ["rooms", totals.rooms, 100_000, cli, ["apply", "Moltnet.json", ...admin]],
        ["members", totals.members, 1_000_000, cli, [...add, ...admin]],
        ["agents", totals.agents, 100_000, cli, ["register-agent", "--agent", uniqueName("cli"), ...admin]],
      ] as const) {
        await set({ [name]: most });
        // The first one may still be let through.
        await program.run(...command);
        const { code, stdout, stderr } = await program.run(...command);
        assert.notEqual(code, 0, name);
        assert.match(stdout + stderr, new RegExp(`429.*${name}`, "s"));
        await set({ [name]: usual });
        await program.done(...command);
      }
    });
  });
}

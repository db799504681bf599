// The original's command line against a server: each command that speaks to one.

import assert from "node:assert/strict";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { uniqueName } from "../../harness/tenant.ts";
import { CommandLine } from "../command-line.ts";
import type { Accepted, Registration, Server } from "../server.ts";
import { NETWORK_ID, type TokenName, tokenValue } from "../setup.ts";
import { history, type MessagePage } from "./messages.ts";
import type { Room } from "./rooms.ts";

interface Conversations {
  member_id: string;
  network_id: string;
  rooms: Room[];
  dms?: { id: string }[];
}

const ON = ["--network", NETWORK_ID];

function connect(server: Server, member: string, rooms: string[], more: string[]): string[] {
  return [
    "connect",
    ...["--runtime", "codex", "--workspace", ".", "--base-url", server.url, "--network-id", NETWORK_ID],
    ...["--member-id", member, "--agent-name", "Cli Agent", "--rooms", rooms.join(","), "--enable-dms"],
    ...more,
  ];
}

/** How an agent with a static token, or without any in mode none, uses the network. */
export function commands(server: Server): void {
  const auth = (name: string): string[] =>
    server.mode === "none" ? [] : ["--auth-mode", "bearer", "--token-env", name];
  const environment = (name: TokenName): Record<string, string> =>
    server.mode === "none" ? {} : { AGENT_TOKEN: tokenValue(name), ADMIN_TOKEN: tokenValue("operator") };

  describe("the command line of an agent", () => {
    const cli = new CommandLine(environment("observeWrite"));
    const member = uniqueName("cli");
    let room = "";

    before(async () => {
      room = await server.room({ members: [member, "friend"] });
    });

    it("connects, and installs the skill of this network", async () => {
      await cli.done(...connect(server, member, [room], auth("AGENT_TOKEN")));
      const served = await server.ask("/skill.md", { as: "observeWrite" });
      assert.equal(cli.read(".codex/skills/moltnet/SKILL.md").trim(), served.text.trim());
      const config = JSON.parse(cli.read(".moltnet/config.json"));
      assert.equal(config.attachments[0].member_id, member);
    });

    it("lists its conversations", async () => {
      await server.room({ members: [member] });
      const found = await cli.json<Conversations>("conversations", ...ON);
      assert.equal(found.member_id, member);
      assert.deepEqual(
        found.rooms.map(({ id }) => id),
        [room],
      );
    });

    it("sends to a room", async () => {
      const target = ["--target", `room:${room}`];
      const sent = await cli.json<Accepted>("send", ...ON, ...target, "--text", "hello @friend");
      assert.equal(sent.accepted, true);
      const [message] = await history(server, room);
      assert.equal(message?.id, sent.message_id);
      assert.deepEqual(message?.from, {
        type: "agent",
        id: member,
        name: "Cli Agent",
        network_id: NETWORK_ID,
        fqid: server.fqid("agents", member),
      });
      assert.deepEqual(message?.mentions, [server.fqid("agents", "friend")]);
    });

    it("reads a room", async () => {
      const ids = await server.sendMany(3, { room });
      const page = await cli.json<MessagePage>("read", ...ON, "--target", `room:${room}`, "--limit", "3");
      assert.deepEqual(
        page.messages?.map(({ id }) => id),
        ids,
      );
      assert.equal(page.page.has_more, true);
    });

    it("lists the participants of a room", async () => {
      const found = await cli.json<Room>("participants", ...ON, "--target", `room:${room}`);
      assert.deepEqual(found.members, [member, "friend"].sort());
    });

    it("reads and answers a direct message", async () => {
      const dm = uniqueName("dm");
      const target = { kind: "dm", dm_id: dm, participant_ids: [`local:${member}`, "local:friend"] };
      await server.send({ target, from: "friend", text: "psst" });
      const named = ["--target", `dm:${dm}`];
      const page = await cli.json<MessagePage>("read", ...ON, ...named);
      assert.deepEqual(page.messages?.[0]?.parts, [{ kind: "text", text: "psst" }]);
      const people = await cli.json<{ participant_ids: string[] }>("participants", ...ON, ...named);
      assert.ok(people.participant_ids.includes(`local:${member}`));
      const sent = await cli.json<Accepted>("send", ...ON, ...named, "--text", "yes?");
      assert.equal(sent.dm_created, false);
      const { dms } = await cli.json<Conversations>("conversations", ...ON);
      assert.ok(dms?.some(({ id }) => id === dm));
    });

    it("tells what the server refuses", async () => {
      const gone = await server.room({ members: [member] });
      await cli.done(...connect(server, member, [room, gone], auth("AGENT_TOKEN")));
      await server.ok(200, `/v1/rooms/${gone}`, { method: "DELETE" });
      const sent = await cli.run("send", ...ON, "--target", `room:${gone}`, "--text", "x");
      assert.notEqual(sent.code, 0);
      assert.match(sent.stdout + sent.stderr, /404/);
      assert.match(sent.stdout + sent.stderr, new RegExp(`unknown room .*${gone}`));
    });
  });

  describe("the command line of an operator", () => {
    const cli = new CommandLine(environment("operator"));
    const at = (): string[] => ["--base-url", server.url, ...auth("ADMIN_TOKEN")];

    it("registers an agent", async () => {
      const agent = uniqueName("cli");
      const made = await cli.json<Registration>(
        "register-agent",
        ...at(),
        "--agent",
        agent,
        "--name",
        "Made",
      );
      assert.equal(made.agent_id, agent);
      const identity = JSON.parse(cli.read(".moltnet/identity.json"));
      assert.deepEqual(identity, {
        version: "moltnet.identity.v1",
        network_id: NETWORK_ID,
        agent_id: agent,
        actor_uid: made.actor_uid,
        actor_uri: made.actor_uri,
        display_name: "Made",
      });
      const again = await cli.json<Registration>("register-agent", ...at(), "--agent", agent);
      assert.equal(again.actor_uid, made.actor_uid);
    });

    it("applies a configuration", async () => {
      const [room, agent] = [uniqueName("room"), uniqueName("cli")];
      const configuration = {
        version: "moltnet.v1",
        network: { id: NETWORK_ID, name: "Suite" },
        auth: {
          mode: "bearer",
          tokens: [{ id: "write", value: tokenValue("write"), scopes: ["write"], agents: [agent] }],
        },
        rooms: [{ id: room, name: "Applied", members: [agent], visibility: "public" }],
      };
      cli.write("Moltnet.json", JSON.stringify(configuration));
      const applied = await cli.json<{ rooms: Room[]; agents: Registration[] }>(
        "apply",
        "Moltnet.json",
        ...at(),
      );
      assert.deepEqual(applied.rooms[0]?.members, [agent]);
      assert.equal(applied.agents[0]?.agent_id, agent);
      assert.equal((await server.ok<Room>(200, `/v1/rooms/${room}`)).name, "Applied");
      if (server.mode !== "none") {
        const sent = await server.post({ room, from: agent }, { as: "write" });
        assert.equal(sent.status, 202, sent.text);
      }
    });

    it("changes members, and removes rooms and agents", async () => {
      const agent = await server.agent();
      const room = await server.room({ members: ["alpha"] });
      const members = async (): Promise<string[] | undefined> =>
        (await server.ok<Room>(200, `/v1/rooms/${room}`)).members;
      const admin = (...args: string[]) => cli.json<{ removed?: boolean }>("admin", ...args, ...at());
      await admin("room", "members", "add", "--room", room, "--member", agent, "--member", "beta");
      assert.deepEqual(await members(), [agent, "alpha", "beta"].sort());
      await admin("room", "members", "remove", "--room", room, "--member", "alpha,beta");
      assert.deepEqual(await members(), [agent]);
      assert.equal((await admin("agent", "remove", "--agent", agent)).removed, true);
      assert.equal(await members(), undefined);
      assert.equal((await server.ask(`/v1/agents/${agent}`)).status, 404);
      assert.equal((await admin("room", "remove", "--room", room)).removed, true);
      assert.equal((await server.ask(`/v1/rooms/${room}`)).status, 404);
    });

    it("keeps ids that must be escaped", async () => {
      const id = `cli:${uniqueName("x")}.a_b`;
      await server.ok(201, "/v1/rooms", { json: { id } });
      await cli.json("admin", "room", "members", "add", "--room", id, "--member", "away:alpha", ...at());
      assert.deepEqual((await server.ok<Room>(200, `/v1/rooms/${id}`)).members, ["away:alpha"]);
      const wrong = await cli.run("admin", "room", "remove", "--room", "a/b c", ...at());
      assert.notEqual(wrong.code, 0);
      assert.match(wrong.stdout + wrong.stderr, /422/);
    });
  });

  describe("the command line's check for updates", () => {
    let releases: HttpServer;

    before(async () => {
      releases = createServer((request, response) => {
        response.end(request.url === "/release.json" ? '{"version":"v9.9.9"}' : "");
      });
      await new Promise<void>((resolve) => releases.listen(0, "127.0.0.1", resolve));
    });
    after(() => releases.close());

    it("tells the server's version", async () => {
      const { version } = await server.ok<{ version: string }>(200, "/v1/network");
      const cli = new CommandLine({
        ...environment("operator"),
        MOLTNET_DOWNLOAD_BASE_URL: `http://127.0.0.1:${(releases.address() as AddressInfo).port}`,
      });
      const token = server.mode === "none" ? [] : ["--server-token-env", "ADMIN_TOKEN"];
      const printed = await cli.done("update", "--check", "--server", server.url, ...token);
      assert.ok(printed.includes(`${server.url} reports ${version}`), printed);
    });
  });
}

/** How an agent joins by itself and goes on with its own token. */
export function joining(server: Server): void {
  describe("the command line of an agent that registers itself", () => {
    const cli = new CommandLine();
    const member = uniqueName("cli");
    let room = "";

    before(async () => {
      room = await server.room({ visibility: "public", write_policy: "registered_agents" });
    });

    it("connects, and keeps the token", async () => {
      await cli.done(...connect(server, member, [room], ["--registration", "open"]));
      const config = cli.read(".moltnet/config.json");
      assert.match(config, /"magt_v1_[A-Za-z0-9_-]{43}"/);
      const identity = JSON.parse(cli.read(".moltnet/identity.json"));
      assert.equal(identity.agent_id, member);
      await cli.done(...connect(server, member, [room], ["--registration", "open"]));
      assert.equal(cli.read(".moltnet/config.json"), config);
    });

    it("sends and reads where it may", async () => {
      const target = ["--target", `room:${room}`];
      const sent = await cli.json<Accepted>("send", ...ON, ...target, "--text", "hello");
      const page = await cli.json<MessagePage>("read", ...ON, ...target);
      assert.deepEqual(
        page.messages?.map(({ id }) => id),
        [sent.message_id],
      );
    });

    it("reads and answers its direct messages", async () => {
      const dm = uniqueName("dm");
      const friend = await server.agent("friend");
      const target = { kind: "dm", dm_id: dm, participant_ids: [`local:${member}`, `local:${friend}`] };
      await server.send({ target, from: friend, text: "psst" });
      const named = ["--target", `dm:${dm}`];
      for (const args of [
        ["read", ...ON, ...named],
        ["participants", ...ON, ...named],
        ["send", ...ON, ...named, "--text", "yes?"],
        ["conversations", ...ON],
      ]) {
        const { code, stdout, stderr } = await cli.run(...args);
        const works = server.differs("member-read", false, true);
        assert.equal(code === 0, works, `${args.join(" ")}: ${stdout}${stderr}`);
      }
    });

    it("is told when its name is taken, and keeps its configuration", async () => {
      const other = new CommandLine();
      const taken = await other.run(...connect(server, member, [room], ["--registration", "open"]));
      assert.notEqual(taken.code, 0);
      assert.match(taken.stdout + taken.stderr, /409/);
      assert.throws(() => other.read(".moltnet/config.json"));
    });
  });
}

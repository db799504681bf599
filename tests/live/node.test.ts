// The original's own node and bridge attach to our Worker, are woken by mentions that its command line posts, and miss
// nothing while the Worker is killed and started again. Their runtime is a small script.
//
// Invariant: neither is ever touched; they come back by themselves.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { adopt, discard, end, scratch, until } from "../harness/index.ts";
import { targets } from "../network/against.ts";
import { CommandLine } from "../network/command-line.ts";
import { MOLTNET } from "../network/original.ts";
import { Server } from "../network/server.ts";
import { NETWORK_ID, OPEN } from "../network/setup.ts";

const AGENT = "beta";
const CALLER = "caller";

/** An address that stays while the server behind it changes its own. */
async function front(port: () => number): Promise<{ url: string; close(): void }> {
  const proxy = createServer((client) => {
    const server = connect(port(), "127.0.0.1");
    client.pipe(server).pipe(client);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => {
    proxy.listen(0, "127.0.0.1", resolve);
  });
  const { port: own } = proxy.address() as AddressInfo;
  return { url: `http://127.0.0.1:${own}`, close: () => proxy.close() };
}

/** What the original runs that attaches, and the file that tells it how. */
const PROGRAMS = {
  "node start": (agent: object, runtime: object, network: object, token: string, rooms: object[]) => ({
    version: "moltnet.node.v1",
    moltnet: network,
    attachments: [{ agent, moltnet: { token_path: token }, runtime, rooms }],
  }),
  "bridge run": (agent: object, runtime: object, network: object, token: string, rooms: object[]) => ({
    version: "moltnet.bridge.v1",
    agent,
    moltnet: { ...network, token_path: token },
    runtime,
    rooms,
  }),
};

if (MOLTNET !== undefined && targets().includes("ours")) {
  for (const [command, configuration] of Object.entries(PROGRAMS)) {
    describe(`the original's ${command}`, () => {
      it("attaches, is woken, and survives restarts without missing anything", async () => {
        const folder = scratch("node");
        const persist = scratch("node-network");
        const server = new Server("ours", OPEN, { persist });
        await server.start();
        const { url, close } = await front(() => server.port);
        const said = join(folder, "said");
        const script = join(folder, "runtime");
        writeFileSync(script, `#!/bin/sh\n{ echo "$@"; cat; } >> '${said}'\n`);
        chmodSync(script, 0o755);
        mkdirSync(join(folder, "workspace"));
        const room = await server.room({ members: [AGENT, CALLER], visibility: "public" });
        const token = join(folder, "token");
        const runtime = {
          kind: "codex",
          command: script,
          workspace_path: join(folder, "workspace"),
          session_store_path: join(folder, "sessions.json"),
        };
        const network = { base_url: url, network_id: NETWORK_ID, auth_mode: "open", registration: "open" };
        const rooms = [{ id: room, wake: "mentions" }];
        const file = join(folder, "attach.json");
        const described = configuration({ id: AGENT, name: "Beta" }, runtime, network, token, rooms);
        writeFileSync(file, JSON.stringify(described), { mode: 0o600 });
        const program = adopt(
          spawn(MOLTNET ?? "", [...command.split(" "), file], {
            cwd: folder,
            env: { HOME: folder, PATH: process.env.PATH },
            stdio: "ignore",
          }),
        );
        const cli = new CommandLine();
        const words: string[] = [];
        const mention = async (): Promise<void> => {
          const word = `word-number-${words.length}-of-them`;
          words.push(word);
          const target = ["--network", NETWORK_ID, "--target", `room:${room}`];
          await cli.done("send", ...target, "--text", `@${AGENT} ${word}`);
        };
        const woken = (): Promise<true> =>
          until(
            "all wakes",
            () => {
              const heard = existsSync(said) ? readFileSync(said, "utf8") : "";
              return words.every((word) => heard.includes(word));
            },
            60_000,
          );
        try {
          await until(
            "the agent is attached",
            async () =>
              (await server.ask(`/v1/agents/${AGENT}`)).json<{ connected?: boolean }>().connected === true,
            30_000,
          );
          await until("its token is kept", () => existsSync(token) && readFileSync(token, "utf8") !== "");
          assert.match(readFileSync(token, "utf8"), /^magt_v1_/);
          await cli.done(
            ...["connect", "--runtime", "codex", "--workspace", ".", "--base-url", url],
            ...["--network-id", NETWORK_ID, "--member-id", CALLER, "--agent-name", "Caller"],
            ...["--rooms", room, "--registration", "open"],
          );
          await mention();
          await woken();
          for (let restart = 0; restart < 2; restart += 1) {
            await mention();
            await server.worker.kill9();
            await server.start();
            // It has not come back yet.
            await mention();
            await woken();
          }
          await server.worker.evict("Hub", `hub:${NETWORK_ID}:0`, "close");
          await mention();
          await woken();
        } finally {
          await end(program);
          close();
          await server.stop();
          for (const path of [folder, persist, cli.folder]) {
            discard(path);
          }
        }
      });
    });
  }
}

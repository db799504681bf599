// The original's own node attaches to our Worker, is woken by a mention, and misses nothing while the Worker is killed
// and started again. Its runtime is a small script.
//
// Invariant: the node is never touched; it comes back by itself.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { adopt, discard, end, scratch, until } from "../harness/index.ts";
import { targets } from "../network/against.ts";
import { MOLTNET } from "../network/original.ts";
import { Server } from "../network/server.ts";
import { NETWORK_ID, OPEN } from "../network/setup.ts";

const AGENT = "beta";

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

if (MOLTNET !== undefined && targets().includes("ours")) {
  describe("the original's node", () => {
    it("attaches, is woken, and survives a restart without missing anything", async () => {
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
      const room = await server.room({ members: [AGENT], visibility: "public" });
      const token = join(folder, "token");
      const file = join(folder, "node.json");
      const runtime = {
        kind: "codex",
        command: script,
        workspace_path: join(folder, "workspace"),
        session_store_path: join(folder, "sessions.json"),
      };
      const configuration = {
        version: "moltnet.node.v1",
        moltnet: { base_url: url, network_id: NETWORK_ID, auth_mode: "open", registration: "open" },
        attachments: [
          {
            agent: { id: AGENT, name: "Beta" },
            moltnet: { token_path: token },
            runtime,
            rooms: [{ id: room, wake: "mentions" }],
          },
        ],
      };
      writeFileSync(file, JSON.stringify(configuration), { mode: 0o600 });
      const node = adopt(
        spawn(MOLTNET ?? "", ["node", "start", file], {
          cwd: folder,
          env: { HOME: folder, PATH: process.env.PATH },
          stdio: "ignore",
        }),
      );
      const woken = (word: string): boolean => existsSync(said) && readFileSync(said, "utf8").includes(word);
      try {
        await until(
          "the node is attached",
          async () =>
            (await server.ask(`/v1/agents/${AGENT}`)).json<{ connected?: boolean }>().connected === true,
        );
        assert.match(readFileSync(token, "utf8"), /^magt_v1_/);
        await server.send({ room, text: `@${AGENT} first-word` });
        await until("the first wake", () => woken("first-word"));
        await server.worker.kill9();
        await server.start();
        await server.send({ room, text: `@${AGENT} second-word` });
        await until("the wake after the restart", () => woken("second-word"));
      } finally {
        await end(node);
        close();
        await server.stop();
        discard(folder);
        discard(persist);
      }
    });
  });
}

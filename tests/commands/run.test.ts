// `make run`: what it prints works as it stands, it keeps its demo between runs, and it leaves nothing running.

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { ask, discard, freePort, open, scratch, until } from "../harness/index.ts";
import { assertLife } from "./life.ts";
import { type Printed, Session } from "./session.ts";

const LINUX = process.platform === "linux";

async function assertNothingLeft(session: Session): Promise<void> {
  if (LINUX) {
    assert.deepEqual(session.processes(), []);
  }
  await assert.rejects(ask(`http://127.0.0.1:${session.port}/healthz`), /ECONNREFUSED/);
}

describe("make run", () => {
  const state = scratch("run");
  let port: number;
  let session: Session;
  let first: Printed;
  after(async () => {
    await session?.end("SIGTERM");
    discard(state);
  });

  it("builds, starts everything and prints lines to paste", async () => {
    port = await freePort();
    session = new Session(state, port);
    first = await session.ready();
  });

  it("streams from the demo agent over the printed host", async () => {
    const answer = await open(`http://127.0.0.1:${port}/v1/chat`, {
      host: `${first.agent}.agent.localhost:${port}`,
      headers: { authorization: `Bearer ${first.key}` },
      json: { messages: [{ role: "user", content: "Hello, agent!" }], stream: true },
    });
    let text = "";
    for await (const chunk of answer.chunks) {
      text += chunk.toString();
    }
    assert.equal(answer.status, 200, text);
    assert.match(text, /"done":true/);
    assert.match(text, /data: \[DONE\]\n\n$/);
  });

  it("answers on the path that the SDK lines name, and to the control line", async () => {
    const models = await ask(`http://127.0.0.1:${port}/agents/${first.agent}/v1/models`, {
      headers: { authorization: `Bearer ${first.key}` },
    });
    assert.equal(models.status, 200, models.text);
    const agents = await ask(`http://127.0.0.1:${port}/api/v1/agents?account=demo`, {
      headers: { authorization: `Bearer ${first.operatorToken}` },
    });
    assert.equal(agents.json<{ data: unknown[] }>().data.length, 1, agents.text);
  });

  it("answers to the network's lines, and to nobody without a token", async () => {
    const send = /^curl -s (\S+\/v1\/messages) -H "Authorization: Bearer (\S+)" -d '(.*)'$/m.exec(
      session.output,
    );
    assert.ok(send, session.output);
    const [, url, token, body] = send;
    const headers = { authorization: `Bearer ${token}` };
    const sent = await ask(url ?? "", { method: "POST", headers, body: body ?? "" });
    assert.equal(sent.status, 202, sent.text);
    const read = await ask(`http://127.0.0.1:${port}/v1/rooms/lobby/messages`, { headers });
    assert.match(read.text, /Hello, room!/);
    assert.equal((await ask(`http://127.0.0.1:${port}/v1/rooms`)).status, 401);
  });

  it("takes an agent through its life with the documents' commands", async () => {
    await assertLife(session.output);
  });

  it("passes Host headers on as they are sent", async () => {
    const stranger = await ask(`http://127.0.0.1:${port}/healthz`, { host: "stranger.example" });
    assert.equal(stranger.status, 421, stranger.text);
  });

  it("keeps its secrets to their owner", () => {
    for (const name of [".dev.vars", "demo.json", "network.json"]) {
      assert.equal(statSync(join(state, name)).mode & 0o777, 0o600, name);
    }
  });

  it("stops on SIGTERM and leaves nothing running", async () => {
    if (LINUX) {
      const commands = session.processes().map(({ command }) => command);
      assert.ok(
        commands.some((command) => command.includes("workerd")),
        `no workerd among ${commands}`,
      );
    }
    assert.equal(await session.end("SIGTERM"), 0, session.output);
    await assertNothingLeft(session);
  });

  it("keeps account, agent and key for the next run, and stops on SIGINT", async () => {
    session = new Session(state, port);
    assert.deepEqual(await session.ready(), first);
    assert.equal(await session.end("SIGINT"), 0, session.output);
    await assertNothingLeft(session);
  });

  it("ends with an error when one of its programs dies, and takes the others along", {
    skip: !LINUX,
  }, async () => {
    session = new Session(state, port);
    await session.ready();
    const wrangler = session.processes().find(({ command }) => command.includes("wrangler-dist/cli.js dev"));
    assert.ok(wrangler, "wrangler is not running");
    process.kill(wrangler.pid, "SIGKILL");
    assert.equal(await session.end(), 1, session.output);
    assert.match(session.output, /✗ wrangler dev ended by itself/);
    await assertNothingLeft(session);
  });
});

describe("make run on a port that is taken", () => {
  it("says so, and how to choose another", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const state = scratch("run");
    try {
      assert.ok(address !== null && typeof address === "object");
      const session = new Session(state, address.port);
      assert.equal(await session.end(), 1, session.output);
      assert.match(session.output, /port \d+ is taken by another program/);
      assert.match(session.output, /make run PORT=/);
      await until("the end of all its processes", () => !LINUX || session.processes().length === 0);
    } finally {
      server.close();
      discard(state);
    }
  });
});

// `moltghost dev`: a deployment on this machine in front of a server of the user's own.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { EXIT, moltghost, Terminal } from "../cli/program.ts";
import { INTERRUPT, OnTerminal, TERMINALS } from "../cli/pty.ts";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { adopt, ask, discard, freePort, hasEnded, open, ROOT, scratch, until } from "../harness/index.ts";
import { processesOf, Session } from "./session.ts";

interface Document {
  api: string;
  token: string;
  agent: { name: string; endpoint: string; path_endpoint: string; key: string; models: string[] };
}

describe("moltghost dev", () => {
  let pod: Pod;
  const state = scratch("dev");
  before(async () => {
    pod = await startPod();
  });
  after(async () => {
    await pod?.close();
    discard(state);
  });

  it("says at once that the server is not there, or that this is no checkout", async () => {
    const here = new Terminal({ MOLTGHOST_CHECKOUT: ROOT });
    const dead = await here.refused(EXIT.unreachable, "dev", "--to", "http://127.0.0.1:1");
    assert.match(dead.next ?? "", /Start your server/);
    await here.refused(EXIT.usage, "dev", "--to", "127.0.0.1:1");
    await here.refused(EXIT.notFound, "dev", "--to", pod.url, "--checkout", here.home);
    const away = new Terminal();
    const copied = away.path("moltghost");
    copyFileSync(moltghost(), copied);
    const lost = await away.run(["dev", "--to", pod.url], {}, copied);
    assert.equal(lost.code, EXIT.notFound, lost.stderr);
    assert.match(lost.stderr, /--checkout FOLDER/);
  });

  it("connects the server, prints lines with its model and a key, and ends cleanly", async () => {
    const port = await freePort();
    const secret = { POD_SECRET: "secret-of-the-server" };
    const args = ["--to", pod.url, "--port", String(port), "--header", "x-pod-secret=env:POD_SECRET"];
    const session = new Session(state, port, secret, [moltghost(), "dev", ...args]);
    const { agent, key } = await session.ready();
    assert.match(session.output, /^ {4}model="demo-small",$/m);
    assert.match(session.output, /^moltghost status dev$/m);
    const answer = await open(`http://127.0.0.1:${port}/v1/chat`, {
      host: `${agent}.agent.localhost:${port}`,
      headers: { authorization: `Bearer ${key}` },
      json: { messages: [{ role: "user", content: "Hello, server!" }], stream: true },
    });
    let text = "";
    for await (const chunk of answer.chunks) {
      text += chunk.toString();
    }
    assert.match(text, /data: \[DONE\]\n\n$/);
    await pod.waitFor((request) => request.headers["x-pod-secret"] === "secret-of-the-server");
    assert.ok(!session.output.includes("secret-of-the-server"));
    assert.equal(await session.end("SIGTERM"), 0, session.output);
    assert.deepEqual(TERMINALS ? session.processes() : [], []);
    await assert.rejects(ask(`http://127.0.0.1:${port}/healthz`), /ECONNREFUSED/);
  });

  it("prints one document with --json, which a program can use as it stands", async () => {
    const port = await freePort();
    const child = adopt(
      spawn(moltghost(), ["dev", "mine", "--to", pod.url, "--port", String(port), "--json"], {
        cwd: ROOT,
        env: { ...process.env, MOLTGHOST_STATE: state },
        stdio: ["ignore", "pipe", "ignore"],
      }),
    );
    let printed = "";
    child.stdout?.on("data", (bytes: Buffer) => {
      printed += bytes.toString();
    });
    const told = await until(
      "the document",
      () => printed.endsWith("}\n") && (JSON.parse(printed) as Document),
      240_000,
    );
    assert.deepEqual([told.agent.name, told.agent.models], ["mine", ["demo-small", "demo-large"]]);
    const answer = await ask(`${told.agent.path_endpoint}/v1/chat`, {
      headers: { authorization: `Bearer ${told.agent.key}` },
      json: { prompt: "Hello" },
    });
    assert.equal(answer.status, 200, answer.text);
    const user = new Terminal({ MOLTGHOST_API: told.api, MOLTGHOST_TOKEN: told.token });
    assert.equal(await user.done("status", "mine", "--url"), told.agent.endpoint);
    child.kill("SIGTERM");
    await until("its end", () => hasEnded(child));
    assert.equal(child.exitCode, 0);
  });

  it("shows the connector's line on a terminal, and ends with Ctrl-C", { skip: !TERMINALS }, async () => {
    const port = await freePort();
    const environment = {
      HOME: process.env.HOME ?? "",
      MOLTGHOST_STATE: state,
      MOLTGHOST_CHECKOUT: ROOT,
      ...(process.env.CARGO_TARGET_DIR === undefined
        ? {}
        : { CARGO_TARGET_DIR: process.env.CARGO_TARGET_DIR }),
    };
    const dev = new OnTerminal(new Terminal(environment), ["dev", "--to", pod.url, "--port", String(port)]);
    await until(
      "the lines to paste",
      () => /^curl -N http:/m.test(dev.screen) || dev.screen.includes("✗"),
      240_000,
    );
    assert.ok(!dev.screen.includes("✗"), dev.screen);
    await dev.sees(/^connected as default · pod up · 0 now, /);
    dev.type(INTERRUPT);
    assert.equal(await dev.ended(), 0, dev.screen);
    assert.deepEqual(processesOf(state), []);
  });
});

// `logs`: what happened to one agent, and what happens to it from now on.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { adopt, end, type RunningWorker, startWorker, together, until } from "../harness/index.ts";
import { uniqueName } from "../harness/tenant.ts";
import { owner } from "./owner.ts";
import { EXIT, moltghost, type Terminal } from "./program.ts";

/** A command that goes on, and what it has printed. */
class Following {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";

  constructor(terminal: Terminal, args: string[]) {
    const env = { HOME: terminal.home, PATH: process.env.PATH, ...terminal.environment };
    this.child = adopt(spawn(moltghost(), args, { env, stdio: ["ignore", "pipe", "pipe"] }));
    this.child.stdout?.on("data", (bytes: Buffer) => {
      this.stdout += bytes.toString();
    });
    this.child.stderr?.on("data", (bytes: Buffer) => {
      this.stderr += bytes.toString();
    });
  }
}

describe("logs", () => {
  let worker: RunningWorker;
  let pod: Pod;
  let user: Terminal;
  before(async () => {
    [worker, pod] = await together([startWorker(), startPod()]);
    user = await owner(worker);
  });
  after(async () => {
    await worker?.stop();
    await pod?.close();
  });

  it("shows what happened to the agent, and to no other", async () => {
    const [mine, other] = [uniqueName("mine"), uniqueName("other")];
    await user.done("deploy", mine, "--origin", pod.url, "--wait");
    await user.done("deploy", other, "--origin", pod.url, "--wait");
    await user.done("auth", "create-key", "--agent", mine, "--name", "Production API");
    await until("the log to have it all", async () => {
      const log = await user.done("logs", mine);
      return /agent.state +running\n(.*\n)*.*key.created +Production API/.test(log);
    });
    const events = (await user.done("logs", mine, "--json")).split("\n").map((line) => JSON.parse(line));
    const ids = new Set(events.map(({ agent }: { agent: string }) => agent));
    assert.equal(ids.size, 1);
    const last = events.at(-1) as { id: string };
    assert.equal(await user.done("logs", mine, "--after", last.id), "");
    await user.refused(EXIT.usage, "logs", mine, "--after", "never");
  });

  it("follows what happens, each event once, and ends on Ctrl-C", async () => {
    const name = uniqueName("agent");
    await user.done("deploy", name, "--origin", pod.url, "--wait");
    const following = new Following(user, ["logs", name, "--follow"]);
    await until("the past", () => following.stdout.includes("running"));
    await user.done("agent", "stop", name);
    await until("the pause", () => following.stdout.includes("paused"));
    await user.done("agent", "start", name, "--wait");
    await until("the start", () => following.stdout.split("running").length === 3);
    following.child.kill("SIGINT");
    await until("the end", () => following.child.exitCode !== null);
    assert.equal(following.child.exitCode, 130);
    await end(following.child);
  });

  it("knows no agent that there is not", async () => {
    assert.equal((await user.refused(EXIT.notFound, "logs", "nobody")).code, "agent_not_found");
  });
});

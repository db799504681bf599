// What a person sees on a terminal: the connector's line, secrets that are typed unseen, questions before what cannot be
// undone.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker, together } from "../harness/index.ts";
import { running, tunnelled } from "./connector.ts";
import { newAccount, newToken, owner } from "./owner.ts";
import { CONFIG, EXIT, Terminal } from "./program.ts";
import { ERASED, INTERRUPT, OnTerminal, TERMINALS } from "./pty.ts";

describe("on a terminal", { skip: !TERMINALS }, () => {
  let worker: RunningWorker;
  let pod: Pod;
  before(async () => {
    [worker, pod] = await together([startWorker(), startPod()]);
  });
  after(async () => {
    await worker?.stop();
    await pod?.close();
  });

  it("one line tells how the connector is, and follows what it does", async () => {
    const { one, terminal } = await tunnelled(worker);
    const connector = new OnTerminal(terminal, ["connect", "any", "--to", pod.url]);
    await connector.sees(/^· connected to .* as default: http:\S+ serves [a-z0-9]{12}$/);
    await connector.sees(
      /^connected as default · pod up · 0 now, \d+ served, 0 failed · \d+ k?B · up 0:\d\d$/,
    );
    await running(one);
    const long = one.completions({
      stream: true,
      messages: [{ role: "user", content: "count to 50" }],
      metadata: { pod: { stall_after_chunks: 2 } },
    });
    await connector.sees(/ · 1 now, /);
    connector.type(INTERRUPT);
    await connector.sees(/^· ending: calls in flight have 30 s; once more ends at once$/);
    await connector.sees(/^draining · pod up · 1 now, /);
    connector.type(INTERRUPT);
    assert.equal(await connector.ended(), 130);
    assert.match((await long).text, /"error"/);
    // The line is gone, and the shell's prompt begins where it was.
    assert.match(
      connector.screen.slice(connector.screen.lastIndexOf(ERASED)),
      /· Ended at once[^\r\n]*\r\n$/,
    );
  });

  it("the line stays one line on a narrow terminal", async () => {
    const { terminal } = await tunnelled(worker);
    const connector = new OnTerminal(terminal, ["connect", "any", "--to", pod.url], 30);
    const line = await connector.sees(/^connected as default · pod u/);
    assert.ok([...line].length < 30, line);
    connector.type(INTERRUPT);
    assert.equal(await connector.ended(), EXIT.done);
  });

  it("--quiet shows nothing", async () => {
    const { one, terminal } = await tunnelled(worker);
    const connector = new OnTerminal(terminal, ["connect", "any", "--to", pod.url, "--quiet"]);
    await running(one);
    connector.type(INTERRUPT);
    assert.equal(await connector.ended(), EXIT.done);
    assert.equal(connector.screen.replaceAll("^C", ""), "");
  });

  it("a token that is typed is not shown", async () => {
    const token = await newToken(worker, await newAccount(worker));
    const terminal = new Terminal();
    const login = new OnTerminal(terminal, ["login", worker.url]);
    await login.sees(/^Token for http/);
    login.type(`${token}\n`);
    assert.equal(await login.ended(), EXIT.done, login.screen);
    assert.ok(!login.screen.includes(token), "the token is on the screen");
    assert.ok(terminal.read(CONFIG).includes(token));
  });

  it("Ctrl-C leaves the terminal as it was", async () => {
    const shell = new OnTerminal(new Terminal(), ["login", worker.url], 200, "; stty -a");
    await shell.sees(/^Token for http/);
    shell.type(INTERRUPT);
    await shell.ended();
    assert.match(shell.screen, /Interrupted/);
    assert.match(shell.screen, / echo /, "it shows nothing any more of what is typed");
  });

  it("an agent is terminated once its name is written", async () => {
    const user = await owner(worker);
    const id = await user.done("deploy", "my-agent", "--origin", pod.url, "--wait");
    const state = async () => (await user.json<{ state: string }>("status", id)).state;
    const no = new OnTerminal(user, ["agent", "terminate", "my-agent"]);
    await no.sees(/Write its name to go on:$/);
    no.type("yes\n");
    assert.equal(await no.ended(), EXIT.failed);
    assert.equal(await state(), "running");
    const yes = new OnTerminal(user, ["agent", "terminate", "my-agent"]);
    await yes.sees(/Write its name to go on:$/);
    yes.type("my-agent\n");
    assert.equal(await yes.ended(), EXIT.done);
    assert.equal(await state(), "terminated");
  });

  it("what waits ends with Ctrl-C, and what it asked for goes on", async () => {
    const user = await owner(worker);
    const deploy = new OnTerminal(user, ["deploy", "waiting", "--wait"]);
    await deploy.sees(/^· waiting for a pod: /);
    deploy.type(INTERRUPT);
    assert.equal(await deploy.ended(), 130);
    assert.match(deploy.screen, /What the deployment was asked for goes on/);
    assert.match(await user.done("agent", "list"), /waiting/);
  });
});

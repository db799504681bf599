// Where address and token come from: a private file that login writes, and the environment before it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { type RunningWorker, startWorker } from "../harness/index.ts";
import { newAccount, newToken } from "./owner.ts";
import { CONFIG, EXIT, type Refusal, Terminal } from "./program.ts";

const ADMIN_TOKEN = "network-token-of-the-command-line-suite";

describe("settings of the command line", () => {
  let worker: RunningWorker;
  let account: string;
  let token: string;
  before(async () => {
    worker = await startWorker({ vars: { AUTH: "bearer", ADMIN_TOKEN } });
    account = await newAccount(worker);
    token = await newToken(worker, account);
  });
  after(() => worker?.stop());

  it("keeps address and token where only their owner reads them", async () => {
    const terminal = new Terminal();
    const { code, stdout, stderr } = await terminal.run(["login", worker.url, "--token-stdin"], {
      input: `${token}\n`,
    });
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`as account ${account}; kept in `));
    assert.ok(!stdout.includes(token));
    assert.equal(terminal.mode(CONFIG), 0o600);
    assert.equal(await terminal.done("agent", "list"), "");
    await terminal.done("logout");
    assert.ok(!existsSync(terminal.path(CONFIG)));
    await terminal.refused(EXIT.credential, "agent", "list");
  });

  it("keeps no token that the deployment does not take", async () => {
    const terminal = new Terminal();
    for (const wrong of ["not-a-token", `${token.slice(0, -1)}_`, "molti_acme_k3v9x2m7qasf7h2k9d4f"]) {
      const { code, stderr } = await terminal.run(["login", worker.url], { input: wrong });
      assert.equal(code, EXIT.credential, stderr);
      assert.ok(!stderr.includes(wrong));
    }
    assert.equal((await terminal.run(["login", worker.url], { input: "" })).code, EXIT.credential);
    assert.ok(!existsSync(terminal.path(CONFIG)));
  });

  it("does not read a file that others can read", async () => {
    const terminal = new Terminal();
    terminal.write(CONFIG, JSON.stringify({ api: worker.url, token }));
    assert.equal(await terminal.done("agent", "list"), "");
    chmodSync(terminal.path(CONFIG), 0o640);
    const refusal = await terminal.refused(EXIT.credential, "agent", "list");
    assert.match(refusal.next ?? "", /^Run: chmod 600 /);
    terminal.write(CONFIG, "{");
    chmodSync(terminal.path(CONFIG), 0o600);
    await terminal.refused(EXIT.failed, "agent", "list");
  });

  it("lets the environment win, and another file be named", async () => {
    const terminal = new Terminal();
    terminal.write(CONFIG, JSON.stringify({ api: "http://127.0.0.1:1", token: "wrong" }));
    const env = { MOLTGHOST_API: `${worker.url}/api/v1/`, MOLTGHOST_TOKEN: token };
    assert.equal((await terminal.run(["agent", "list"], { env })).code, 0);
    const other = { MOLTGHOST_CONFIG: terminal.path("other.json") };
    terminal.write("other.json", JSON.stringify({ api: worker.url, token }));
    assert.equal((await terminal.run(["agent", "list"], { env: other })).code, 0);
    assert.equal((await terminal.run(["agent", "list"])).code, EXIT.unreachable);
  });

  it("needs no home where the environment holds all", async () => {
    const env = { HOME: "", MOLTGHOST_API: worker.url, MOLTGHOST_TOKEN: token };
    const terminal = new Terminal(env);
    assert.equal((await terminal.run(["agent", "list"])).code, 0);
    const deployed = await terminal.run(["deploy", "homeless"]);
    assert.equal(deployed.code, 0, deployed.stderr);
    assert.match(deployed.stdout, /^[a-z0-9]{12}\n$/);
    assert.match(deployed.stderr, /connect token is not kept: There is no HOME/);
    const { error } = JSON.parse(
      (await terminal.run(["login", "--json"], { input: token })).stderr,
    ) as Refusal;
    assert.match(error.message, /There is no HOME/);
  });

  it("sends no token in the clear, nor to what is no deployment", async () => {
    const at = (api: string) => new Terminal({ MOLTGHOST_API: api, MOLTGHOST_TOKEN: token });
    const clear = await at("http://api.example.com").refused(EXIT.usage, "agent", "list");
    assert.match(clear.message, /use https/);
    await at("https://user:pass@api.example.com").refused(EXIT.usage, "agent", "list");
    await at("https://api.example.com/some/path").refused(EXIT.usage, "agent", "list");
    const nobody = await at("http://127.0.0.1:1").refused(EXIT.unreachable, "agent", "list");
    assert.match(nobody.next ?? "", /moltghost doctor/);
  });

  it("signs in at the network, and brings a file of the original in", async () => {
    const terminal = new Terminal();
    const args = ["login", worker.url, "--network", "--token-stdin"];
    const { code, stderr } = await terminal.run(args, { input: ADMIN_TOKEN });
    assert.equal(code, 0, stderr);
    const file = [
      "version: moltnet.v1",
      "network: {id: local}",
      "rooms:",
      "  - {id: general, members: [alpha, beta]}",
    ];
    terminal.write("Moltnet", file.join("\n"));
    assert.match(await terminal.done("network", "apply"), /^KIND +ID +NOW\nroom +general +there$/);
    const result = await terminal.json<{ applied: boolean; rooms: { id: string; members: string[] }[] }>(
      "network",
      "apply",
      "Moltnet",
    );
    assert.deepEqual([result.applied, result.rooms[0]?.members], [true, ["alpha", "beta"]]);
    terminal.write("other.yaml", "network: {id: elsewhere}\nrooms: []");
    await terminal.refused(EXIT.usage, "network", "apply", "other.yaml");
    terminal.write("wrong.json", "{");
    await terminal.refused(EXIT.usage, "network", "apply", "wrong.json");
    await terminal.refused(EXIT.notFound, "network", "apply", "missing.yaml");
    const stranger = new Terminal({ MOLTGHOST_NETWORK: worker.url });
    stranger.write("Moltnet", file.join("\n"));
    const refusal = await stranger.refused(EXIT.credential, "network", "apply");
    assert.match(refusal.next ?? "", /scope admin/);
  });

  it("completes commands in bash", async () => {
    const terminal = new Terminal();
    terminal.write("completions", await terminal.done("completions", "bash"));
    const words = (...typed: string[]) => {
      const script = `source ./completions; COMP_WORDS=(${typed.join(" ")}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
        _moltghost moltghost "\${COMP_WORDS[-1]}" "\${COMP_WORDS[-2]}"; echo "\${COMPREPLY[*]}"`;
      return execFileSync("bash", ["-c", script], { cwd: terminal.home, encoding: "utf8" }).trim().split(" ");
    };
    assert.deepEqual(words("moltghost", "dep"), ["deploy"]);
    assert.deepEqual(words("moltghost", "agent", "re"), ["restart"]);
    assert.deepEqual(words("moltghost", "connect", "my-agent", "--rep"), ["--replica"]);
  });

  it("says as JSON, too, what it cannot read", async () => {
    const terminal = new Terminal();
    const missing = await terminal.run(["deploy", "--json"]);
    assert.equal(missing.code, EXIT.usage);
    const { error } = JSON.parse(missing.stderr) as Refusal;
    assert.match(error.message, /NAME/);
    assert.match(error.next ?? "", /^Usage: moltghost deploy /);
    const unknown = await terminal.run(["agent", "fly", "my-agent", "--json"]);
    assert.match((JSON.parse(unknown.stderr) as Refusal).error.message, /'fly'/);
    const { script } = await terminal.json<{ script: string }>("completions", "fish");
    assert.match(script, /complete -c moltghost/);
  });

  it("prints completions and help for every command", async () => {
    const terminal = new Terminal();
    assert.match(await terminal.done("completions", "zsh"), /#compdef moltghost/);
    assert.match(await terminal.done("--version"), /^moltghost \d+\.\d+\.\d+$/);
    for (const command of [
      ["deploy"],
      ["agent", "stop"],
      ["auth", "create-key"],
      ["network", "apply"],
      ["account", "create-token"],
      ["dev"],
      ["logs"],
    ]) {
      assert.match(await terminal.done(...command, "--help"), /Usage: moltghost /);
    }
  });
});

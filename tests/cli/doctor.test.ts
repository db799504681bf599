// `doctor`: says what is wrong with the way to a deployment or with the deployment itself, and what to do.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { OPERATOR_TOKEN, type RunningWorker, startWorker } from "../harness/index.ts";
import { newAccount, newToken } from "./owner.ts";
import { EXIT, Terminal } from "./program.ts";

interface Check {
  check: string;
  is: "good" | "doubtful" | "bad";
  found: string;
  next: string | null;
}

async function checks(terminal: Terminal): Promise<{ code: number; checks: Check[] }> {
  const { code, stdout } = await terminal.run(["doctor", "--json"]);
  return { code, ...(JSON.parse(stdout) as { checks: Check[] }) };
}

const named = (all: Check[], name: string) => all.find(({ check }) => check === name);

describe("doctor", () => {
  let worker: RunningWorker;
  let token: string;
  before(async () => {
    worker = await startWorker();
    token = await newToken(worker, await newAccount(worker));
  });
  after(() => worker?.stop());

  it("finds a sound deployment sound", async () => {
    const terminal = new Terminal({ MOLTGHOST_API: worker.url, MOLTGHOST_TOKEN: token });
    const { code, checks: all } = await checks(terminal);
    assert.equal(code, 0, JSON.stringify(all));
    for (const name of ["settings", "reachability", "TLS", "deployment", "secrets", "migrations", "token"]) {
      assert.equal(named(all, name)?.is, "good", name);
    }
    assert.match(await terminal.done("doctor"), /^✓ settings .*\n(.*\n)*✓ token +opens account /);
  });

  it("looks whether agents' own hosts are reached", async () => {
    const terminal = new Terminal({ MOLTGHOST_API: worker.url, MOLTGHOST_TOKEN: token });
    const id = await terminal.done("deploy", "my-agent");
    const own = named((await checks(terminal)).checks, "endpoints");
    assert.deepEqual(own, {
      check: "endpoints",
      is: "good",
      found: `http://${id}.agent.localhost:${worker.port} answers (initializing)`,
      next: null,
    });
    const operator = new Terminal({ MOLTGHOST_API: worker.url, MOLTGHOST_TOKEN: OPERATOR_TOKEN });
    assert.match(
      named((await checks(operator)).checks, "endpoints")?.found ?? "",
      /answers \(initializing\)$/,
    );
    // A pod's machine knows nothing but the connect token.
    const connectToken = await terminal.done("agent", "connect-token", "my-agent");
    const machine = new Terminal({ MOLTGHOST_API: worker.url, MOLTGHOST_CONNECT_TOKEN: connectToken });
    const { code, checks: all } = await checks(machine);
    assert.equal(code, 0, JSON.stringify(all));
    assert.equal(named(all, "connect token")?.found, `is one of agent ${id}`);
    assert.equal(named(all, "endpoints")?.is, "good");
    const typo = { MOLTGHOST_API: worker.url, MOLTGHOST_CONNECT_TOKEN: `${connectToken.slice(0, -1)}_` };
    const wrong = await checks(new Terminal(typo));
    assert.equal(wrong.code, EXIT.unhealthy);
    assert.match(named(wrong.checks, "connect token")?.next ?? "", /agent connect-token/);
  });

  it("says what to do about a token that is wrong, an address that is dead, and settings that are missing", async () => {
    const wrong = await checks(new Terminal({ MOLTGHOST_API: worker.url, MOLTGHOST_TOKEN: "wrong" }));
    assert.equal(wrong.code, EXIT.unhealthy);
    assert.match(named(wrong.checks, "token")?.next ?? "", /moltghost login/);
    const dead = await checks(new Terminal({ MOLTGHOST_API: "http://127.0.0.1:1", MOLTGHOST_TOKEN: token }));
    assert.equal(dead.code, EXIT.unhealthy);
    assert.equal(named(dead.checks, "reachability")?.is, "bad");
    const none = await checks(new Terminal());
    assert.equal(none.code, EXIT.unhealthy);
    assert.match(named(none.checks, "settings")?.next ?? "", /moltghost login/);
  });

  it("says which secret a deployment lacks", async () => {
    const bare = await startWorker({ vars: { KEY_PEPPER: undefined } });
    try {
      const { code, checks: all } = await checks(
        new Terminal({ MOLTGHOST_API: bare.url, MOLTGHOST_TOKEN: token }),
      );
      assert.equal(code, EXIT.unhealthy);
      assert.equal(named(all, "secrets")?.is, "bad");
      assert.match(named(all, "secrets")?.next ?? "", /wrangler secret put/);
    } finally {
      await bare.stop();
    }
  });

  it("says that D1 is not as it should be", async () => {
    const old = await startWorker({ d1: "down" });
    try {
      const { code, checks: all } = await checks(
        new Terminal({ MOLTGHOST_API: old.url, MOLTGHOST_TOKEN: token }),
      );
      assert.equal(code, EXIT.unhealthy);
      assert.equal(named(all, "migrations")?.is, "bad");
      assert.match(named(all, "migrations")?.found ?? "", /D1/);
    } finally {
      await old.stop();
    }
  });

  it("takes what is no deployment for none", async () => {
    const { createServer } = await import("node:http");
    const server = createServer((_, response) => response.end("<html>")).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    const api = `http://127.0.0.1:${address.port}`;
    const { code, checks: all } = await checks(new Terminal({ MOLTGHOST_API: api, MOLTGHOST_TOKEN: token }));
    server.close();
    assert.equal(code, EXIT.unhealthy);
    assert.equal(named(all, "deployment")?.is, "bad");
  });
});

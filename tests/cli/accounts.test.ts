// Accounts and their tokens from a terminal: made, listed, used and revoked.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { OPERATOR_TOKEN, type RunningWorker, startWorker } from "../harness/index.ts";
import { uniqueName } from "../harness/tenant.ts";
import { owner } from "./owner.ts";
import { EXIT, Terminal } from "./program.ts";

interface Listed {
  id: string;
  name: string;
  role: string;
}

describe("accounts from a terminal", () => {
  let worker: RunningWorker;
  let operator: Terminal;
  before(async () => {
    worker = await startWorker();
    operator = new Terminal({ MOLTGHOST_API: worker.url, MOLTGHOST_TOKEN: OPERATOR_TOKEN });
  });
  after(() => worker?.stop());

  const holder = (token: string) => new Terminal({ MOLTGHOST_API: worker.url, MOLTGHOST_TOKEN: token });

  it("are made by the operator: the id alone, and what to do next", async () => {
    const id = uniqueName("acme").toLowerCase().replaceAll("-", "");
    const { code, stdout, stderr } = await operator.run(["account", "create", "Acme Inc", "--id", id]);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, `${id}\n`);
    assert.match(stderr, new RegExp(`moltghost account create-token --account ${id} `));
    assert.equal(await operator.done("account", "create", "Acme Inc", "--id", id), id, "the same again");
    const taken = await operator.refused(EXIT.conflict, "account", "create", "Another", "--id", id);
    assert.equal(taken.code, "name_taken");
    assert.match(
      await operator.done("account", "list"),
      new RegExp(`^ID +NAME +CREATED\n(.*\n)*${id} +Acme Inc `),
    );
    assert.match(await operator.done("account", "create", "No id"), /^[a-z0-9]+$/);
  });

  it("are opened by tokens, each alone on stdout, with a role", async () => {
    const account = await operator.done("account", "create", "Tokens");
    const admin = await operator.done("account", "create-token", "--account", account, "--name", "laptop");
    assert.match(admin, new RegExp(`^molta_${account}_[0-9A-Za-z]+$`));
    const owned = holder(admin);
    const viewer = await owned.done("account", "create-token", "--name", "dashboard", "--role", "viewer");
    assert.equal((await holder(viewer).refused(EXIT.credential, "deploy", "mine")).code, "role_not_allowed");
    const table = await owned.done("account", "list-tokens");
    assert.match(table, /^ID +NAME +ROLE +CREATED +EXPIRES\n/);
    assert.match(table, /laptop +admin /);
    assert.match(table, /dashboard +viewer /);
    assert.ok(!table.includes(admin) && !table.includes(viewer));
    const { data } = await operator.json<{ data: Listed[] }>("account", "list-tokens", "--account", account);
    assert.deepEqual(data.map(({ name, role }) => `${name}:${role}`).sort(), [
      "dashboard:viewer",
      "laptop:admin",
    ]);
  });

  it("refuse a token from the moment at which it is revoked", async () => {
    const user = await owner(worker);
    const [first, second, third] = await Promise.all(
      ["one", "two", "three"].map((name) => user.done("account", "create-token", "--name", name)),
    );
    assert.match(await user.done("account", "revoke-token", first ?? ""), /^one is revoked/);
    const { data } = await user.json<{ data: Listed[] }>("account", "list-tokens");
    const id = data.find(({ name }) => name === "two")?.id ?? "";
    assert.match(await user.done("account", "revoke-token", id), /^two is revoked/);
    const read = await user.run(["account", "revoke-token", "-"], { input: `${third}\n` });
    assert.equal(read.code, 0, read.stderr);
    for (const token of [first, second, third]) {
      await holder(token ?? "").refused(EXIT.credential, "agent", "list");
    }
    await user.refused(EXIT.notFound, "account", "revoke-token", id);
  });

  it("say what is wrong without saying the token", async () => {
    const user = await owner(worker);
    const token = await user.done("account", "create-token", "--name", "typo");
    const typo = `${token.slice(0, -1)}${token.endsWith("x") ? "y" : "x"}`;
    const refusal = await user.refused(EXIT.usage, "account", "revoke-token", typo);
    assert.ok(!JSON.stringify(refusal).includes(typo.slice(-20)));
    assert.equal(
      (await user.refused(EXIT.usage, "account", "create-token", "--name", "x", "--role", "king")).code,
      "invalid_request",
    );
    assert.match((await operator.refused(EXIT.usage, "account", "list-tokens")).next ?? "", /--account ID/);
    assert.equal((await user.refused(EXIT.credential, "account", "list")).code, "role_not_allowed");
    assert.equal(
      (await user.refused(EXIT.notFound, "account", "list-tokens", "--account", "nobodyhere")).code,
      "not_found",
    );
  });
});

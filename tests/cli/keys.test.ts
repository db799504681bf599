// Keys from a terminal: the key alone on stdout, and nowhere else.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { ask, type RunningWorker, startWorker, together } from "../harness/index.ts";
import type { KeyDocument } from "../harness/tenant.ts";
import { newAccount, owner } from "./owner.ts";
import { EXIT, type Terminal } from "./program.ts";

describe("keys from a terminal", () => {
  let worker: RunningWorker;
  let pod: Pod;
  let user: Terminal;
  let account: string;
  let id: string;
  before(async () => {
    [worker, pod] = await together([startWorker(), startPod()]);
    account = await newAccount(worker);
    user = await owner(worker, "admin", account);
    id = await user.done("deploy", "my-agent", "--origin", pod.url, "--wait");
  });
  after(async () => {
    await worker?.stop();
    await pod?.close();
  });

  const create = (...more: string[]) =>
    user.done("auth", "create-key", "--agent", "my-agent", "--name", "Production API", ...more);
  const opens = async (key: string, path = "/v1/models") => {
    const headers = { authorization: `Bearer ${key}` };
    return (await ask(`${worker.url}/agents/${id}${path}`, { headers })).status;
  };
  const list = async () => (await user.json<{ data: KeyDocument[] }>("auth", "list-keys")).data;

  it("prints a key that works, alone", async () => {
    const key = await create();
    assert.match(key, new RegExp(`^molti_${account}_[0-9A-Za-z]+$`));
    assert.equal(await opens(key), 200);
  });

  it("lists keys without their secrets", async () => {
    const key = await create();
    const table = await user.done("auth", "list-keys");
    assert.match(table, /^ID +NAME +AGENT +STATE +CREATED +LAST USED\n/);
    assert.match(table, /Production API +[a-z0-9]{12} +active/);
    assert.ok(!table.includes(key));
    assert.ok((await list()).every((document) => !("key" in document)));
    assert.match(await user.done("auth", "list-keys", "--agent", "my-agent"), /Production API/);
  });

  it("revokes by the key itself, by its id, and by the key on standard input", async () => {
    const [first, second, third] = [await create(), await create(), await create()];
    const keyId = second.slice(`molti_${account}_`.length).slice(0, 20);
    assert.match(await user.done("auth", "revoke-key", first), /is revoked/);
    assert.match(await user.done("auth", "revoke-key", keyId), /is revoked/);
    const { code, stderr } = await user.run(["auth", "revoke-key", "-"], { input: `${third}\n` });
    assert.equal(code, 0, stderr);
    for (const key of [first, second, third]) {
      assert.equal(await opens(key), 401);
    }
    assert.match(await user.done("auth", "list-keys"), /revoked/);
  });

  it("rotates: the new one works, and the old one for as long as was said", async () => {
    const old = await create();
    const keyId = old.slice(`molti_${account}_`.length).slice(0, 20);
    const fresh = await user.done("auth", "rotate-key", keyId);
    assert.notEqual(fresh, old);
    assert.deepEqual([await opens(old), await opens(fresh)], [200, 200]);
    const { code, stdout, stderr } = await user.run(["auth", "rotate-key", "-", "--grace", "0"], {
      input: fresh,
    });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /opens nothing any more/);
    assert.deepEqual([await opens(fresh), await opens(stdout.trimEnd())], [401, 200]);
  });

  it("confines a key to what is asked for", async () => {
    const key = await create("--path", "/v1/models", "--rpm", "5", "--expires-at", "2099-01-01T00:00:00Z");
    assert.deepEqual([await opens(key), await opens(key, "/v1/status")], [200, 403]);
    assert.match(await user.done("auth", "list-keys"), /until 2099-01-01 00:00:00/);
  });

  it("says what is wrong without saying the key", async () => {
    const key = await create();
    const typo = `${key.slice(0, -1)}${key.endsWith("x") ? "y" : "x"}`;
    const refusal = await user.refused(EXIT.usage, "auth", "revoke-key", typo);
    assert.ok(!JSON.stringify(refusal).includes(typo.slice(-20)));
    assert.equal(
      (await user.refused(EXIT.notFound, "auth", "revoke-key", `${id}7h2k9d4f`)).code,
      "not_found",
    );
    const nobody = ["auth", "create-key", "--agent", "nobody", "--name", "x"];
    assert.equal((await user.refused(EXIT.notFound, ...nobody)).code, "agent_not_found");
    const past = [
      "auth",
      "create-key",
      "--agent",
      "my-agent",
      "--name",
      "x",
      "--expires-at",
      "2000-01-01T00:00:00Z",
    ];
    assert.equal((await user.refused(EXIT.usage, ...past)).code, "invalid_request");
  });
});

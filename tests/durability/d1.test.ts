// D1 holds nothing but a directory for the operator's own queries: without it everything else works, and it catches up
// when it is there again.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { discard, type RunningWorker, scratch, startWorker, until } from "../harness/index.ts";
import { control, type Tenant, tenant, uniqueName } from "../harness/tenant.ts";

const message = { messages: [{ role: "user", content: "hi" }] };

describe("the directory in D1", () => {
  let pod: Pod;
  before(async () => {
    pod = await startPod();
  });
  after(() => pod?.close());

  const row = async (worker: RunningWorker, id: string) =>
    (await worker.d1("SELECT * FROM agent WHERE id = ?", id))[0];
  /** The alarm that projects comes within seconds; a retry within ten more. */
  const projected = (worker: RunningWorker, id: string, holds: (found: Record<string, unknown>) => boolean) =>
    until(
      `agent ${id} in the directory`,
      async () => {
        const found = await row(worker, id);
        return found !== undefined && holds(found) && found;
      },
      40_000,
    );

  describe("while it is down", () => {
    const persist = scratch("d1");
    let worker: RunningWorker;
    let t: Tenant;
    let gone: Tenant;
    before(async () => {
      worker = await startWorker({ persist, d1: "down" });
    });
    after(async () => {
      await worker?.stop();
      discard(persist);
    });

    it("is missed by neither control nor calls", async () => {
      t = await tenant(worker, pod, { alias: uniqueName("directory") });
      assert.equal((await t.completions(message)).status, 200);
      assert.equal((await t.change({ name: uniqueName("renamed") })).id, t.id);
      await t.revoke((await t.newKey()).id);
      gone = await tenant(worker, pod, { account: t.account });
      await gone.terminate();
      for (const path of ["/accounts", `/agents?account=${t.account}`, `/keys?account=${t.account}`]) {
        assert.equal((await control(worker, path)).status, 200);
      }
      assert.equal((await worker.ask("/healthz")).status, 200);
      assert.equal((await worker.ask("/readyz")).status, 503);
    });

    it("catches up once it is up again", async () => {
      const shown = await t.shown();
      await worker.stop();
      worker = await startWorker({ persist });
      const found = await projected(worker, t.id, () => true);
      assert.deepEqual(found, {
        id: t.id,
        account: t.account,
        name: shown.name,
        alias: shown.alias,
        created_at: found.created_at,
        terminated_at: null,
      });
      assert.ok(Math.abs(Number(found.created_at) - Date.parse(shown.created_at)) < 5_000);
      const ended = await projected(worker, gone.id, ({ terminated_at }) => terminated_at !== null);
      assert.deepEqual([ended.name, ended.alias], [null, null]);
      const accounts = await worker.d1("SELECT id FROM account WHERE id = ?", t.account);
      assert.equal(accounts.length, 1);
    });
  });

  describe("while it is up", () => {
    const persist = scratch("d1");
    let worker: RunningWorker;
    let t: Tenant;
    before(async () => {
      worker = await startWorker({ persist });
      t = await tenant(worker, pod);
    });
    after(async () => {
      await worker?.stop();
      discard(persist);
    });

    it("was made from nothing by the migrations", async () => {
      const applied = await worker.d1("SELECT name FROM d1_migrations ORDER BY id");
      assert.equal(applied[0]?.name, "0001_directory.sql");
      assert.equal((await worker.ask("/readyz")).status, 200);
      assert.deepEqual(await worker.d1("SELECT id FROM account WHERE id = 'nobody'"), []);
    });

    it("follows names, aliases and termination", async () => {
      await projected(worker, t.id, ({ name }) => name === t.agent.name);
      const [name, alias] = [uniqueName("renamed"), uniqueName("moved")];
      await t.change({ name, alias });
      await projected(worker, t.id, (found) => found.name === name && found.alias === alias);
      await t.terminate();
      const ended = await projected(worker, t.id, ({ terminated_at }) => terminated_at !== null);
      assert.deepEqual([ended.name, ended.alias], [null, null]);
    });

    it("keeps its rows when the Worker starts again and applies no migration twice", async () => {
      const query = "INSERT INTO account (id, name, created_at) VALUES ('kept', 'Kept', 1)";
      await worker.d1(query);
      const before = await worker.d1("SELECT * FROM agent ORDER BY id");
      await worker.stop();
      worker = await startWorker({ persist });
      assert.deepEqual(await worker.d1("SELECT * FROM account WHERE id = 'kept'"), [
        { id: "kept", name: "Kept", created_at: 1 },
      ]);
      assert.deepEqual(await worker.d1("SELECT * FROM agent ORDER BY id"), before);
      const applied = await worker.d1("SELECT name, count(*) AS n FROM d1_migrations GROUP BY name");
      assert.ok(applied.every(({ n }) => n === 1));
    });
  });
});

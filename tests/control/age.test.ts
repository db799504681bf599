// What only time brings: keys that are due for rotation, aliases that are free again. The stored times of a stopped
// Worker are set back instead of waiting for a month.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { discard, scratch } from "../harness/index.ts";
import { uniqueName } from "../harness/tenant.ts";
import { type ListedKey, refused, type Session, session } from "./session.ts";
import { rewrite } from "./storage.ts";

const DAY = 24 * 60 * 60 * 1_000;
const HOUR = DAY / 24;

describe("time", () => {
  const persist = scratch("age");
  let s: Session;
  before(async () => {
    s = await session({ persist });
  });
  after(async () => {
    await s?.stop();
    discard(persist);
  });

  /** Lets the Worker sleep while its objects' rows grow older. */
  async function later(className: string, table: string, column: string, ms: number): Promise<void> {
    await s.stop();
    const changed = rewrite(persist, className, table, `UPDATE ${table} SET ${column} = ${column} - ${ms}`);
    assert.ok(changed > 0, `no ${table} was found to grow older`);
    s = await session({ persist });
  }

  it("makes keys due for rotation after 30 days, unless they are revoked", async () => {
    const { id } = await s.agent(await s.account());
    const [kept, revoked] = [await s.key(id), await s.key(id)];
    await s.ok(200, `/keys/${revoked.id}`, { method: "DELETE" });
    const due = async (key: string) => {
      const listed = await s.all<ListedKey>(`/agents/${id}/keys`, 10);
      const found = listed.find((item) => item.id === key);
      return [found?.age_days, found?.rotate_due];
    };
    await later("Agent", "key", "created", 30 * DAY - HOUR);
    assert.deepEqual(await due(kept.id), [29, false]);
    await later("Agent", "key", "created", HOUR);
    assert.deepEqual(await due(kept.id), [30, true]);
    assert.deepEqual(await due(revoked.id), [30, false]);
  });

  it("frees an alias 30 days after it was given up", async () => {
    const account = await s.account();
    const alias = uniqueName("held");
    const first = await s.agent(account, { alias });
    await s.ok(200, `/agents/${first.id}`, { method: "DELETE" });
    const json = { account, name: uniqueName("agent"), alias };
    await later("Account", "holder", "released", 30 * DAY - HOUR);
    refused(await s.call("/agents", { json }), 409, "name_taken", "alias");
    await later("Account", "holder", "released", HOUR);
    await s.ok(201, "/agents", { json });
  });
});

// Accounts: made once, listed in pages, the operator's alone.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { uniqueName } from "../harness/tenant.ts";
import { type AccountDocument, freshId, type Page, refused, type Session, session } from "./session.ts";

describe("accounts", () => {
  let s: Session;
  before(async () => {
    s = await session();
  });
  after(() => s?.stop());

  it("lists none in a new deployment", async () => {
    assert.deepEqual(await s.ok(200, "/accounts"), { data: [], next_cursor: null });
  });

  it("makes an account with the id that was asked for", async () => {
    const id = freshId();
    const made = await s.ok<AccountDocument>(201, "/accounts", { json: { id, name: "Acme Inc." } });
    assert.equal(made.id, id);
    assert.equal(made.name, "Acme Inc.");
    assert.ok(Math.abs(Date.parse(made.created_at) - Date.now()) < 60_000, made.created_at);
  });

  it("makes up an id where none is given, a new one each time", async () => {
    const json = { name: "Nameless" };
    const first = await s.ok<AccountDocument>(201, "/accounts", { json });
    const second = await s.ok<AccountDocument>(201, "/accounts", { json: { ...json, id: null } });
    assert.notEqual(first.id, second.id);
  });

  it("answers 200 and the same account when it is made again", async () => {
    const json = { id: freshId(), name: "Twice" };
    const first = await s.ok<AccountDocument>(201, "/accounts", { json });
    assert.deepEqual(await s.ok(200, "/accounts", { json }), first);
  });

  it("refuses an id that has another name", async () => {
    const json = { id: freshId(), name: "First" };
    await s.ok(201, "/accounts", { json });
    refused(await s.call("/accounts", { json: { ...json, name: "Second" } }), 409, "name_taken", "id");
  });

  it("makes one account of many requests at once", async () => {
    const json = { id: freshId(), name: "Rush" };
    const answers = await Promise.all(Array.from({ length: 12 }, () => s.call("/accounts", { json })));
    const statuses = answers.map((answer) => answer.status).sort();
    assert.deepEqual(statuses, [...Array.from({ length: 11 }, () => 200), 201]);
    const listed = await s.all<AccountDocument>("/accounts", 200);
    assert.equal(listed.filter((account) => account.id === json.id).length, 1);
  });

  it("names the field that is wrong", async () => {
    const long = "a".repeat(63);
    const wrong: [unknown, string | null][] = [
      [{}, "name"],
      [{ name: "" }, "name"],
      [{ name: "1a" }, "name"],
      [{ name: "a " }, "name"],
      [{ name: `${long}a` }, "name"],
      [{ name: "Ünïcode" }, "name"],
      [{ name: 7 }, "name"],
      [{ name: "a", id: "" }, "id"],
      [{ name: "a", id: "A" }, "id"],
      [{ name: "a", id: "a_b" }, "id"],
      [{ name: "a", id: "a".repeat(33) }, "id"],
      [{ name: "a", id: 5 }, "id"],
      [{ name: "a", plan: "gold" }, "plan"],
      [[], null],
      ["name", null],
    ];
    for (const [json, param] of wrong) {
      refused(await s.call("/accounts", { json }), 400, "invalid_request", param);
    }
    await s.ok(201, "/accounts", { json: { id: freshId(), name: long } });
    await s.ok(201, "/accounts", { json: { id: freshId() + freshId(), name: "a" } });
  });

  describe("with an Idempotency-Key", () => {
    it("gives the same account again", async () => {
      const options = { json: { name: "Once" }, headers: { "idempotency-key": uniqueName("once") } };
      const first = await s.ok<AccountDocument>(201, "/accounts", options);
      const again = await s.call("/accounts", options);
      assert.ok(again.status === 200 || again.status === 201, again.text);
      assert.deepEqual(again.json(), first);
    });

    it("refuses another body", async () => {
      const headers = { "idempotency-key": uniqueName("once") };
      await s.ok(201, "/accounts", { json: { name: "Once" }, headers });
      const answer = await s.call("/accounts", { json: { name: "Other" }, headers });
      refused(answer, 422, "idempotency_mismatch");
    });

    it("is not needed beside an id, which says by itself what is asked for again", async () => {
      const id = freshId();
      const headers = () => ({ "idempotency-key": uniqueName("once") });
      await s.ok(201, "/accounts", { json: { id, name: "Once" }, headers: headers() });
      await s.ok(200, "/accounts", { json: { id, name: "Once" }, headers: headers() });
      const taken = await s.call("/accounts", { json: { id, name: "Other" }, headers: headers() });
      refused(taken, 409, "name_taken");
    });

    it("refuses one that cannot be one", async () => {
      for (const key of ["", "a".repeat(256)]) {
        const answer = await s.call("/accounts", {
          json: { name: "Once" },
          headers: { "idempotency-key": key },
        });
        refused(answer, 400, "invalid_request");
      }
    });
  });

  describe("in pages", () => {
    const ids: string[] = [];
    before(async () => {
      for (let n = 0; n < 7; n += 1) {
        ids.push(await s.account());
      }
    });

    it("gives each account once, in the order of ids, at any limit", async () => {
      for (const limit of [1, 3, 200]) {
        const listed = (await s.all<AccountDocument>("/accounts", limit)).map((account) => account.id);
        assert.deepEqual(listed, [...listed].sort());
        assert.equal(new Set(listed).size, listed.length);
        assert.ok(ids.every((id) => listed.includes(id)));
      }
    });

    it("has 50 a page unless asked otherwise", async () => {
      await Promise.all(Array.from({ length: 50 }, () => s.account()));
      const page = await s.ok<Page<AccountDocument>>(200, "/accounts");
      assert.equal(page.data.length, 50);
      assert.notEqual(page.next_cursor, null);
      const empty = await s.ok<Page<AccountDocument>>(200, "/accounts?cursor=");
      assert.deepEqual(empty, page);
    });

    it("refuses limits beyond their edges", async () => {
      for (const limit of ["0", "201", "-1", "1.5", "x", "", "1e2", "99999999999999999999", "%20"]) {
        refused(await s.call(`/accounts?limit=${limit}`), 400, "invalid_request", "limit");
      }
    });

    it("refuses cursors that it never gave", async () => {
      const long = "61".repeat(200);
      for (const cursor of ["zz", "1", "%20", "%00", "../x", "ff", long]) {
        refused(await s.call(`/accounts?cursor=${cursor}`), 400, "invalid_request", "cursor");
      }
    });

    it("refuses parameters whose encoding is broken, instead of reading them as not given", async () => {
      refused(await s.call("/accounts?limit=%zz"), 400, "invalid_request", "limit");
      refused(await s.call("/accounts?cursor=%ff"), 400, "invalid_request", "cursor");
    });

    it("ignores parameters that it does not know", async () => {
      await s.ok(200, "/accounts?colour=blue&limit=1");
    });

    it("answers HEAD like GET, without a body", async () => {
      const answer = await s.call("/accounts", { method: "HEAD" });
      assert.equal(answer.status, 200);
      assert.equal(answer.bytes.length, 0);
    });
  });
});

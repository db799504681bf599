// Sessions of the console: each ends by itself, when its token ends, or when it is signed out of, and then no copy of its
// cookie opens anything.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { OPERATOR_TOKEN } from "../harness/index.ts";
import { contract } from "../harness/openapi/document.ts";
import { refused, type Session, session } from "./session.ts";

describe("sessions of the console", () => {
  let s: Session;
  let account: string;
  before(async () => {
    s = await session();
    account = await s.account();
  });
  after(() => s?.stop());

  /** Signs in; what the browser would send from then on. */
  async function signIn(token: string): Promise<Record<string, string>> {
    const answer = await s.call("/session", { method: "POST", token });
    assert.equal(answer.status, 201, answer.text);
    const cookie = answer.header("set-cookie")?.split(";")[0] ?? assert.fail("no cookie");
    return { cookie, "sec-fetch-site": "same-origin", "content-type": "application/json" };
  }

  const shown = (headers: Record<string, string>) => s.call("/session", { headers, token: null });
  const signOut = (headers: Record<string, string>) =>
    s.call("/session", { method: "DELETE", headers, token: null, body: "{}" });

  it("are ended one by one", async () => {
    for (const token of [(await s.token(account, "operator")).token, OPERATOR_TOKEN]) {
      const [one, other] = [await signIn(token), await signIn(token)];
      assert.notEqual(one.cookie, other.cookie);
      assert.equal((await shown(one)).status, 200);
      const ended = await signOut(one);
      assert.equal(ended.status, 200, ended.text);
      assert.match(ended.header("set-cookie") ?? "", /^moltghost_session=; .*Max-Age=0/);
      refused(await shown(one), 401, "invalid_token");
      refused(await signOut(one), 401, "invalid_token");
      refused(await s.call("/agents", { headers: one, token: null }), 401, "invalid_token");
      assert.equal((await shown(other)).status, 200);
      // The token itself goes on, and what comes with it is no session.
      assert.equal((await s.call("/session", { token })).status, 200);
      assert.equal((await s.call("/session", { token, headers: { cookie: one.cookie ?? "" } })).status, 200);
      assert.equal((await shown(await signIn(token))).status, 200);
    }
  });

  it("change nothing for another site, and nothing that is not JSON", async () => {
    const own = await signIn(OPERATOR_TOKEN);
    const { "content-type": _, ...vague } = own;
    const cases: [Record<string, string>, number, string][] = [
      [{ ...own, "sec-fetch-site": "cross-site" }, 403, "origin_not_allowed"],
      [{ cookie: own.cookie ?? "", origin: "https://evil.example" }, 403, "origin_not_allowed"],
      [vague, 415, "unsupported_media_type"],
    ];
    let changes = 0;
    for (const [path, item] of Object.entries(contract.paths)) {
      for (const method of ["post", "put", "patch", "delete"] as const) {
        if (!path.startsWith("/api/v1/") || item[method] === undefined) {
          continue;
        }
        changes += 1;
        const address = path.slice("/api/v1".length).replaceAll(/\{[a-z]+\}/g, "none");
        for (const [headers, status, code] of cases) {
          const options = { method: method.toUpperCase(), headers, token: null };
          const answer = await s.call(address, options);
          assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
          assert.equal(answer.json<{ error: { code: string } }>().error.code, code);
        }
      }
    }
    assert.ok(changes > 20, `${changes} changes`);
    assert.equal((await shown({ ...own, "sec-fetch-site": "cross-site" })).status, 200);
  });

  it("end with their token, all of them", async () => {
    const made = await s.token(account, "viewer");
    const all = [await signIn(made.token), await signIn(made.token)];
    await s.ok(200, `/accounts/${account}/tokens/${made.id}`, { method: "DELETE" });
    for (const one of all) {
      refused(await shown(one), 401, "invalid_token");
    }
  });
});

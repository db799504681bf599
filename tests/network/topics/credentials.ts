// Where a credential is looked for, and what is said of one that is missing or not known (§1.5 of the contract).

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { refused, type Server } from "../server.ts";
import { tokenValue } from "../setup.ts";

const UNKNOWN = `magt_v1_${"A".repeat(43)}`;

/** Of setups with authentication. */
export function credentials(server: Server): void {
  const good = tokenValue("operator");
  const get = (headers: Record<string, string>, path = "/v1/dms") => server.ask(path, { as: null, headers });

  describe("credentials", () => {
    it("are missed where there are none", async () => {
      refused(await get({}), 401, "authorization required");
      refused(await get({ authorization: "" }), 401, "authorization required");
      refused(await get({ cookie: "other=1; moltnet_auth=" }), 401, "authorization required");
    });

    it("in the header must be bearer tokens", async () => {
      for (const value of [
        good,
        `bearer ${good}`,
        `Basic ${good}`,
        `BEARER ${good}`,
        "Bearer",
        "Bearer\t1",
      ]) {
        refused(await get({ authorization: value }), 401, "invalid authorization header");
      }
      assert.equal((await get({ authorization: `Bearer ${good}` })).status, 200);
      assert.equal((await get({ authorization: `  Bearer ${good}  ` })).status, 200);
      assert.equal((await get({ authorization: `Bearer   ${good}` })).status, 200);
    });

    it("must be known", async () => {
      for (const token of [
        "x",
        `${good}x`,
        good.slice(1),
        good.toUpperCase(),
        UNKNOWN,
        "magt_v1_",
        `${good} ${good}`,
      ]) {
        refused(await get({ authorization: `Bearer ${token}` }), 401, "invalid token");
        refused(await get({ cookie: `moltnet_auth=${token}` }), 401, "invalid token");
      }
    });

    it("may be a cookie, on every route", async () => {
      const cookie = `a=b; moltnet_auth=${good}; c=d`;
      assert.equal((await get({ cookie })).status, 200);
      const room = await server.room();
      const headers = { cookie, "sec-fetch-site": "same-origin" };
      const posted = await server.ask("/v1/messages", { as: null, headers, json: server.message({ room }) });
      assert.equal(posted.status, 202, posted.text);
    });

    it("may stand in a cookie among others, spelled as browsers spell them", async () => {
      for (const cookie of [`moltnet_auth =${good}`, `moltnet_auth= ${good} `, `moltnet_auth="${good}"`]) {
        assert.equal((await get({ cookie })).status, 200, cookie);
      }
      // What no cookie may hold counts as none.
      assert.equal((await get({ cookie: `moltnet_auth=a"b; moltnet_auth=${good}` })).status, 200);
      refused(await get({ cookie: `moltnet_auth=wrong; moltnet_auth=${good}` }), 401, "invalid token");
    });

    it("in the header come before the cookie", async () => {
      const cookie = `moltnet_auth=${good}`;
      refused(await get({ authorization: "Bearer x", cookie }), 401, "invalid token");
      refused(await get({ authorization: "x", cookie }), 401, "invalid authorization header");
      const both = await get({ authorization: `Bearer ${good}`, cookie: "moltnet_auth=x" });
      assert.equal(both.status, 200);
      assert.equal((await get({ authorization: "", cookie })).status, 200);
    });

    it("in the query are no credentials", async () => {
      refused(await get({}, `/v1/dms?access_token=${good}`), 401, "authorization required");
      refused(await get({}, `/metrics?access_token=${good}`), 401, "authorization required");
    });

    it("that are not known are refused on public routes, too", async () => {
      for (const path of [
        "/v1/network",
        "/v1/rooms",
        "/v1/agents",
        "/install.md",
        "/skill.md",
        "/llms.txt",
      ]) {
        refused(await get({ authorization: "Bearer x" }, path), 401, "invalid token");
        refused(await get({ authorization: "x" }, path), 401, "invalid authorization header");
        refused(await get({ cookie: "moltnet_auth=x" }, path), 401, "invalid token");
      }
    });

    it("are asked for before anything else", async () => {
      for (const [method, path] of [
        ["POST", "/v1/rooms"],
        ["POST", "/v1/apply"],
        ["POST", "/v1/messages"],
        ["PATCH", "/v1/rooms/none-such/members"],
        ["DELETE", "/v1/rooms/none-such"],
        ["DELETE", "/v1/agents/none-such"],
        ["GET", "/v1/artifacts"],
        ["GET", "/v1/dms/none-such"],
      ] as const) {
        const answer = await server.ask(path, {
          method,
          as: null,
          ...(method === "POST" ? { body: "{" } : {}),
        });
        refused(answer, 401, "authorization required");
      }
    });

    it("of an origin elsewhere do not post by cookie", async () => {
      const room = await server.room();
      const post = (headers: Record<string, string>) =>
        server.ask("/v1/messages", {
          as: null,
          headers: { cookie: `moltnet_auth=${good}`, ...headers },
          json: server.message({ room }),
        });
      for (const headers of [
        { "sec-fetch-site": "cross-site" },
        { "sec-fetch-site": "same-site" },
        { origin: "https://elsewhere.example" },
      ]) {
        const answer = await post(headers as unknown as Record<string, string>);
        if (server.differs("cookie-origin", false, true)) {
          refused(answer, 403);
        } else {
          assert.equal(answer.status, 202);
        }
      }
      assert.equal((await post({ "sec-fetch-site": "none" })).status, 202);
      assert.equal((await post({ origin: server.url })).status, 202);
      const bearer = await server.post({ room }, { headers: { origin: "https://elsewhere.example" } });
      assert.equal(bearer.status, 202);
    });
  });

  describe("the console's cookie", () => {
    const open = (path: string, headers: Record<string, string> = {}) =>
      server.ask(path, { as: null, headers });

    it("is set from the query, which is then taken away", async () => {
      const answer = await open(`/console/?z=1&access_token=${good}&a=2`);
      assert.equal(answer.status, 307);
      assert.equal(answer.header("location"), "/console/?a=2&z=1");
      const cookie = answer.header("set-cookie") ?? "";
      assert.match(cookie, new RegExp(`^moltnet_auth=${good}; Path=/; HttpOnly; SameSite=Lax`));
      assert.ok(!cookie.includes("Secure"));
      const plain = await open(`/console?access_token=${good}`);
      assert.equal(plain.status, 307);
      assert.equal(plain.header("location"), "/console");
    });

    it("is set on the console's paths for a token that is known", async () => {
      for (const [path, token] of [
        ["/", good],
        ["/foo", good],
        ["/console/", "unknown"],
      ]) {
        const answer = await open(`${path}?access_token=${token}`);
        const set = answer.header("set-cookie") !== undefined;
        assert.equal(set, server.differs("console-cookie", true, false), path);
      }
    });

    it("may be given up", async () => {
      const cookie = `moltnet_auth=${good}`;
      const headers = { cookie, "sec-fetch-site": "same-origin" };
      const answer = await server.ask("/console/sign-out", { method: "POST", as: null, headers });
      if (server.differs("sign-out", false, true)) {
        assert.ok(answer.status < 400, answer.text);
        assert.match(answer.header("set-cookie") ?? "", /^moltnet_auth=; .*Max-Age=0/);
      } else {
        assert.equal(answer.status, 405);
      }
    });
  });
}

/** Of mode none, where no credential is even looked at. */
export function noCredentials(server: Server): void {
  describe("credentials", () => {
    it("are not looked at", async () => {
      for (const authorization of ["Bearer x", "x", "Basic y", UNKNOWN]) {
        for (const path of ["/v1/network", "/v1/rooms", "/v1/dms", "/metrics", "/healthz"]) {
          assert.equal((await server.ask(path, { headers: { authorization } })).status, 200, path);
        }
      }
    });

    it("in the console's query are not looked at", async () => {
      const answer = await server.ask("/foo?access_token=x");
      assert.equal(answer.status, 307);
      assert.equal(answer.header("location"), "/console/");
      assert.equal(answer.header("set-cookie"), undefined);
    });
  });
}

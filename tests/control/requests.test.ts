// Requests to the control API that are not as they should be: methods, paths, bodies, credentials.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { OPERATOR_TOKEN } from "../harness/index.ts";
import { contract } from "../harness/openapi.ts";
import { uniqueName } from "../harness/tenant.ts";
import { freshId, refused, type Session, session } from "./session.ts";

const NEXT = "operator-token-of-the-next-quarter-00000000";

describe("requests", () => {
  let s: Session;
  before(async () => {
    s = await session({ vars: { OPERATOR_TOKEN_NEXT: NEXT } });
  });
  after(() => s?.stop());

  describe("with a wrong method", () => {
    const control = Object.entries(contract.paths).filter(([path]) => path.startsWith("/api/v1"));
    for (const [template, item] of control) {
      const path = template.slice("/api/v1".length).replaceAll(/\{(account|agent|token|key)\}/g, "xxxxxxxx");
      const served = ["get", "post", "patch", "put", "delete"].filter((method) => method in item);
      it(`${template} answers 405 with exactly its methods in Allow`, async () => {
        const allow = served.map((method) => method.toUpperCase());
        if (allow.includes("GET")) {
          allow.push("HEAD");
        }
        for (const method of ["GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "HEAD"]) {
          if (allow.includes(method)) {
            continue;
          }
          // Nobody needs a credential to learn it.
          for (const token of [OPERATOR_TOKEN, null]) {
            const answer = await s.call(path, { method, token });
            assert.equal(answer.status, 405, `${method} ${path}: ${answer.text}`);
            assert.deepEqual(answer.header("allow")?.split(", ").sort(), [...allow].sort());
            assert.equal(answer.header("access-control-allow-origin"), undefined);
          }
        }
      });
    }
  });

  it("to paths that are not there are 404 for everybody", async () => {
    for (const path of [
      "/",
      "/account",
      "/accounts/",
      "/accounts//tokens",
      "/accounts/a",
      "/accounts/a/tokens/b/c",
      "/agents/a/b/c/d",
      "/agents/a/b/begin",
      "/keys/a/b",
      "/%zz",
      "/accounts%00",
      "/session/x",
      "/events/x",
    ]) {
      for (const token of [OPERATOR_TOKEN, null]) {
        refused(await s.call(path, { token }), 404, "not_found");
      }
    }
  });

  describe("with a body", () => {
    const post = (body: string | Uint8Array, headers: Record<string, string> = {}) =>
      s.call("/accounts", { method: "POST", body, headers });
    const json = () => JSON.stringify({ id: freshId(), name: "Body" });

    it("of whatever declared type are read as JSON", async () => {
      for (const type of [
        "application/json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "nonsense",
      ]) {
        assert.equal((await post(json(), { "content-type": type })).status, 201, type);
      }
      assert.equal((await post(json())).status, 201);
    });

    it("of several parts are refused", async () => {
      for (const type of ["multipart/form-data; boundary=x", "MULTIPART/mixed"]) {
        refused(await post(json(), { "content-type": type }), 415, "unsupported_media_type");
      }
    });

    it("in gzip are decoded, and measured decoded", async () => {
      const gzip = { "content-encoding": "gzip" };
      assert.equal((await post(gzipSync(json()), gzip)).status, 201);
      const bomb = gzipSync(JSON.stringify({ name: "Body", id: " ".repeat(10_000_000) }));
      assert.ok(bomb.length < 64 * 1024);
      refused(await post(bomb, gzip), 413, "request_too_large");
      const broken = await post("no gzip", gzip);
      assert.equal(broken.status, 400, broken.text);
    });

    it("in another coding are refused", async () => {
      for (const coding of ["br", "deflate", "zstd", "gzip, gzip"]) {
        refused(await post(json(), { "content-encoding": coding }), 415, "unsupported_media_type");
      }
      assert.equal((await post(json(), { "content-encoding": "identity" })).status, 201);
    });

    it("that are not JSON are refused with line and column", async () => {
      const deep = "[".repeat(20_000);
      for (const body of [
        "{",
        "}",
        "nul",
        "{'name':'a'}",
        '{"name":"a",}',
        '{"name":"a"} x',
        '{"name":NaN}',
        '{"name":"\\ud800"}',
        `{"name":${deep}`,
        deep,
        "\u{feff}{}",
        Buffer.from([0x7b, 0xff, 0x7d]),
        Buffer.from('{"name":"\xe9"}', "latin1"),
      ]) {
        const { message } = refused(await post(body), 400, "invalid_json", null);
        assert.match(message, /line \d+, column \d+/, String(body).slice(0, 20));
      }
    });

    it("that are JSON but no object are refused", async () => {
      for (const body of ["[]", '"a"', "1", "null", "true"]) {
        refused(await post(body), 400, "invalid_request", null);
      }
    });

    it("in which a field stands twice are refused by its name, at every depth", async () => {
      for (const [body, param] of [
        ['{"name":"a","name":"b"}', "name"],
        ['{"name":"a","n\\u0061me":"b"}', "name"],
        ['{"zzz":1,"zzz":1}', "zzz"],
      ] as const) {
        refused(await post(body), 400, "invalid_request", param);
      }
      const account = await s.account();
      const agent = `"account":"${account}","name":"twice"`;
      const origin = '"type":"http","url":"https://pod.example"';
      for (const [fields, param] of [
        ['"limits":{"rpm":1,"rpm":2}', "limits.rpm"],
        [`"origin":{${origin},"type":"tunnel"}`, "origin.type"],
        [`"origin":{${origin},"headers":{"a":"1","a":"2"}}`, "origin.headers.a"],
        [`"origin":{${origin},"headers":{"A":"1","a":"2"}}`, "origin.headers.a"],
      ] as const) {
        const answer = await s.call("/agents", { method: "POST", body: `{${agent},${fields}}` });
        refused(answer, 400, "invalid_request", param);
      }
    });

    it("with a value of the wrong kind are refused without repeating it", async () => {
      const account = await s.account();
      const wrong = {
        "origin.headers": { type: "http", url: "https://pod.example", headers: "Bearer hush-hush" },
        "origin.headers.authorization": {
          type: "http",
          url: "https://pod.example",
          headers: { authorization: ["Bearer hush-hush"] },
        },
      };
      for (const [param, origin] of Object.entries(wrong)) {
        const answer = await s.call("/agents", { json: { account, name: "kinds", origin } });
        refused(answer, 400, "invalid_request", param);
        assert.doesNotMatch(answer.text, /hush/);
      }
      const { message } = refused(await post('{"name":5}'), 400, "invalid_request", "name");
      assert.match(message, /it must be a string/);
    });

    it("that are empty stand for an object without members", async () => {
      for (const body of ["", " ", "\r\n\t", "{}"]) {
        refused(await post(body), 400, "invalid_request", "name");
      }
    });

    it("are taken up to 64 KiB and refused beyond, declared or streamed", async () => {
      const padded = (size: number) => {
        const text = json();
        return text + " ".repeat(size - text.length);
      };
      const chunked = { "transfer-encoding": "chunked" };
      for (const headers of [{}, chunked]) {
        assert.equal((await post(padded(65_536), headers)).status, 201);
        refused(await post(padded(65_537), headers), 413, "request_too_large");
        refused(await post(padded(200_000), headers), 413, "request_too_large");
      }
    });

    it("are not read for who may not send them", async () => {
      for (const token of [null, "nonsense"]) {
        refused(await s.call("/accounts", { method: "POST", body: "{", token }), 401, "invalid_token");
      }
    });
  });

  describe("with a credential", () => {
    const ask = (authorization: string | string[] | undefined) =>
      s.call("/accounts", { token: null, headers: authorization === undefined ? {} : { authorization } });

    it("after Bearer in any case are let in, with the token of today and of tomorrow", async () => {
      for (const token of [OPERATOR_TOKEN, NEXT]) {
        for (const scheme of ["Bearer", "bearer", "BEARER"]) {
          assert.equal((await ask(`${scheme} ${token}`)).status, 200, scheme);
        }
      }
      // Blanks around a header's value are no part of it.
      assert.equal((await ask(`  Bearer ${OPERATOR_TOKEN}  `)).status, 200);
    });

    it("in any other form are 401, with what is expected in www-authenticate", async () => {
      const basic = Buffer.from(`operator:${OPERATOR_TOKEN}`).toString("base64");
      for (const value of [
        undefined,
        "",
        "Bearer",
        "Bearer ",
        OPERATOR_TOKEN,
        `Basic ${basic}`,
        `Token ${OPERATOR_TOKEN}`,
        `Bearer: ${OPERATOR_TOKEN}`,
        `Bearer ${OPERATOR_TOKEN}x`,
        `Bearer ${OPERATOR_TOKEN.slice(0, -1)}`,
        `Bearer ${OPERATOR_TOKEN.toUpperCase()}`,
        `Bearer "${OPERATOR_TOKEN}"`,
        `Bearer ${OPERATOR_TOKEN}, Bearer ${NEXT}`,
        `Bearer molta_`,
        `Bearer molta_acme_${"a".repeat(46)}`,
        `Bearer ${"a".repeat(8_000)}`,
      ]) {
        const answer = await ask(value);
        refused(answer, 401, "invalid_token");
        assert.equal(answer.header("www-authenticate"), "Bearer");
      }
    });

    it("anywhere but in the header are 401", async () => {
      const token = null;
      refused(await s.call(`/accounts?access_token=${OPERATOR_TOKEN}`, { token }), 401, "invalid_token");
      const headers = { cookie: `token=${OPERATOR_TOKEN}`, "x-api-key": OPERATOR_TOKEN };
      refused(await s.call("/accounts", { token, headers }), 401, "invalid_token");
    });

    it("of a key or a connect token are 401", async () => {
      const account = await s.account();
      const agent = await s.agent(account, { name: uniqueName("agent") });
      const key = await s.key(agent.id);
      for (const token of [key.key, agent.connect_token]) {
        refused(await s.call("/agents", { token }), 401, "invalid_token");
      }
    });
  });
});

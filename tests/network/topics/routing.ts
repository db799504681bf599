// Routing: what is not there, wrong methods, path ids, request ids (the answers that no handler gives).

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { exchange } from "../../harness/index.ts";
import { ok, refused, type Server } from "../server.ts";

/** Paths with the methods that they take. */
const ROUTES: [string, string[]][] = [
  ["/healthz", ["GET"]],
  ["/readyz", ["GET"]],
  ["/metrics", ["GET"]],
  ["/install.md", ["GET"]],
  ["/skill.md", ["GET"]],
  ["/llms.txt", ["GET"]],
  ["/v1/network", ["GET"]],
  ["/v1/rooms", ["GET", "POST"]],
  ["/v1/rooms/x", ["GET", "DELETE"]],
  ["/v1/rooms/x/members", ["PATCH"]],
  ["/v1/rooms/x/messages", ["GET"]],
  ["/v1/rooms/x/threads", ["GET"]],
  ["/v1/threads/x", ["GET"]],
  ["/v1/threads/x/messages", ["GET"]],
  ["/v1/dms", ["GET"]],
  ["/v1/dms/x", ["GET"]],
  ["/v1/dms/x/messages", ["GET"]],
  ["/v1/artifacts", ["GET"]],
  ["/v1/agents", ["GET"]],
  ["/v1/agents/x", ["GET", "DELETE"]],
  ["/v1/agents/register", ["GET", "DELETE", "POST"]],
  ["/v1/apply", ["POST"]],
  ["/v1/messages", ["POST"]],
  ["/v1/pairings", ["GET"]],
  ["/v1/pairings/x/network", ["GET"]],
  ["/v1/pairings/x/rooms", ["GET"]],
  ["/v1/pairings/x/agents", ["GET"]],
];

/** Where an id is a slash alone. */
const SLASHES = ["/v1/rooms/%2F", "/v1/rooms/%2f/messages", "/v1/agents/%2F", "/v1/dms/%2F/messages"];

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

function allowed(methods: string[]): string {
  // Every path is also matched by the catch-all GET.
  return [...new Set([...methods, "GET", "HEAD"])].sort().join(", ");
}

async function raw(
  server: Server,
  target: string,
): Promise<{ status: number; location: string | undefined }> {
  const head = `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nConnection: close\r\n\r\n`;
  const text = await exchange(server.port, head);
  return {
    status: Number(text.split(" ")[1]),
    location: /^location: (.*)\r$/im.exec(text)?.[1],
  };
}

export function routing(server: Server): void {
  describe("routing", () => {
    it("sends unknown GET paths to the console", async () => {
      for (const path of ["/", "/nope", "/v1/nope", "/v1/rooms/", "/v1/rooms/x/nope", "/v1", "/?a=b"]) {
        const answer = await server.ask(path, { as: null });
        assert.equal(answer.status, 307, path);
        assert.equal(answer.header("location"), "/console/", path);
        const page = '<a href="/console/">Temporary Redirect</a>.\n\n';
        assert.equal(answer.text, server.differs("answer-headers", page, ""), path);
      }
    });

    it("sends GET paths with a slash alone for an id to the console", async () => {
      for (const path of SLASHES) {
        const { status, location } = await raw(server, path);
        assert.deepEqual([status, location], [307, "/console/"], path);
      }
    });

    it("sends GET /console to /console/", async () => {
      const answer = await server.ask("/console");
      assert.equal(answer.status, 307);
      assert.equal(answer.header("location"), "/console/");
    });

    it("answers a wrong method with 405 in plain text and the methods that there are", async () => {
      for (const [path, methods] of ROUTES) {
        for (const method of METHODS) {
          if (methods.includes(method) || method === "GET" || method === "HEAD") {
            continue;
          }
          const answer = await server.ask(path, { method });
          assert.equal(answer.status, 405, `${method} ${path}`);
          assert.equal(answer.text, "Method Not Allowed\n", `${method} ${path}`);
          assert.equal(answer.header("content-type"), "text/plain; charset=utf-8", `${method} ${path}`);
          assert.equal(answer.header("allow"), allowed(methods), `${method} ${path}`);
        }
      }
    });

    it("answers methods on paths that are not there with 405", async () => {
      for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
        const answer = await server.ask("/v1/nope", { method });
        assert.equal(answer.status, 405, method);
        assert.equal(answer.header("allow"), "GET, HEAD", method);
      }
    });

    it("sends GET on paths that only take other methods to the console", async () => {
      for (const path of ["/v1/messages", "/v1/apply", "/v1/rooms/x/members"]) {
        assert.equal((await server.ask(path)).status, 307, path);
      }
    });

    it("answers HEAD as GET, without a body", async () => {
      const get = await server.ask("/v1/network");
      const head = await server.ask("/v1/network", { method: "HEAD" });
      assert.equal(head.status, 200);
      assert.equal(head.bytes.length, 0);
      assert.equal(head.header("content-type"), get.header("content-type"));
      assert.equal((await server.ask("/v1/rooms/none-such", { method: "HEAD" })).status, 404);
    });

    it("sends paths with empty segments to the clean path", async () => {
      for (const target of ["/v1//network", "//v1/network"]) {
        const { status, location } = await raw(server, target);
        assert.equal(status, 307, target);
        assert.equal(location?.replace(`http://127.0.0.1:${server.port}`, ""), "/v1/network", target);
      }
    });

    it("sends paths with dot segments away", async () => {
      for (const target of ["/healthz/../healthz", "/./healthz"]) {
        const { status, location } = await raw(server, target);
        assert.equal(status, 307, target);
        const path = location?.replace(`http://127.0.0.1:${server.port}`, "");
        assert.equal(path, server.differs("dot-segments", "/healthz", "/console/"), target);
      }
    });

    it("gives no CORS headers", async () => {
      const answer = await server.ask("/v1/network", { headers: { origin: "https://example.com" } });
      assert.equal(answer.status, 200);
      const names = Object.keys(answer.headers).filter((name) => name.startsWith("access-control-"));
      assert.deepEqual(names, []);
    });

    it("answers JSON as application/json with a line end", async () => {
      const answer = await server.ask("/v1/network");
      assert.equal(answer.header("content-type"), "application/json");
      assert.ok(answer.text.endsWith("}\n"));
      for (const name of ["etag", "www-authenticate"]) {
        assert.equal(answer.header(name), undefined, name);
      }
      const [stored, sniffed] = server.differs("answer-headers", [], ["no-store", "nosniff"]);
      assert.equal(answer.header("cache-control"), stored);
      assert.equal(answer.header("x-content-type-options"), sniffed);
    });
  });

  describe("request ids", () => {
    const echoed = async (value: string): Promise<string | undefined> =>
      (await server.ask("/v1/network", { headers: { "x-request-id": value } })).header("x-request-id");

    it("are echoed when they are well-formed", async () => {
      for (const value of ["a", "req-1", "A.b_c:d-9", "x".repeat(128)]) {
        assert.equal(await echoed(value), value);
      }
      assert.equal(await echoed("  padded  "), "padded");
    });

    it("are made when there is none, or one that is not well-formed", async () => {
      for (const value of ["", "with space", "semi;colon", "x".repeat(129), "a/b", "ä"]) {
        assert.match((await echoed(value)) ?? "", /^req_[0-9a-f]{16}$/, value);
      }
      const none = await server.ask("/v1/network");
      assert.match(none.header("x-request-id") ?? "", /^req_[0-9a-f]{16}$/);
    });

    it("stand on every kind of answer, and in the error envelope", async () => {
      const headers = { "x-request-id": "mine" };
      for (const path of ["/", "/console", "/healthz", "/metrics", "/install.md", "/v1/rooms/none-such"]) {
        assert.equal((await server.ask(path, { headers })).header("x-request-id"), "mine", path);
      }
      const wrong = await server.ask("/v1/rooms", { method: "PUT", headers });
      assert.equal(wrong.header("x-request-id"), "mine");
      const error = await server.ask("/v1/rooms/none-such", { headers });
      refused(error, 404, 'unknown room "none-such"');
      assert.equal(error.json<{ request_id: string }>().request_id, "mine");
    });
  });

  describe("path ids", () => {
    it("may hold every character of an id", async () => {
      const id = `Room.with_all:kinds-${"x".repeat(8)}.${Date.now()}`;
      await server.ok(201, "/v1/rooms", { json: { id } });
      assert.equal(ok<{ id: string }>(await server.ask(`/v1/rooms/${id}`)).id, id);
      const escaped = id.replaceAll(":", "%3A").replaceAll(".", "%2E").replaceAll("-", "%2d");
      assert.equal(ok<{ id: string }>(await server.ask(`/v1/rooms/${escaped}`)).id, id);
      await server.send({ room: id });
      const page = ok<{ messages: unknown[] }>(await server.ask(`/v1/rooms/${escaped}/messages`));
      assert.equal(page.messages.length, 1);
    });

    it("are one segment even with %2F in it", async () => {
      refused(await server.ask("/v1/rooms/a%2Fb"), 404, 'unknown room "a/b"');
      refused(await server.ask("/v1/threads/a%2fb"), 404, 'unknown thread "a/b"');
      refused(await server.ask("/v1/dms/a%2Fb"), 404, 'unknown direct conversation "a/b"');
      refused(await server.ask("/v1/rooms/a%2Fb/messages"), 404, 'unknown room "a/b"');
    });

    it("are trimmed", async () => {
      const id = await server.room();
      assert.equal(ok<{ id: string }>(await server.ask(`/v1/rooms/%20${id}%20`)).id, id);
      refused(await server.ask("/v1/rooms/%20none-such%09"), 404, 'unknown room " none-such\\t"');
      const change = { method: "PATCH", json: { add: ["alpha"] } };
      refused(await server.ask("/v1/rooms/%20none-such%09/members", change), 404, 'unknown room "none-such"');
      const unknown = "unknown direct conversation";
      refused(await server.ask("/v1/dms/%20none-such%20"), 404, `${unknown} "none-such"`);
      refused(await server.ask("/v1/dms/%20none-such%20/messages"), 404, `${unknown} " none-such "`);
    });

    it("of pairings must be known", async () => {
      for (const what of ["network", "rooms", "agents"]) {
        refused(await server.ask(`/v1/pairings/none-such/${what}`), 404, 'unknown pairing "none-such"');
        refused(await server.ask(`/v1/pairings/%20pair-a/${what}`), 404, 'unknown pairing " pair-a"');
      }
      const both = "before and after cannot both be set";
      refused(await server.ask("/v1/pairings/none-such/rooms?before=a&after=b"), 422, both);
      refused(await server.ask("/v1/pairings/none-such/network?before=a&after=b"), 404);
      assert.equal((await server.ask("/v1/pairings/none-such")).status, 307);
      assert.equal((await server.ask("/v1/pairings/none-such/nope")).status, 307);
    });

    it("are unknown only after the page that is asked for can be read", async () => {
      const both = "before and after cannot both be set";
      const pattern = "before id must match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}";
      for (const path of [
        "rooms/none/messages",
        "rooms/none/threads",
        "threads/none/messages",
        "dms/none/messages",
      ]) {
        refused(await server.ask(`/v1/${path}?before=a&after=b`), 422, both);
        refused(await server.ask(`/v1/${path}?before=%40`), 422, pattern);
      }
    });

    it("of other characters are unknown, and quoted as the original quotes", async () => {
      const cases: [string, string][] = [
        ["%40room", '"@room"'],
        ["@room", '"@room"'],
        ["r%C3%B6%C3%B6m", '"rööm"'],
        ["a%00b", '"a\\x00b"'],
        ["a%0Ab", '"a\\nb"'],
        ["a%22b", '"a\\"b"'],
        ["a%5Cb", '"a\\\\b"'],
        ["a%1Bb", '"a\\x1bb"'],
        ["a%7Fb", '"a\\x7fb"'],
        ["%E2%80%8B", '"\\u200b"'],
        ["%F0%9F%A6%80", '"🦀"'],
        ["a%FFb", '"a\\xffb"'],
        ["x".repeat(129), `"${"x".repeat(129)}"`],
      ];
      for (const [path, quoted] of cases) {
        refused(await server.ask(`/v1/rooms/${path}`), 404, `unknown room ${quoted}`);
      }
    });

    it("with broken escapes are refused", async () => {
      for (const target of ["/v1/rooms/a%zzb", "/v1/rooms/a%"]) {
        const { status } = await raw(server, target);
        assert.equal(status, 400, target);
      }
    });

    it("of removed rooms must be ids", async () => {
      for (const id of ["%40room", "a%2Fb", "x".repeat(129)]) {
        refused(await server.ask(`/v1/rooms/${id}`, { method: "DELETE" }), 422, "room id is required");
      }
      refused(await server.ask("/v1/rooms/none-such", { method: "DELETE" }), 404, 'unknown room "none-such"');
      for (const id of ["%20", "none-such", "a%2Fb"]) {
        assert.equal((await server.ask(`/v1/agents/${id}`, { method: "DELETE" })).status, 404, id);
      }
    });
  });
}

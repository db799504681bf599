// Calls from pages of other origins (agent-endpoints §2): which may be made, and what a script may read.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type Answer, type RunningWorker, startWorker, together } from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";

const ALLOWED = "https://app.example";
const DENIED = "https://evil.example";
const ASK = { messages: [{ role: "user", content: "hello" }] };
const PATHS = ["/v1/chat", "/v1/chat/completions", "/v1/models", "/v1/models/m", "/v1/health", "/v1/status"];

let worker: RunningWorker;
let pod: Pod;
let open: Tenant;
let closed: Tenant;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
  [open, closed] = await Promise.all([
    tenant(worker, pod),
    tenant(worker, pod, { cors: { origins: [ALLOWED, "http://localhost:5173"] } }),
  ]);
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

function preflight(
  to: Tenant,
  path: string,
  origin: string,
  headers = "authorization,content-type",
): Promise<Answer> {
  return to.call(path, {
    method: "OPTIONS",
    key: null,
    headers: {
      origin,
      "access-control-request-method": path.startsWith("/v1/chat") ? "POST" : "GET",
      "access-control-request-headers": headers,
    },
  });
}

function allowOrigin(answer: Answer): string | undefined {
  return answer.header("access-control-allow-origin");
}

describe("a preflight", () => {
  it("allows all origins unless the agent names some", async () => {
    for (const path of PATHS) {
      const answer = await preflight(open, path, DENIED);
      assert.equal(answer.status, 204, answer.text);
      assert.equal(allowOrigin(answer), "*");
      assert.equal(answer.header("access-control-allow-credentials"), undefined);
      const method = path.startsWith("/v1/chat") ? /\bPOST\b/ : /\bGET\b/;
      assert.match(answer.header("access-control-allow-methods") ?? "", method);
    }
  });

  it("allows the headers that were asked for, by name", async () => {
    const names = "authorization, content-type, x-stainless-lang, x-stainless-retry-count, idempotency-key";
    const answer = await preflight(open, "/v1/chat", ALLOWED, names);
    assert.equal(answer.header("access-control-allow-headers"), names);
    const strange = await preflight(open, "/v1/chat", ALLOWED, "x-a: b; <script>");
    assert.equal(strange.header("access-control-allow-headers"), "authorization, content-type");
  });

  it("says nothing to an origin that is not allowed", async () => {
    for (const path of PATHS) {
      for (const origin of [ALLOWED, "http://localhost:5173"]) {
        assert.equal(allowOrigin(await preflight(closed, path, origin)), origin);
      }
      for (const origin of [
        DENIED,
        "null",
        "http://app.example",
        `${ALLOWED}:444`,
        `${ALLOWED}.evil.example`,
      ]) {
        const answer = await preflight(closed, path, origin);
        assert.equal(answer.status, 204);
        assert.equal(allowOrigin(answer), undefined, origin);
        assert.equal(answer.header("vary"), "Origin");
      }
    }
  });

  it("needs no key and reaches no pod", async () => {
    pod.clear();
    await preflight(open, "/v1/chat", ALLOWED);
    assert.equal(pod.requests.length, 0);
  });
});

describe("a call from a page", () => {
  it("of an allowed origin may be read, with our headers", async () => {
    for (const stream of [false, true]) {
      const answer = await closed.completions({ ...ASK, stream }, { headers: { origin: ALLOWED } });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(allowOrigin(answer), ALLOWED);
      assert.equal(answer.header("vary"), "Origin");
      const exposed = answer.header("access-control-expose-headers") ?? "";
      for (const name of [
        "x-request-id",
        "retry-after",
        "x-moltghost-run-id",
        "x-ratelimit-limit-requests",
        "ratelimit",
        "ratelimit-policy",
      ]) {
        assert.ok(exposed.split(", ").includes(name), name);
      }
    }
  });

  it("of another origin is refused, whatever the key opens, and the pod is not asked", async () => {
    pod.clear();
    for (const origin of [DENIED, "null", "http://app.example"]) {
      const headers = { origin };
      const call = await closed.completions(ASK, { headers });
      assert.equal(call.status, 403, call.text);
      assert.equal(call.json<{ error: { code: string } }>().error.code, "origin_not_allowed");
      assert.equal(allowOrigin(call), undefined);
      assert.equal((await closed.call("/v1/status", { headers })).status, 403);
      assert.equal((await closed.call("/v1/models", { headers })).status, 403);
    }
    assert.equal(pod.requests.length, 0);
  });

  it("without Origin is no page's, and is served", async () => {
    assert.equal((await closed.completions(ASK)).status, 200);
  });

  it("learns why it was refused where the origin is allowed, and before the agent is known", async () => {
    const headers = { origin: ALLOWED };
    const wrongBody = await closed.call("/v1/chat", { body: "{", headers });
    assert.deepEqual([wrongBody.status, allowOrigin(wrongBody)], [400, ALLOWED]);
    const wrongKey = await closed.chat(ASK, { key: open.key, headers });
    assert.deepEqual([wrongKey.status, allowOrigin(wrongKey)], [401, ALLOWED]);
    const malformed = await closed.chat(ASK, { key: "molti_x", headers });
    assert.equal(malformed.status, 401);
    assert.ok(["*", ALLOWED].includes(allowOrigin(malformed) ?? ""));
    const nowhere = await closed.call("/v1/nothing", { headers });
    assert.deepEqual([nowhere.status, allowOrigin(nowhere)], [404, "*"]);
  });

  it("never has credentials allowed, and no pod can widen what is", async () => {
    pod.faultNext({
      path: "/v1/chat/completions",
      headers: { "access-control-allow-origin": "*", "access-control-allow-credentials": "true" },
    });
    const answer = await closed.completions(ASK, { headers: { origin: ALLOWED } });
    assert.equal(allowOrigin(answer), ALLOWED);
    assert.equal(answer.header("access-control-allow-credentials"), undefined);
  });
});

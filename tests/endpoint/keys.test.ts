// Who may call (agent-endpoints §4): every key that does not open the agent gets the same answer, and revoking binds
// the very next request.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { agentIdOf, keyOf, partsOf } from "../harness/credential.ts";
import { type Answer, type RunningWorker, startWorker, together } from "../harness/index.ts";
import { control, type Tenant, tenant } from "../harness/tenant.ts";

const ASK = { messages: [{ role: "user", content: "hello" }] };
const KEYED = [
  "/v1/chat/completions",
  "/v1/chat",
  "/v1/models",
  "/v1/models/demo-small",
  "/v1/status",
] as const;
/** What an answer to a wrong key may differ in. */
const VARYING = new Set(["x-request-id", "date"]);

let worker: RunningWorker;
let pod: Pod;
let one: Tenant;
let sibling: Tenant;
let stranger: Tenant;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
  one = await tenant(worker, pod);
  [sibling, stranger] = await Promise.all([
    tenant(worker, pod, { account: one.account }),
    tenant(worker, pod),
  ]);
});
beforeEach(() => pod.clear());
after(async () => {
  await worker?.stop();
  await pod?.close();
});

function ask(to: Tenant, path: string, authorization: string | null): Promise<Answer> {
  const headers: Record<string, string> = authorization === null ? {} : { authorization };
  const json = path.startsWith("/v1/chat") ? { json: ASK } : {};
  return to.call(path, { ...json, headers, key: null });
}

function expectUnauthorized(answer: Answer): void {
  assert.equal(answer.status, 401, answer.text);
  assert.equal(answer.json<{ error: { code: string } }>().error.code, "invalid_api_key");
  assert.equal(answer.header("www-authenticate"), "Bearer");
  assert.equal(answer.header("x-should-retry"), "false");
  assert.equal(answer.header("x-moltghost-run-id"), undefined);
}

describe("a call without a key that could be one", () => {
  it("is refused on every path that needs one", async () => {
    const { account, keyId, secret, check } = partsOf(one.key);
    const wrongs: (string | null)[] = [
      null,
      "",
      "Bearer",
      "Bearer ",
      `Basic ${Buffer.from(`x:${one.key}`).toString("base64")}`,
      `Token ${one.key}`,
      one.key,
      `Bearer  ${one.key}`,
      `Bearer ${one.key} x`,
      `Bearer "${one.key}"`,
      `Bearer ${one.key},${one.key}`,
      `Bearer ${one.key.slice(0, -1)}`,
      `Bearer ${one.key}0`,
      `Bearer ${one.key.toUpperCase()}`,
      `Bearer molti_${account}_${keyId}${secret}${check.split("").reverse().join("")}x`.slice(
        0,
        7 + one.key.length,
      ),
      `Bearer molti_${account}x_${keyId}${secret}${check}`,
      `Bearer molti_${account}_${secret}${keyId}${check}`,
      `Bearer molti__${keyId}${secret}${check}`,
      "Bearer molti_",
      "Bearer sk-0123456789",
      `Bearer ${"x".repeat(8_000)}`,
      "Bearer clé",
    ];
    for (const path of KEYED) {
      for (const wrong of wrongs) {
        const answer = await ask(one, path, wrong);
        expectUnauthorized(answer);
      }
    }
    assert.equal(pod.requests.length, 0);
  });

  it("is told how to add one where there is none", async () => {
    const answer = await ask(one, "/v1/chat", null);
    assert.match(answer.text, /Authorization: Bearer molti_/);
  });

  it("never takes a key from the query, a cookie or another header", async () => {
    for (const [path, headers] of [
      [`/v1/status?key=${one.key}&api_key=${one.key}&authorization=Bearer%20${one.key}`, {}],
      ["/v1/status", { cookie: `key=${one.key}` }],
      ["/v1/status", { "x-api-key": one.key }],
      ["/v1/status", { "api-key": one.key }],
      ["/v1/status", { "proxy-authorization": `Bearer ${one.key}` }],
    ] as const) {
      expectUnauthorized(await one.call(path, { headers, key: null }));
    }
  });
});

describe("the key", () => {
  it("is taken with the scheme in any case", async () => {
    for (const scheme of ["Bearer", "bearer", "BEARER", "bEaReR"]) {
      const answer = await ask(one, "/v1/status", `${scheme} ${one.key}`);
      assert.equal(answer.status, 200, answer.text);
    }
  });

  it("with white space around it is the same key: HTTP takes that off", async () => {
    const answer = await ask(one, "/v1/status", `  Bearer ${one.key}\t `);
    assert.equal(answer.status, 200, answer.text);
  });
});

describe("a key that does not open the agent", () => {
  it("gets one answer, byte for byte and header for header, whatever is wrong with it", async () => {
    const { account, keyId, secret } = partsOf(one.key);
    const revoked = await one.newKey();
    await one.revoke(revoked.id);
    const wrong = secret.startsWith("a") ? `b${secret.slice(1)}` : `a${secret.slice(1)}`;
    const keys = {
      unknown: keyOf(account, `${one.id}00000000`, secret),
      forged: keyOf(account, keyId, wrong),
      "of another account by name": keyOf("nobody", keyId, secret),
      "of an agent that never was": keyOf(account, `${agentIdOf("zzzzzzzzzz")}00000000`, secret),
      "of a sibling": sibling.key,
      "of a stranger": stranger.key,
      revoked: revoked.key,
      malformed: `${one.key.slice(0, -1)}!`,
    };
    for (const path of [...KEYED, "/v1/health"]) {
      const answers = new Map<string, string>();
      for (const [what, key] of Object.entries(keys)) {
        const answer = await ask(one, path, `Bearer ${key}`);
        expectUnauthorized(answer);
        const headers = Object.entries(answer.headers).filter(([name]) => !VARYING.has(name));
        answers.set(what, JSON.stringify([headers.sort(), answer.text]));
      }
      assert.equal(new Set(answers.values()).size, 1, `${path}: ${[...answers].join("\n")}`);
    }
    assert.equal(pod.requests.length, 0);
  });

  it("opens the one that it belongs to", async () => {
    for (const other of [sibling, stranger]) {
      assert.equal((await other.completions(ASK)).status, 200);
    }
  });

  it("costs its holder nothing and shows no use", async () => {
    const before = (await one.status()).usage;
    await ask(one, "/v1/chat", `Bearer ${sibling.key}`);
    assert.deepEqual((await one.status()).usage, before);
  });
});

describe("revoking", () => {
  it("binds the very next request, by id and by the key itself, and again is the same", async () => {
    const [byId, byKey] = [await one.newKey(), await one.newKey()];
    for (const { key } of [byId, byKey]) {
      assert.equal((await ask(one, "/v1/status", `Bearer ${key}`)).status, 200);
    }
    for (let again = 0; again < 2; again += 1) {
      await one.revoke(byId.id);
      const answer = await control(worker, "/keys/revoke", { json: { key: byKey.key } });
      assert.equal(answer.status, 200, answer.text);
      for (const { key } of [byId, byKey]) {
        expectUnauthorized(await ask(one, "/v1/chat/completions", `Bearer ${key}`));
      }
    }
    assert.equal((await one.completions(ASK)).status, 200);
  });
});

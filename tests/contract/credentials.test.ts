// Every operation of the contract, with every kind of wrong credential and every kind of foreign id: 401, 403 or 404 as
// documented, with bodies that tell nobody apart what must not be told apart. Generated from docs/openapi.yaml, so an
// operation that is added is tested by being written down.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { agentIdOf, keyOf, partsOf } from "../harness/credential.ts";
import { type Answer, OPERATOR_TOKEN, type RunningWorker, startWorker, together } from "../harness/index.ts";
import { contract, METHODS, type Operation, type PathItem } from "../harness/openapi/document.ts";
import { checkedRequest } from "../harness/openapi.ts";
import { control, type Tenant, tenant, uniqueName } from "../harness/tenant.ts";

interface Listed {
  label: string;
  method: string;
  path: string;
  operation: Operation;
}

const listed = Object.entries(contract.paths).flatMap(([path, item]) =>
  METHODS.filter((method) => method !== "options").flatMap((method): Listed[] => {
    const operation = (item as PathItem)[method];
    const label = `${method.toUpperCase()} ${path}`;
    return operation === undefined ? [] : [{ label, method: method.toUpperCase(), path, operation }];
  }),
);
const needs = (scheme: string) =>
  listed.filter(({ operation }) => operation.security.some((one) => scheme in one));
const endpoint = needs("agentKey");
const managed = listed.filter(
  ({ path, operation }) =>
    path.startsWith("/api/v1/") &&
    operation.security.some((one) => "accountToken" in one || "operatorToken" in one),
);
const owned = needs("accountToken").filter(({ path }) => path.startsWith("/api/v1/"));

let worker: RunningWorker;
let pod: Pod;
/** Two owners with an agent each, and what they must not see of each other. */
let mine: Tenant;
let theirs: Tenant;
let ended: Tenant;
let myToken: string;
let theirToken: { id: string; token: string };
let revokedToken: string;
let revokedKey: string;

async function token(account: string): Promise<{ id: string; token: string }> {
  const answer = await control(worker, `/accounts/${account}/tokens`, {
    json: { name: uniqueName("token"), role: "admin" },
  });
  assert.equal(answer.status, 201, answer.text);
  return answer.json<{ id: string; token: string }>();
}

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
  [mine, theirs, ended] = await Promise.all([
    tenant(worker, pod, { alias: uniqueName("mine").slice(0, 20) }),
    tenant(worker, pod),
    tenant(worker, pod),
  ]);
  await ended.terminate();
  const [own, other, old] = await Promise.all([
    token(mine.account),
    token(theirs.account),
    token(mine.account),
  ]);
  [myToken, theirToken, revokedToken] = [own.token, other, old.token];
  const path = `/accounts/${mine.account}/tokens/${old.id}`;
  assert.ok((await control(worker, path, { method: "DELETE" })).status < 300);
  const key = await mine.newKey();
  await mine.revoke(key.id);
  revokedKey = key.key;
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

/** The operation's own example, or nothing. */
function body({ operation }: Listed): { json?: unknown } {
  const media = Object.values(operation.requestBody?.content ?? {})[0];
  const example = Object.values(media?.examples ?? {})[0];
  return example === undefined ? {} : { json: example.value };
}

function call(one: Listed, base: string, path: string, authorization: string | null): Promise<Answer> {
  const headers: Record<string, string> = authorization === null ? {} : { authorization };
  return checkedRequest(base + path, { method: one.method, headers, ...body(one) });
}

function code(answer: Answer): string {
  return answer.json<{ error: { code: string } }>().error.code;
}

/** A path with these values in the place of its parameters. */
function filled(path: string, values: Record<string, string>): string {
  return path.replaceAll(
    /\{(\w+)\}/g,
    (_, name: string) => values[name] ?? assert.fail(`no value for ${name}`),
  );
}

describe("the contract", () => {
  it("lists operations of every kind", () => {
    assert.ok(endpoint.length >= 10 && managed.length >= 15 && owned.length >= 13);
  });
});

describe("an operation of an endpoint", () => {
  for (const one of endpoint) {
    const open = one.operation.security.some((scheme) => Object.keys(scheme).length === 0);
    const path = filled(one.path, { model: "demo-small", run: "run_00000000000000000000000000", id: "x" });

    it(`${one.label} refuses every wrong credential alike`, async () => {
      const { account, keyId, secret } = partsOf(mine.key);
      const wrong = {
        unknown: keyOf(account, partsOf(revokedKey).keyId.replace(/.$/, "0"), secret),
        "of another secret": keyOf(account, keyId, [...secret].reverse().join("")),
        "of another account": keyOf(theirs.account, keyId, secret),
        revoked: revokedKey,
        "another agent's": theirs.key,
        "a typing error": `${mine.key.slice(0, -1)}${mine.key.endsWith("0") ? "1" : "0"}`,
        garbage: "molti_x_y",
        "an account token": myToken,
        "the operator token": OPERATOR_TOKEN,
        empty: "",
      };
      const bodies = new Set<string>();
      for (const [kind, credential] of Object.entries(wrong)) {
        const answer = await call(one, mine.url, path, `Bearer ${credential}`);
        assert.deepEqual([answer.status, code(answer)], [401, "invalid_api_key"], `${kind}: ${answer.text}`);
        bodies.add(answer.text);
      }
      const basic = await call(one, mine.url, path, `Basic ${mine.key}`);
      assert.equal(basic.status, 401, basic.text);
      assert.deepEqual(
        [...bodies, basic.text].filter((text) => text !== basic.text),
        [],
      );
    });

    it(`${one.label} ${open ? "answers" : "says what is missing"} without one`, async () => {
      const answer = await call(one, mine.url, path, null);
      assert.equal(answer.status, open ? 200 : 401, answer.text);
      assert.ok(open || /Authorization: Bearer molti_/.test(answer.text), answer.text);
    });

    it(`${one.label} is not there for an agent that is not, and gone for one that was`, async () => {
      const never = `${worker.url}/agents/${agentIdOf("neverthere")}`;
      const nobody = `${worker.url}/agents/nobody-by-this-name`;
      const bad = `${worker.url}/agents/${mine.id.replace(/.$/, (c) => (c === "a" ? "b" : "a"))}`;
      const bodies = new Set<string>();
      for (const base of [never, nobody, bad]) {
        for (const key of [mine.key, theirs.key]) {
          const answer = await call(one, base, path, `Bearer ${key}`);
          assert.deepEqual([answer.status, code(answer)], [404, "agent_not_found"], answer.text);
          bodies.add(answer.text);
        }
      }
      assert.equal(bodies.size, 1, [...bodies].join("\n"));
      for (const key of [ended.key, mine.key, null]) {
        const answer = await call(one, ended.url, path, key && `Bearer ${key}`);
        assert.deepEqual([answer.status, code(answer)], [410, "agent_terminated"], answer.text);
      }
    });
  }
});

describe("an operation of the control API", () => {
  const values = () => ({
    pairing: "far",
    account: mine.account,
    agent: mine.id,
    key: mine.keyId,
    token: theirToken.id,
    id: "x",
    replica: "a",
  });

  for (const one of managed) {
    it(`${one.label} refuses every wrong credential alike`, async () => {
      const path = filled(one.path, values());
      const wrong = {
        revoked: revokedToken,
        "a typing error": `${myToken.slice(0, -1)}${myToken.endsWith("0") ? "1" : "0"}`,
        "a key": mine.key,
        garbage: "molta_x_y",
        "nearly the operator's": `${OPERATOR_TOKEN}x`,
        empty: "",
      };
      const bodies = new Set<string>();
      for (const [kind, credential] of Object.entries(wrong)) {
        const answer = await call(one, worker.url, path, `Bearer ${credential}`);
        assert.deepEqual([answer.status, code(answer)], [401, "invalid_token"], `${kind}: ${answer.text}`);
        bodies.add(answer.text);
      }
      const none = await call(one, worker.url, path, null);
      assert.deepEqual([none.status, code(none)], [401, "invalid_token"], none.text);
      assert.equal(bodies.size, 1, [...bodies].join("\n"));
    });
  }

  for (const one of owned.filter(({ path }) => path.includes("{"))) {
    it(`${one.label} tells nobody that there is something of another owner's`, async () => {
      const there = {
        account: theirs.account,
        agent: theirs.id,
        key: theirs.keyId,
        token: theirToken.id,
        id: "x",
        replica: "a",
      };
      const nowhere = {
        account: "nobodyhere",
        agent: agentIdOf("neverthere"),
        key: `${agentIdOf("neverthere")}${theirs.keyId.slice(12)}`,
        token: [...theirToken.id].reverse().join(""),
        id: "x",
        replica: "a",
      };
      const foreign = await call(one, worker.url, filled(one.path, there), `Bearer ${myToken}`);
      const missing = await call(one, worker.url, filled(one.path, nowhere), `Bearer ${myToken}`);
      assert.equal(foreign.status, 404, foreign.text);
      assert.deepEqual([foreign.status, foreign.text], [missing.status, missing.text]);
    });
  }

  it("that is the operator's alone is refused to owners", async () => {
    for (const one of managed.filter((each) => !owned.includes(each))) {
      const answer = await call(one, worker.url, filled(one.path, values()), `Bearer ${myToken}`);
      assert.deepEqual([answer.status, code(answer)], [403, "role_not_allowed"], one.label);
    }
  });

  it("has changed nothing of anybody's", async () => {
    for (const each of [mine, theirs]) {
      assert.equal((await each.shown()).state, "running");
      assert.equal((await each.chat({ prompt: "still there" })).status, 200);
    }
    const answer = await control(worker, `/accounts/${theirs.account}/tokens`, { token: theirToken.token });
    assert.equal(answer.status, 200, answer.text);
  });
});

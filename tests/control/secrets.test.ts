// Secrets appear in the answer that creates them and nowhere else: in no other answer, log line or file on disk.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { KEY_PEPPER, OPERATOR_TOKEN, together, until } from "../harness/index.ts";
import { type AgentDocument, Tenant, uniqueName } from "../harness/tenant.ts";
import { type MadeAgent, type Session, session } from "./session.ts";
import { filesBelow, filesWith } from "./storage.ts";

const secret = (what: string) => `${what}-${randomBytes(16).toString("hex")}`;

describe("secrets", () => {
  let s: Session;
  let pod: Pod;
  let account: string;
  const header = secret("origin-header");
  const later = secret("later-header");
  const content = secret("content");
  // What must be nowhere, by what it is.
  const hidden: Record<string, string> = {
    "an origin header": header,
    "a changed origin header": later,
    "what callers say": content,
    "the operator's token": OPERATOR_TOKEN,
    "the pepper": KEY_PEPPER,
  };
  const answers: string[] = [];
  before(async () => {
    [s, pod] = await together([session(), startPod()]);
    account = await s.account();
    const origin = { type: "http", url: pod.url, headers: { "x-pod-secret": header } };
    const alias = uniqueName("secret");
    const made = await s.agent(account, { origin, alias });
    const key = await s.key(made.id);
    const token = await s.token(account);
    const idempotent = { json: { name: "once" }, headers: { "idempotency-key": uniqueName("key") } };
    const twice = await s.ok<{ key: string }>(201, `/agents/${made.id}/keys`, idempotent);
    hidden["a key"] = key.key.slice(-38);
    hidden["a key made by Idempotency-Key"] = twice.key.slice(-38);
    hidden["an account token"] = token.token.slice(-38);
    hidden["a connect token"] = made.connect_token.slice(-38);
    const read = async (path: string, options = {}) => {
      const answer = await s.call(path, options);
      answers.push(answer.text, JSON.stringify(answer.rawHeaders));
      return answer;
    };
    const settings = { account, name: made.name, origin, alias };
    const t = new Tenant(s.worker, made, key);
    await t.start();
    for (const [path, options] of [
      ["/agents", { json: settings }],
      ["/agents", { json: { ...settings, model: "m" } }],
      ["/agents", { json: { ...settings, name: uniqueName("agent") } }],
      [`/agents/${made.id}`, {}],
      [`/agents?account=${account}`, {}],
      [`/agents/${made.id}/start`, { method: "POST" }],
      [`/agents/${made.id}/keys`, {}],
      [`/keys?account=${account}`, {}],
      [`/accounts/${account}/tokens`, {}],
      [`/agents/${made.id}`, { method: "PATCH", json: { model: "m" } }],
      [
        `/agents/${made.id}`,
        { method: "PATCH", json: { origin: { ...origin, headers: { "x-pod-secret": later } } } },
      ],
      // Through the account: what is pending there holds the settings.
      [
        `/agents/${made.id}`,
        { method: "PATCH", json: { name: uniqueName("renamed"), alias: uniqueName("moved"), origin } },
      ],
      ["/keys/revoke", { json: { key: twice.key } }],
    ] as const) {
      await read(path, options);
    }
    const chat = { messages: [{ role: "user", content }] };
    for (const call of [t.completions(chat), t.call("/v1/status"), t.call("/v1/models")]) {
      const answer = await call;
      answers.push(answer.text.replaceAll(content, ""), JSON.stringify(answer.rawHeaders));
    }
  });
  after(async () => {
    await s?.stop();
    await pod?.close();
  });

  it("reach the pod: the test can tell", () => {
    const seen = pod.requests.map(({ headers }) => headers["x-pod-secret"]);
    assert.ok(seen.includes(header), "no request carried the header");
  });

  it("are in no other answer", () => {
    for (const [what, text] of Object.entries(hidden)) {
      assert.ok(!answers.some((answer) => answer.includes(text)), `an answer tells ${what}`);
    }
  });

  it("are in no log line", () => {
    for (const [what, text] of Object.entries(hidden)) {
      assert.ok(!s.worker.logs.some(({ message }) => message.includes(text)), `the log tells ${what}`);
    }
  });

  it("are in no file, the write-ahead logs among them", async () => {
    const { persist } = s.worker;
    // What is stored in clear is found, so what is not found is not there.
    assert.ok(filesWith(persist, "x-pod-secret").length > 0, "names of headers are not in the files read");
    assert.ok(filesBelow(persist).some((path) => path.endsWith("-wal")));
    const left = async () =>
      Object.entries(hidden).flatMap(([what, text]) =>
        filesWith(persist, text).map((path) => `${what}: ${path}`),
      );
    assert.deepEqual(await left(), []);
    // The alarm projects to D1 meanwhile.
    await until("the directory", async () => (await s.worker.d1("SELECT id FROM agent")).length > 0);
    assert.deepEqual(await left(), []);
  });

  it("of the account's pending steps are sealed while they wait", async () => {
    const own = await s.account();
    const pending = secret("pending-header");
    const origin = { type: "http", url: pod.url, headers: { "x-pod-secret": pending } };
    await Promise.all(
      Array.from({ length: 5 }, (_, n) =>
        s.agent(own, { name: `agent-${n}`, origin, alias: uniqueName("waits") }),
      ),
    );
    assert.deepEqual(filesWith(s.worker.persist, pending), []);
    const shown = await s.all<AgentDocument>(`/agents?account=${own}`, 10);
    assert.deepEqual(
      shown.map(({ origin }) => origin.header_names),
      Array.from({ length: 5 }, () => ["x-pod-secret"]),
    );
  });

  it("made in two deployments under one Idempotency-Key differ with the pepper", async () => {
    const other = await session({ vars: { KEY_PEPPER: "another-pepper-of-the-suites-0000000000" } });
    try {
      const made: MadeAgent = await other.agent(await other.account());
      const options = { json: { name: "once" }, headers: { "idempotency-key": "the-same" } };
      const here = await s.agent(await s.account());
      const one = await s.ok<{ key: string }>(201, `/agents/${here.id}/keys`, options);
      const two = await other.ok<{ key: string }>(201, `/agents/${made.id}/keys`, options);
      assert.notEqual(one.key.slice(-38, -6), two.key.slice(-38, -6));
    } finally {
      await other.stop();
    }
  });
});

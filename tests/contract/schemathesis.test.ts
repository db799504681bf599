// schemathesis finds no 5xx and no answer that is not as documented, on either surface.
//
// A real pod answers the runs, so that none of the documented 502, 503 and 504 is due; agents that are created on the
// way may only point at this machine.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { checkedFetch, checkedRequest, contract } from "../harness/openapi.ts";
import { OPERATOR_TOKEN, type RunningWorker, startWorker } from "../harness/worker.ts";
import { examine } from "./schemathesis.ts";

const CONTROL = "^/(api/|healthz|readyz|openapi)";
const ENDPOINT = "^/v1/";

let pod: Pod;
let worker: RunningWorker;

before(async () => {
  pod = await startPod({ quiet: true });
  worker = await startWorker({ vars: { ORIGIN_HOSTS: "127.0.0.1" } });
  await control("POST", "/accounts", { id: "acme", name: "Acme" });
});

after(async () => {
  await worker?.stop();
  await pod?.close();
});

async function control<T>(method: string, path: string, json?: object): Promise<T> {
  const headers = { authorization: `Bearer ${OPERATOR_TOKEN}` };
  const options = { method, headers, ...(json === undefined ? {} : { json }) };
  const answer = await checkedRequest(new URL(`/api/v1${path}`, worker.url), options);
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
  return answer.json<T>();
}

/** An agent that runs on the pod, with a key. */
async function runningAgent(name: string): Promise<{ id: string; key: string; keyId: string }> {
  const origin = { type: "http", url: pod.url };
  const { id } = await control<{ id: string }>("POST", "/agents", { account: "acme", name, origin });
  const started = await control<{ state: string }>("POST", `/agents/${id}/start`);
  assert.equal(started.state, "running");
  const created = await control<{ id: string; key: string }>("POST", `/agents/${id}/keys`, { name: "fuzz" });
  return { id, key: created.key, keyId: created.id };
}

async function token(role: string): Promise<{ id: string; token: string }> {
  return control("POST", "/accounts/acme/tokens", { name: role, role });
}

test("the document that is served is docs/openapi.yaml", async () => {
  const { id } = await runningAgent("contract");
  for (const address of [`${worker.url}/openapi.json`, `${worker.url}/agents/${id}/openapi.json`]) {
    const served: unknown = await (await checkedFetch(address)).json();
    assert.deepEqual(served, contract, address);
  }
});

test("an endpoint answers made-up calls of its key as documented", async () => {
  const { id, key } = await runningAgent("endpoint");
  await examine({
    url: `${worker.url}/agents/${id}`,
    paths: ENDPOINT,
    credentials: { agentKey: key },
  });
});

test("an endpoint answers made-up calls without a right key as documented", async () => {
  const { id } = await runningAgent("strangers");
  const { key } = await runningAgent("elsewhere");
  await examine({
    url: `${worker.url}/agents/${id}`,
    paths: ENDPOINT,
    credentials: { agentKey: key },
  });
});

test("the control API answers the operator about things that exist as documented", async () => {
  const lasting = await runningAgent("lasting");
  const doomed = await runningAgent("doomed");
  const extra = await token("viewer");
  await examine({
    url: worker.url,
    paths: CONTROL,
    credentials: { operatorToken: OPERATOR_TOKEN },
    parameters: { account: "acme", agent: lasting.id, key: doomed.keyId, token: extra.id },
    operations: { "DELETE /api/v1/agents/{agent}": { agent: doomed.id } },
  });
});

test("the control API answers the operator about anything as documented", async () => {
  await examine({ url: worker.url, paths: CONTROL, credentials: { operatorToken: OPERATOR_TOKEN } });
});

test("the control API answers holders of account tokens as documented", async () => {
  const lasting = await runningAgent("of-holders");
  const doomed = await runningAgent("of-an-admin");
  for (const role of ["admin", "viewer"]) {
    const holder = await token(role);
    await examine({
      url: worker.url,
      paths: CONTROL,
      credentials: { accountToken: holder.token },
      // No token exists by this id: the holder's own must outlive the run.
      parameters: { account: "acme", agent: lasting.id, key: doomed.keyId, token: "00000000" },
      operations: { "DELETE /api/v1/agents/{agent}": { agent: doomed.id } },
    });
  }
});

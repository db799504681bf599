// How many sockets and tickets an agent may have, at the edge: the last is taken, the next refused by name, and where
// one ends the next is taken again.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { many, type RunningWorker, startWorker, together, until } from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";
import { Caller, Refused, refusal } from "./caller.ts";

const MOST = 1_000;
const AT_ONCE = 25;

let worker: RunningWorker;
let pod: Pod;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

const ticket = (agent: Tenant) => agent.call("/v1/ws-ticket", { method: "POST" });

describe("an agent", () => {
  it(`has ${MOST} sockets at most`, async () => {
    const agent = await tenant(worker, pod);
    const other = await tenant(worker, pod);
    const callers = await many(MOST, AT_ONCE, () => Caller.open(agent.url, { key: agent.key }));
    assert.deepEqual(await refusal(agent.url, { key: agent.key }), [429, "too_many_streams"]);
    const made = await ticket(agent);
    assert.equal(made.status, 200, made.text);
    const { protocols } = made.json<{ protocols: string[] }>();
    assert.deepEqual(await refusal(agent.url, { protocols }), [429, "too_many_streams"]);
    (await Caller.open(other.url, { key: other.key })).close();
    callers.pop()?.close();
    await until("room for the next", async () => {
      try {
        callers.push(await Caller.open(agent.url, { key: agent.key }));
        return true;
      } catch (error) {
        assert.ok(error instanceof Refused && error.status === 429, String(error));
        return false;
      }
    });
    await callers.at(-1)?.pong();
    assert.deepEqual(await refusal(agent.url, { key: agent.key }), [429, "too_many_streams"]);
    for (const { socket } of callers) socket.terminate();
  });

  it(`has ${MOST} tickets at most that wait to be used`, async () => {
    const agent = await tenant(worker, pod);
    const made = await many(MOST, AT_ONCE, () => ticket(agent));
    assert.deepEqual([...new Set(made.map(({ status }) => status))], [200]);
    const refused = await ticket(agent);
    assert.equal(refused.status, 429, refused.text);
    assert.equal(refused.json<{ error: { code: string } }>().error.code, "too_many_streams");
    assert.equal(refused.header("x-should-retry"), "true");
    const { protocols = [] } = made[0]?.json<{ protocols: string[] }>() ?? {};
    (await Caller.open(agent.url, { protocols })).close();
    assert.equal((await ticket(agent)).status, 200);
    assert.equal((await ticket(agent)).status, 429);
  });
});

// Who may connect, and what ends a link: tokens in every wrong place, newer links, new tokens, the agent's end.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker, together, until } from "../harness/index.ts";
import { control, type Tenant, tenant } from "../harness/tenant.ts";
import { Connector, Refused } from "./connector.ts";
import { BODY, frame, GOAWAY, HELLO, PING } from "./frames.ts";

const [REPLACED, TOKEN, VERSION, PROTOCOL, TERMINATED, NOT_TUNNEL] = [2, 3, 4, 5, 6, 8];

let worker: RunningWorker;
let pod: Pod;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

function tokenOf(one: Tenant): string {
  return (one.agent as unknown as { connect_token: string }).connect_token;
}

async function refused(url: string, token: string | null): Promise<[number, string]> {
  try {
    await Connector.dial(url, token);
  } catch (error) {
    assert.ok(error instanceof Refused, `${error}`);
    return [error.status, (JSON.parse(error.body) as { error: { code: string } }).error.code];
  }
  return assert.fail("it was let in");
}

async function rotated(one: Tenant, json: Record<string, unknown> = {}): Promise<string> {
  const answer = await control(worker, `/agents/${one.id}/connect-token`, { method: "POST", json });
  assert.equal(answer.status, 201, answer.text);
  return answer.json<{ connect_token: string }>().connect_token;
}

describe("a credential in the wrong place", () => {
  it("opens no tunnel", async () => {
    const [one, other] = [await tenant(worker, null), await tenant(worker, null)];
    const token = tokenOf(one);
    const wrong: Record<string, string | null> = {
      none: null,
      "a key": one.key,
      "another agent's token": tokenOf(other),
      "a typing error": `${token.slice(0, -1)}${token.endsWith("0") ? "1" : "0"}`,
    };
    for (const [kind, credential] of Object.entries(wrong)) {
      assert.deepEqual(await refused(one.url, credential), [401, "invalid_api_key"], kind);
    }
    const inQuery = await one.call(`/_connect?token=${token}`, { key: null });
    assert.equal(inQuery.status, 400, inQuery.text);
    const http = await tenant(worker, pod);
    assert.deepEqual(await refused(http.url, await rotated(http)), [409, "invalid_state"]);
    const never = `${worker.url}/agents/nobody-by-this-name`;
    assert.deepEqual(await refused(never, token), [404, "agent_not_found"]);
  });

  it("opens nothing else", async () => {
    const one = await tenant(worker, null);
    const token = tokenOf(one);
    for (const path of ["/v1/status", "/v1/models"]) {
      assert.equal((await one.call(path, { key: token })).status, 401, path);
    }
    assert.equal((await one.completions({ messages: [] }, { key: token })).status, 401);
    assert.equal((await control(worker, `/agents/${one.id}`, { token })).status, 401);
  });
});

describe("a link", () => {
  const link = (one: Tenant, token = tokenOf(one), replica = "a") =>
    Connector.connect(one.url, token, pod.url, { replica });
  const over = (connector: Connector) => until("the end", () => connector.closed !== undefined);

  it("is reached by host, too", async () => {
    const one = await tenant(worker, null);
    const connector = await Connector.connect(worker.url, tokenOf(one), pod.url, { host: one.host });
    assert.ok(connector.welcomed);
  });

  it("gives way to a newer one of the same replica", async () => {
    const one = await tenant(worker, null);
    const old = await link(one);
    await link(one);
    await until("word of it", () => old.goaways.length > 0);
    assert.deepEqual(old.goaways, [REPLACED]);
    assert.equal((await one.status()).links.filter(({ up }) => up).length, 1);
    await over(old);
    assert.equal(old.closed, 4400 + REPLACED);
  });

  it("ends with a new token: at once, or once it is idle", async () => {
    const one = await tenant(worker, null);
    const first = await link(one);
    const second = await rotated(one);
    await over(first);
    assert.deepEqual([first.goaways, first.closed], [[TOKEN], 4400 + TOKEN]);
    assert.deepEqual(await refused(one.url, tokenOf(one)), [401, "invalid_api_key"]);
    const again = await link(one, second);
    await rotated(one, { now: true });
    await over(again);
    assert.deepEqual([again.goaways, again.closed], [[TOKEN], 4400 + TOKEN]);
    assert.deepEqual(await refused(one.url, second), [401, "invalid_api_key"]);
  });

  it("ends with its agent, and with another origin", async () => {
    const one = await tenant(worker, null);
    const last = await link(one);
    await one.terminate();
    await over(last);
    assert.deepEqual(last.goaways, [TERMINATED]);
    assert.deepEqual(await refused(one.url, tokenOf(one)), [410, "agent_terminated"]);
    const other = await tenant(worker, null);
    const moved = await link(other);
    await other.change({ origin: { type: "http", url: pod.url } });
    await until("word of it", () => moved.goaways.length > 0);
    assert.deepEqual(moved.goaways, [NOT_TUNNEL]);
  });

  it("that breaks the rules is sent away", async () => {
    const one = await tenant(worker, null);
    const cases: [Buffer, number][] = [
      [frame(HELLO, 0, [9, 9]), VERSION],
      [frame(PING, 0, Buffer.alloc(8)), PROTOCOL],
      [frame(BODY, 7, "x"), PROTOCOL],
      [Buffer.from("no frame"), PROTOCOL],
      [frame(GOAWAY, 0, Buffer.alloc(4)), PROTOCOL],
    ];
    for (const [bytes, why] of cases) {
      const connector = await Connector.dial(one.url, tokenOf(one));
      connector.send(bytes);
      await over(connector);
      assert.deepEqual([connector.goaways, connector.closed], [[why], 4400 + why]);
    }
    const text = await Connector.dial(one.url, tokenOf(one));
    text.socket.send("text");
    await over(text);
    assert.deepEqual(text.goaways, [PROTOCOL]);
  });

  it("that is one too many is sent away", async () => {
    const one = await tenant(worker, null);
    for (let n = 0; n < 16; n += 1) assert.ok((await link(one, tokenOf(one), `r${n}`)).welcomed);
    const late = await link(one, tokenOf(one), "late");
    assert.deepEqual([late.welcomed, late.goaways], [false, [7]]);
    assert.equal((await one.status()).links.length, 16);
  });
});

// Who gets a socket (agent-endpoints §6): keys, tickets, and everything that is neither.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { ROOT, type RunningWorker, startWorker, together } from "../harness/index.ts";
import { issue } from "../harness/issued.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";
import { Caller, refusal } from "./caller.ts";

const PAGE = "https://app.example";

let worker: RunningWorker;
let pod: Pod;
let agent: Tenant;
let other: Tenant;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
  [agent, other] = await Promise.all([tenant(worker, pod), tenant(worker, pod)]);
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

interface Ticket {
  ticket: string;
  expires_in: number;
  protocols: string[];
}

async function ticket(of: Tenant, origin: string | null = PAGE, key = of.key): Promise<Ticket> {
  const headers = origin === null ? {} : { origin };
  const answer = await of.call("/v1/ws-ticket", { method: "POST", headers, key });
  assert.equal(answer.status, 200, answer.text);
  const made = answer.json<Ticket>();
  issue("a ticket", made.ticket);
  return made;
}

const withTicket = (made: Ticket, origin: string | null = PAGE) => ({
  protocols: made.protocols,
  headers: origin === null ? {} : { origin },
});

describe("a ticket", () => {
  it("opens a socket on its page once, which names our protocol alone", async () => {
    const made = await ticket(agent);
    assert.equal(made.expires_in, 60);
    assert.deepEqual(made.protocols, ["molti.v1", `molti.ticket.${made.ticket}`]);
    const caller = await Caller.open(agent.url, withTicket(made));
    assert.equal(caller.socket.protocol, "molti.v1");
    caller.ask("Hello", { id: "1" });
    assert.equal((await caller.last("1")).finish_reason, "stop");
    caller.close();
    assert.deepEqual(await refusal(agent.url, withTicket(made)), [401, "invalid_api_key"]);
  });

  it("is used up by an upgrade that comes to nothing, and stays so when the object goes", async () => {
    const made = await ticket(agent);
    assert.deepEqual(await refusal(agent.url, withTicket(made, "https://evil.example")), [
      401,
      "invalid_api_key",
    ]);
    await worker.evict("Agent", `ep:${agent.id}`);
    assert.deepEqual(await refusal(agent.url, withTicket(made)), [401, "invalid_api_key"]);
  });

  it("outlives the object that made it", async () => {
    const made = await ticket(agent);
    await worker.evict("Agent", `ep:${agent.id}`);
    (await Caller.open(agent.url, withTicket(made))).close();
  });

  it("opens no other agent, and nothing without its page", async () => {
    assert.deepEqual(await refusal(other.url, withTicket(await ticket(agent))), [401, "invalid_api_key"]);
    assert.deepEqual(await refusal(agent.url, withTicket(await ticket(agent), null)), [
      401,
      "invalid_api_key",
    ]);
    assert.deepEqual(await refusal(agent.url, withTicket(await ticket(agent, null))), [
      401,
      "invalid_api_key",
    ]);
    (await Caller.open(agent.url, withTicket(await ticket(agent, null), null))).close();
  });

  it("ends with its key", async () => {
    const { key, id } = await agent.newKey();
    const made = await ticket(agent, PAGE, key);
    await agent.revoke(id);
    assert.deepEqual(await refusal(agent.url, withTicket(made)), [401, "invalid_api_key"]);
  });

  it("is nothing elsewhere: not as a key, not in an address, not without our protocol", async () => {
    const made = await ticket(agent);
    const asKey = await agent.call("/v1/status", { key: made.ticket });
    assert.equal(asKey.status, 401);
    const alone = { protocols: [`molti.ticket.${made.ticket}`], headers: { origin: PAGE } };
    assert.deepEqual(await refusal(agent.url, alone), [401, "invalid_api_key"]);
    (await Caller.open(agent.url, withTicket(made))).close();
  });
});

describe("an upgrade", () => {
  it("takes a key in its header, from a program and from a page", async () => {
    (await Caller.open(agent.url, { key: agent.key })).close();
    (await Caller.open(agent.url, { key: agent.key, headers: { origin: PAGE } })).close();
    const caller = await Caller.open(agent.url, { key: agent.key, protocols: ["molti.v1"] });
    assert.equal(caller.socket.protocol, "molti.v1");
    caller.close();
  });

  it("takes nothing else", async () => {
    const refused = [401, "invalid_api_key"];
    const { key, id } = await agent.newKey();
    await agent.revoke(id);
    for (const stolen of [other.key, key, "molti_x_y", "moltc_x_y", (await ticket(agent)).ticket]) {
      assert.deepEqual(await refusal(agent.url, { key: stolen }), refused);
    }
    assert.deepEqual(await refusal(agent.url, {}), refused);
    assert.deepEqual(await refusal(agent.url, { headers: { cookie: `key=${agent.key}` } }), refused);
    assert.deepEqual(await refusal(agent.url, { protocols: ["molti.v1", agent.key] }), refused);
    assert.deepEqual(await refusal(`${agent.url}`, { protocols: ["molti.v1", "molti.ticket.x"] }), refused);
  });

  it("is refused to pages that the agent does not allow, and to keys that are confined elsewhere", async () => {
    const closed = await tenant(worker, pod, { cors: { origins: [PAGE] } });
    const headers = { origin: "https://evil.example" };
    assert.deepEqual(await refusal(closed.url, { key: closed.key, headers }), [403, "origin_not_allowed"]);
    const { key } = await closed.newKey("chat", { allowed_paths: ["/v1/chat"] });
    assert.deepEqual(await refusal(closed.url, { key }), [403, "path_not_allowed"]);
    const denied = await closed.call("/v1/ws-ticket", { method: "POST", key });
    assert.equal(denied.status, 403);
  });

  it("answers 503 where a chat answers 202, and otherwise as a chat does", async () => {
    const starting = await tenant(worker, null);
    assert.deepEqual(await refusal(starting.url, { key: starting.key }), [503, "agent_initializing"]);
    const paused = await tenant(worker, pod);
    await paused.pause();
    assert.deepEqual(await refusal(paused.url, { key: paused.key }), [503, "agent_paused"]);
    await paused.terminate();
    assert.deepEqual(await refusal(paused.url, {}), [410, "agent_terminated"]);
  });

  it("is what this path takes", async () => {
    const plain = await agent.call("/ws");
    assert.equal(plain.status, 400, plain.text);
    assert.equal((await agent.call("/ws", { method: "POST", json: {} })).status, 405);
  });
});

describe("the documents' program for sockets", () => {
  it("runs as it stands but for key and host", async () => {
    const source = readFileSync(join(ROOT, "tests", "ws", "snippet.txt"), "utf8")
      .replace("wss://abc123.agent.moltghost.io", agent.url.replace(/^http/, "ws"))
      .replace("molti_xxxxx", agent.key);
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--input-type=commonjs", "--eval", source],
      {
        cwd: ROOT,
      },
    );
    assert.equal(stdout, "You said: Hello!");
  });
});

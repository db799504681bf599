// `connect`: a pod that nobody can reach serves its agent, and what ends that.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { after, before, beforeEach, describe, it } from "node:test";
import { type Fault, type Pod, startPod } from "../fixtures/pod/index.ts";
import {
  ask,
  freePort,
  type RunningWorker,
  scratch,
  startWorker,
  together,
  until,
} from "../harness/index.ts";
import { control } from "../harness/tenant.ts";
import { Connector, running, tunnelled } from "./connector.ts";
import { owner } from "./owner.ts";
import { EXIT, Terminal } from "./program.ts";

const CHAT = "/v1/chat/completions";
const QUESTION = [{ role: "user", content: "count to 50" }];

/** A question, and what its pod does wrong. */
function body(stream: boolean, fault: Fault = {}): Record<string, unknown> {
  return { model: "demo-small", stream, messages: QUESTION, metadata: { pod: fault } };
}

describe("a pod behind moltghost connect", () => {
  let worker: RunningWorker;
  let pod: Pod;
  before(async () => {
    [worker, pod] = await together([startWorker(), startPod()]);
  });
  beforeEach(() => pod.clear());
  after(async () => {
    await worker?.stop();
    await pod?.close();
  });

  it("is live as the documents show: deploy, connect, status, key, call, stop, start, terminate", async () => {
    const user = await owner(worker);
    const id = await user.done("deploy", "my-agent");
    const connector = new Connector(user, ["my-agent", "--to", pod.url]);
    const { models } = await connector.saw("pod");
    assert.deepEqual(models, ["demo-small", "demo-large"]);
    await connector.saw("connected");
    assert.equal(await user.done("deploy", "my-agent", "--wait"), id);
    assert.match(await user.done("status", "my-agent"), /state +running/);
    assert.equal(
      await user.done("status", "my-agent", "--url"),
      `http://${id}.agent.localhost:${worker.port}`,
    );
    const key = await user.done("auth", "create-key", "--agent", "my-agent", "--name", "Production API");
    const call = () =>
      ask(`${worker.url}/agents/${id}/v1/chat`, {
        headers: { authorization: `Bearer ${key}` },
        json: { messages: [{ role: "user", content: "Hello, agent!" }], stream: false },
      });
    const answer = await call();
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.json<{ content: string }>().content, /Hello, agent!/);
    await user.done("agent", "stop", "my-agent");
    assert.equal((await call()).status, 503);
    await user.done("agent", "start", "my-agent", "--wait");
    assert.equal((await call()).status, 200);
    await user.done("agent", "terminate", "my-agent", "--yes");
    assert.equal((await call()).status, 410);
    assert.equal(await connector.ended(), EXIT.notFound);
  });

  it("is shown with its replicas, of which its owner can drain one", async () => {
    const user = await owner(worker);
    await user.done("deploy", "my-agent", "--region", "eu-west-1");
    const connect = (replica: string, region: string) =>
      new Connector(user, ["my-agent", "--to", pod.url, "--replica", replica, "--region", region]);
    const [near, far] = [connect("near", "eu-west-2"), connect("far", "us-east-1")];
    await Promise.all([near.saw("connected"), far.saw("connected")]);
    const shown = await user.done("agent", "show", "my-agent");
    assert.match(shown, /link +near, eu-west-2, up, \d+ in flight/);
    assert.match(shown, /link +far, us-east-1, up, \d+ in flight/);
    assert.match(shown, /region +eu-west-1/);
    await user.done("agent", "drain", "my-agent", "far");
    assert.equal(await far.ended(), EXIT.conflict);
    assert.doesNotMatch(await user.done("agent", "show", "my-agent"), /far/);
    const again = await user.refused(EXIT.notFound, "agent", "drain", "my-agent", "far");
    assert.match(again.message, /Those that are up: near\./);
    const nowhere = await user.run(["connect", "my-agent", "--to", pod.url, "--region", "nowhere"]);
    assert.equal(nowhere.code, EXIT.usage);
    assert.match(nowhere.stderr, /ap-southeast-1/);
    await near.kill();
  });

  it("passes every byte on, as the pod wrote it", async () => {
    const { one, terminal } = await tunnelled(worker);
    const connector = new Connector(terminal, ["any", "--to", pod.url]);
    await running(one);
    for (const fault of [{}, { split: "every" }, { crlf: true, comments: true }] as Fault[]) {
      const json = { ...body(true, fault), stream_options: { include_usage: true } };
      const through = await one.completions(json);
      const direct = await ask(`${pod.url}/v1/chat/completions`, { json });
      assert.equal(through.text, direct.text);
    }
    const called = await connector.saw("call");
    assert.ok(typeof called.ms === "number" && called.method === "GET");
    await connector.kill();
  });

  it("adds secret headers that nobody else sees", async () => {
    const { one, terminal } = await tunnelled(worker);
    const args = ["any", "--to", pod.url, "--header", "authorization=env:POD_AUTHORIZATION"];
    const connector = new Connector(terminal, args, { POD_AUTHORIZATION: "Bearer secret-of-the-pod" });
    await running(one);
    assert.equal((await one.completions(body(false))).status, 200);
    await pod.waitFor(
      (request) => request.headers.authorization === "Bearer secret-of-the-pod" && request.method === "POST",
    );
    assert.ok(!(connector.stdout + connector.stderr).includes("secret-of-the-pod"));
    await connector.kill();
  });

  it("tells the pod within 250 ms that the caller has left", async () => {
    const { one, terminal } = await tunnelled(worker);
    const connector = new Connector(terminal, ["any", "--to", pod.url]);
    await running(one);
    const leave = new AbortController();
    const response = await one.fetch("/v1/chat/completions", {
      method: "POST",
      body: JSON.stringify(body(true, { chunk_delay_ms: 20 })),
      signal: leave.signal,
    });
    const reader = response.body?.getReader();
    await reader?.read();
    const left = Date.now();
    leave.abort();
    const record = await pod.waitFor((request) => request.aborted_at !== null);
    assert.ok((record.aborted_at ?? Number.POSITIVE_INFINITY) - left <= 250);
    await reader?.cancel().catch(() => undefined);
    const told = await until("the call", () =>
      connector.told.find(({ event, path }) => event === "call" && path === "/v1/chat/completions"),
    );
    assert.equal(told.how, "cancelled");
    await connector.kill();
  });

  it("lets calls in flight end when it is told to, and takes no more", async () => {
    const { one, terminal } = await tunnelled(worker);
    const connector = new Connector(terminal, ["any", "--to", pod.url]);
    await running(one);
    const long = one.completions(body(true, { chunk_delay_ms: 20 }));
    await pod.waitFor(
      (request) => request.responded_at !== null && request.path === CHAT && request.fault !== null,
    );
    connector.signal("SIGTERM");
    await connector.saw("draining");
    const refused = await until("a refusal", async () => {
      const answer = await one.completions(body(false));
      return answer.status !== 200 && answer;
    });
    assert.equal(refused.json<{ error: { code: string } }>().error.code, "agent_unreachable");
    assert.match((await long).text, /data: \[DONE\]/);
    assert.equal(await connector.ended(), 0);
  });

  it("ends at once on a second signal, and the caller is told", async () => {
    const { one, terminal } = await tunnelled(worker);
    const connector = new Connector(terminal, ["any", "--to", pod.url]);
    await running(one);
    const long = one.completions(body(true, { stall_after_chunks: 2 }));
    await pod.waitFor(
      (request) => request.responded_at !== null && request.path === CHAT && request.fault !== null,
    );
    connector.signal("SIGTERM");
    await connector.saw("draining");
    connector.signal("SIGTERM");
    assert.equal(await connector.ended(), 130);
    const { text } = await long;
    assert.match(text, /"error"/);
    assert.ok(!text.includes("[DONE]"));
  });

  it("opens no port", async () => {
    const { one, terminal } = await tunnelled(worker);
    const connector = new Connector(terminal, ["any", "--to", pod.url]);
    await running(one);
    const folder = `/proc/${connector.child.pid}`;
    const listening = ["tcp", "tcp6", "udp", "udp6"].flatMap((name) =>
      readFileSync(`${folder}/net/${name}`, "utf8")
        .split("\n")
        .map((line) => line.trim().split(/\s+/))
        .filter((fields) => fields[3] === "0A" || (name.startsWith("udp") && fields[3] === "07"))
        .map((fields) => `socket:[${fields[9]}]`),
    );
    const own = readdirSync(`${folder}/fd`).map((fd) => readlinkSync(`${folder}/fd/${fd}`));
    assert.ok(
      own.some((name) => name.startsWith("socket:")),
      "it has sockets",
    );
    assert.deepEqual(
      own.filter((name) => listening.includes(name)),
      [],
    );
    await connector.kill();
  });

  it("gives way to a newer one of the same name, and to a new token", async () => {
    const { one, terminal } = await tunnelled(worker);
    const first = new Connector(terminal, ["any", "--to", pod.url, "--replica", "gpu-1"]);
    await first.saw("connected");
    const second = new Connector(terminal, ["any", "--to", pod.url, "--replica", "gpu-1"]);
    await second.saw("connected");
    assert.equal(await first.ended(), EXIT.conflict);
    await control(worker, `/agents/${one.id}/connect-token`, { method: "POST", json: { now: true } });
    assert.equal(await second.ended(), EXIT.credential);
  });

  it("gets a new token for another machine from agent connect-token", async () => {
    const user = await owner(worker);
    const id = await user.done("deploy", "elsewhere");
    const first = new Connector(user, ["elsewhere", "--to", pod.url]);
    await first.saw("connected");
    const token = await user.done("agent", "connect-token", "elsewhere", "--now");
    assert.match(token, new RegExp(`^moltc_${id}_[0-9A-Za-z]+$`));
    assert.equal(await first.ended(), EXIT.credential);
    const machine = new Terminal({ MOLTGHOST_API: worker.url, MOLTGHOST_CONNECT_TOKEN: token });
    const second = new Connector(machine, ["elsewhere", "--to", pod.url, "--replica", "far"]);
    await second.saw("connected");
    // It is kept here, too.
    const third = new Connector(user, ["elsewhere", "--to", pod.url]);
    await third.saw("connected");
    await second.kill();
    const logs = await until("the lost link in the log", async () => {
      const text = await user.done("logs", "elsewhere");
      return text.includes("replica.down  far") && text;
    });
    assert.match(logs, /replica\.up +far$/m);
    assert.match(logs, /replica\.up +default$/m);
    await third.kill();
  });

  it("waits for a pod that is not there yet, and says so", async () => {
    const { one, terminal } = await tunnelled(worker);
    const port = await freePort();
    const connector = new Connector(terminal, ["any", "--to", `http://127.0.0.1:${port}`]);
    await connector.saw("pod_down");
    await connector.saw("connected");
    const late = await startPod({ port });
    await control(worker, `/agents/${one.id}/start`, { method: "POST" });
    await running(one);
    await connector.saw("pod_up");
    await connector.kill();
    await late.close();
  });

  it("refuses what cannot be, and says what to do", async () => {
    const { one, terminal } = await tunnelled(worker);
    const wrong = new Terminal({ ...terminal.environment, MOLTGHOST_CONNECT_TOKEN: "moltc_no_token" });
    assert.match(
      (await wrong.refused(EXIT.credential, "connect", "any", "--to", pod.url)).next ?? "",
      /--new-token/,
    );
    for (const to of ["127.0.0.1:1", "http://user:pass@127.0.0.1"]) {
      await terminal.refused(EXIT.usage, "connect", "any", "--to", to);
    }
    await terminal.refused(EXIT.usage, "connect", "any", "--to", pod.url, "--replica", "a b");
    const user = await owner(worker);
    await user.done("deploy", "at-an-address", "--origin", pod.url);
    await user.refused(EXIT.conflict, "connect", "at-an-address", "--to", pod.url);
    const stranger = await owner(worker, "admin", one.account);
    const none = await stranger.refused(EXIT.credential, "connect", one.agent.name, "--to", pod.url);
    assert.match(none.next ?? "", /--new-token/);
    const renewed = new Connector(stranger, [one.agent.name, "--to", pod.url, "--new-token"]);
    await renewed.saw("connected");
    await renewed.kill();
    await terminal.refused(EXIT.credential, "connect", "any", "--to", pod.url);
  });
});

describe("a connector whose deployment goes", () => {
  it("comes back by itself once it is there again", async () => {
    const pod = await startPod();
    const [persist, port] = [scratch("connect"), await freePort()];
    let worker = await startWorker({ persist, port });
    const { one, terminal } = await tunnelled(worker);
    const connector = new Connector(terminal, ["any", "--to", pod.url]);
    await running(one);
    await worker.kill9();
    await connector.saw("disconnected");
    worker = await startWorker({ persist, port });
    await connector.saw("connected", 2);
    const answer = await until("an answer", async () => {
      const answer = await one.completions(body(false));
      return answer.status === 200 && answer;
    });
    assert.match(answer.text, /50/);
    await connector.kill();
    await worker.stop();
    await pod.close();
  });
});

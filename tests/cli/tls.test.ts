// The command line and the connector over TLS: whom they trust, and what they say of whom they do not.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker, together, until } from "../harness/index.ts";
import { Connector, running, tunnelled } from "./connector.ts";
import { newAccount, newToken } from "./owner.ts";
import { EXIT, Terminal } from "./program.ts";
import { Front, type Trust, trust } from "./tls.ts";

interface Check {
  check: string;
  is: "good" | "doubtful" | "bad";
  found: string;
  next: string | null;
}

const HOSTS = ["DNS:api.localhost", "DNS:*.agent.localhost", "DNS:localhost"];

describe("over TLS", () => {
  let worker: RunningWorker;
  let pod: Pod;
  let by: Trust;
  let front: Front;
  let api: string;
  let token: string;
  before(async () => {
    [worker, pod] = await together([startWorker(), startPod()]);
    token = await newToken(worker, await newAccount(worker));
    by = trust(...HOSTS);
    front = await Front.to(worker.front, by);
    api = `https://api.localhost:${front.port}`;
  });
  after(async () => {
    await front?.close();
    await worker?.stop();
    await pod?.close();
  });

  const terminal = (environment: Record<string, string> = {}) =>
    new Terminal({ MOLTGHOST_API: api, MOLTGHOST_TOKEN: token, SSL_CERT_FILE: by.ca, ...environment });

  async function check(at: Terminal, name: string): Promise<Check | undefined> {
    const { stdout } = await at.run(["doctor", "--json"]);
    return (JSON.parse(stdout) as { checks: Check[] }).checks.find((one) => one.check === name);
  }

  it("trusts the authority that SSL_CERT_FILE names", async () => {
    const { code, stderr } = await terminal().run(["agent", "list"]);
    assert.equal(code, EXIT.done, stderr);
    const tls = await check(terminal(), "TLS");
    assert.deepEqual([tls?.is, tls?.found.slice(0, 3)], ["good", "1.3"]);
  });

  it("trusts nobody else, and says what to do", async () => {
    const stranger = new Terminal({ MOLTGHOST_API: api, MOLTGHOST_TOKEN: token });
    const refusal = await stranger.refused(EXIT.unreachable, "agent", "list");
    assert.match(refusal.message, /certificate/);
    assert.match(refusal.next ?? "", /SSL_CERT_FILE/);
    const tls = await check(stranger, "TLS");
    assert.equal(tls?.is, "bad");
    assert.match(tls?.next ?? "", /SSL_CERT_FILE/);
  });

  it("says that the file which is named holds no certificate", async () => {
    const wrong = terminal({ SSL_CERT_FILE: "/nowhere/ca.pem" });
    const certificates = await check(wrong, "certificates");
    assert.equal(certificates?.is, "bad");
    assert.match(certificates?.found ?? "", /^SSL_CERT_FILE is \/nowhere\/ca\.pem, of which no certificate/);
    assert.equal((await check(wrong, "TLS"))?.is, "bad");
    assert.equal(await check(terminal(), "certificates"), undefined);
  });

  it("does not take one host's certificate for another's", async () => {
    const other = await Front.to(worker.front, trust("DNS:elsewhere.example"));
    const at = terminal({ MOLTGHOST_API: `https://api.localhost:${other.port}` });
    await at.refused(EXIT.unreachable, "agent", "list");
    await other.close();
  });

  it("speaks no TLS before 1.2, and doubts 1.2", async () => {
    const at = async (version: "TLSv1.1" | "TLSv1.2") => {
      // Node's own floor is higher.
      const weak = version === "TLSv1.1" ? { ciphers: "DEFAULT@SECLEVEL=0" } : {};
      const old = await Front.to(worker.front, by, { minVersion: version, maxVersion: version, ...weak });
      const found = await check(terminal({ MOLTGHOST_API: `https://api.localhost:${old.port}` }), "TLS");
      const { code } = await terminal({ MOLTGHOST_API: `https://api.localhost:${old.port}` }).run([
        "agent",
        "list",
      ]);
      await old.close();
      return [found?.is, code];
    };
    assert.deepEqual(await at("TLSv1.2"), ["doubtful", EXIT.done]);
    assert.equal((await at("TLSv1.1"))[1], EXIT.unreachable);
  });

  it("connects a pod, and serves its calls", async () => {
    const { one, terminal: machine } = await tunnelled(worker);
    const secure = { MOLTGHOST_API: api, SSL_CERT_FILE: by.ca };
    const connector = new Connector(machine, ["any", "--to", pod.url], secure);
    await connector.saw("connected");
    await running(one);
    const answer = await one.completions({ messages: [{ role: "user", content: "over TLS" }], stream: true });
    assert.match(answer.text, /data: \[DONE\]/);
    connector.signal("SIGTERM");
    assert.equal(await connector.ended(), EXIT.done);
  });

  it("connects to nobody whom it does not trust, and says so until it does", async () => {
    const { terminal: machine } = await tunnelled(worker);
    const connector = new Connector(machine, ["any", "--to", pod.url], { MOLTGHOST_API: api });
    const { reason } = await connector.saw("disconnected");
    assert.match(String(reason), /certificate/);
    assert.ok(connector.told.every(({ event }) => event !== "connected"));
    await connector.kill();
  });

  it("reaches a pod over TLS, too", async () => {
    const { one, terminal: machine } = await tunnelled(worker);
    const before = await Front.to(pod.url, trust("IP:127.0.0.1"));
    const distrusted = new Connector(machine, ["any", "--to", `https://127.0.0.1:${before.port}`]);
    const { reason } = await distrusted.saw("pod_down");
    assert.match(String(reason), /certificate/);
    await distrusted.kill();
    await before.close();
    const own = trust("IP:127.0.0.1");
    const secured = await Front.to(pod.url, own);
    const connector = new Connector(machine, ["any", "--to", `https://127.0.0.1:${secured.port}`], {
      SSL_CERT_FILE: own.ca,
    });
    await connector.saw("pod");
    await until("the agent to run", async () => (await one.shown()).state === "running");
    assert.equal((await one.chat({ prompt: "Hello" })).status, 200);
    await connector.kill();
    await secured.close();
  });
});

// Where a pod may be: whoever sets an origin makes the Worker send requests, so every odd way to write an inner address
// is tried through the API. In development the machine itself is allowed, our own hosts never.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type AgentDocument, uniqueName } from "../harness/tenant.ts";
import { refused, type Session, session } from "./session.ts";

/** Refused wherever the Worker runs. */
const MALFORMED = `
  ftp://pod.example ws://pod.example file:///etc/passwd javascript:alert(1) data:,x //pod.example pod.example
  https: https:// https:/// https:/pod.example https://:443 https://user@pod.example https://user:pw@pod.example
  https://@pod.example https://pod.example#f https://pod.example/# https://pod.example?q=1 https://pod.example/?
  https://pod.example\\@evil.example https://pod.example/.. https://pod.example/a/%2e%2E/b https://pod..example
  https://.example https://-a.example https://a_b.example https://a%2eexample https://pod.example:0
  https://pod.example:65536 https://pod.example:8a https://pod.example: https://é.example https://pod.example/é
  https://127.1 https://2130706433 https://0x7f000001 https://0x7f.0.0.1 https://0177.0.0.1 https://127.0.0.01
  https://1.2.3 https://1.2.3.4.5 https://1.2.3.256 https://0 https://0x https://[::1 https://[::g] https://::1
  https://[fe80::1%25eth0] https://①②⑦.0.0.1 https://127。0。0。1 https://pod.example/%zz
`;

/** Refused outside development alone. */
const INNER = `
  http://pod.example https://127.0.0.1 https://127.0.0.1. https://10.0.0.1 https://169.254.169.254 https://192.168.0.1
  https://0.0.0.0 https://8.8.8.8 https://[::1] https://[::ffff:127.0.0.1] https://[fd00::1] https://localhost
  https://LOCALHOST. https://a.localhost https://pod https://pod.local https://pod.internal https://pod.lan
  https://metadata.google.internal https://router.home.arpa https://pod.test
`;

const list = (text: string) => text.trim().split(/\s+/);

async function expectRefused(s: Session, account: string, urls: string[]): Promise<void> {
  for (const url of urls) {
    const json = { account, name: uniqueName("agent"), origin: { type: "http", url } };
    const answer = await s.call("/agents", { json });
    assert.equal(answer.status, 400, `${url}: ${answer.text}`);
    refused(answer, 400, "invalid_request", "origin.url");
  }
}

async function expectTaken(s: Session, account: string, urls: [string, string][]): Promise<void> {
  for (const [url, shown] of urls) {
    const made = await s.agent(account, { origin: { type: "http", url } });
    assert.equal(made.origin.url, shown);
  }
}

describe("origins outside development", () => {
  let s: Session;
  let account: string;
  before(async () => {
    s = await session({ vars: { DEVELOPMENT: undefined, DOMAIN: "ours.example", HOSTS: "extra.example" } });
    account = await s.account();
  });
  after(() => s?.stop());

  it("are refused where they are no plain https address of a name", () =>
    expectRefused(s, account, list(MALFORMED)));

  it("are refused where they lead inside a network", () => expectRefused(s, account, list(INNER)));

  it("are refused where they are ours", () =>
    expectRefused(
      s,
      account,
      list(`https://ours.example https://api.ours.example https://agent.ours.example https://net.ours.example
        https://x.agent.ours.example https://agent-demo.ours.example https://OURS.example. https://ours.example:8443
        https://extra.example https://mine.workers.dev https://a.b.workers.dev`),
    ));

  it("are taken in one form where they are public", () =>
    expectTaken(s, account, [
      ["https://pod.example.net", "https://pod.example.net"],
      ["HTTPS://Pod.Example.NET.:443/v1/", "https://pod.example.net/v1"],
      ["https://pod.example.net:8443", "https://pod.example.net:8443"],
      ["https://pod.ours.example", "https://pod.ours.example"],
      ["https://xn--bcher-kva.example/a%20b", "https://xn--bcher-kva.example/a%20b"],
      ["https://1.2.3.4.example", "https://1.2.3.4.example"],
    ]));

  it("are refused by a change, too, which then changes nothing", async () => {
    const made = await s.agent(account, { origin: { type: "http", url: "https://pod.example.net" } });
    const json = { model: "other", origin: { type: "http", url: "https://169.254.169.254" } };
    const answer = await s.call(`/agents/${made.id}`, { method: "PATCH", json });
    refused(answer, 400, "invalid_request", "origin.url");
    const now = await s.ok<AgentDocument>(200, `/agents/${made.id}`);
    assert.deepEqual([now.model, now.origin.url], [null, "https://pod.example.net"]);
  });
});

describe("origins in development", () => {
  let s: Session;
  let account: string;
  before(async () => {
    s = await session();
    account = await s.account();
  });
  after(() => s?.stop());

  it("may be this machine and plain http", () =>
    expectTaken(s, account, [
      ["http://127.0.0.1:9000", "http://127.0.0.1:9000"],
      ["http://localhost:9000/v1", "http://localhost:9000/v1"],
      ["http://[0:0::1]:9000", "http://[::1]:9000"],
      ["http://10.0.0.7:80", "http://10.0.0.7"],
    ]));

  it("are refused in every odd form, and where they are ours", async () => {
    await expectRefused(s, account, list(MALFORMED));
    await expectRefused(
      s,
      account,
      list("http://api.localhost:1 http://x.agent.localhost http://agent.localhost"),
    );
  });
});

describe("origins on the operator's list", () => {
  let s: Session;
  let account: string;
  before(async () => {
    s = await session({ vars: { ORIGIN_HOSTS: " Pod.example.net, *.tunnel.example" } });
    account = await s.account();
  });
  after(() => s?.stop());

  it("are taken, and no others", async () => {
    await expectTaken(s, account, [
      ["https://pod.example.net", "https://pod.example.net"],
      ["https://a.b.tunnel.example", "https://a.b.tunnel.example"],
    ]);
    await expectRefused(
      s,
      account,
      list("https://other.example https://tunnel.example https://eviltunnel.example http://127.0.0.1:9000"),
    );
  });
});

// What an attachment is ended for, and what is no upgrade of ours: floods, silence, frames that are too large, sockets of
// which one half is closed, cookies that another site's page brings along.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { RawSocket, until } from "../harness/index.ts";
import { uniqueName } from "../harness/tenant.ts";
import { targets } from "../network/against.ts";
import { Server } from "../network/server.ts";
import { BEARER, tokenValue } from "../network/setup.ts";
import { Attached, type Refused, VERSION } from "./attached.ts";

const PING = { op: "PING", version: VERSION };
const MIB = 1_048_576;

/** Close codes, as in durable/src/hub/attachment.rs. */
const REFUSED = 4400;
const SILENT = 4408;
const FLOOD = 4429;
const TOO_LARGE = 1009;

/** A PING of exactly so many bytes. */
function ping(bytes: number, filler = "x"): string {
  const empty = JSON.stringify({ ...PING, padding: "" });
  const left = bytes - Buffer.byteLength(empty);
  const width = Buffer.byteLength(filler);
  const padding = filler.repeat(Math.floor(left / width)) + "x".repeat(left % width);
  return JSON.stringify({ ...PING, padding });
}

/** How the server answers an upgrade with these headers. */
async function upgrade(server: Server, headers: Record<string, string>): Promise<number> {
  try {
    const attached = await Attached.open(server, { as: null, headers });
    attached.cut();
    return 101;
  } catch (error) {
    return (error as Refused).status;
  }
}

if (targets().includes("ours")) {
  describe("an attachment of ours", () => {
    const server = new Server("ours", BEARER);
    before(() => server.start());
    after(() => server.stop());

    const expectServed = async (): Promise<void> => {
      const attached = await Attached.ready(server, uniqueName("well"));
      attached.send(PING);
      assert.equal((await attached.next()).op, "PONG");
      await attached.close();
    };

    it("ends after ten seconds in which nobody said who it is", async () => {
      const attached = await Attached.greeted(server);
      const began = performance.now();
      await until("the end", () => attached.closed !== undefined, 30_000);
      assert.equal(attached.closed, SILENT);
      const took = performance.now() - began;
      assert.ok(took > 9_000 && took < 15_000, `${took} ms`);
    });

    it("ends with too many PINGs, and with too many frames before READY", async () => {
      const attached = await Attached.ready(server, uniqueName("flood"));
      for (let n = 0; n < 200; n += 1) {
        attached.send(PING);
      }
      await until("the end", () => attached.closed !== undefined);
      assert.equal(attached.closed, FLOOD);
      const error = attached.frames.find(({ op }) => op === "ERROR")?.error;
      assert.equal(error, "more than 100 PING and PONG frames in a second");
      const early = await Attached.greeted(server);
      early.identify(uniqueName("early"));
      for (let n = 0; n < 5_000; n += 1) {
        early.send(PING);
      }
      await until("the end", () => early.closed !== undefined);
      assert.equal(early.closed, FLOOD);
      await expectServed();
    });

    it("ends with the first of many wrong frames", async () => {
      const attached = await Attached.ready(server, uniqueName("flood"));
      for (let n = 0; n < 1_000; n += 1) {
        attached.ack(`evt_${n}`);
      }
      assert.equal(await attached.error(), "unexpected ACK cursor");
      assert.equal(attached.closed, REFUSED);
      await expectServed();
    });

    it("takes frames of up to 1 MiB in bytes, and ends with 1009 beyond", async () => {
      const attached = await Attached.ready(server, uniqueName("large"));
      for (const filler of ["x", "é", "€"]) {
        attached.send(ping(MIB, filler));
        assert.equal((await attached.next()).op, "PONG", filler);
      }
      attached.send(ping(MIB + 1));
      assert.equal(await attached.end(), TOO_LARGE);
      const wide = await Attached.ready(server, uniqueName("large"));
      wide.send(ping(MIB + 1, "€"));
      assert.equal(await wide.end(), TOO_LARGE);
      const first = await Attached.greeted(server);
      first.send(ping(MIB + 1));
      assert.equal(await first.end(), TOO_LARGE);
      await expectServed();
    });

    it("ends where its other half is closed, and never with a code that clients take for good", async () => {
      const agent = uniqueName("half");
      const socket = await RawSocket.open(server.port);
      await socket.write(
        `GET /v1/attach HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\nconnection: upgrade\r\n` +
          "upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\n" +
          `authorization: Bearer ${tokenValue("attach")}\r\n\r\n`,
      );
      await socket.waitFor("HELLO");
      const identify = { op: "IDENTIFY", version: VERSION, network_id: "local", agent: { id: agent } };
      await socket.write(masked(JSON.stringify(identify)));
      await socket.waitFor("READY");
      socket.finish();
      await until("the agent has left", async () => {
        const { connected } = await server.ok<{ connected: boolean }>(200, `/v1/agents/${agent}`);
        return !connected;
      });
      await socket.waitForClose();
      const code = closeCode(socket.received);
      assert.ok(code !== 1000 && code !== 1001, `closed with ${code}`);
    });

    it("echoes what its client closes with", async () => {
      for (const code of [1000, 1001, 3000, 4999]) {
        const attached = await Attached.ready(server, uniqueName("closing"));
        await attached.close(code);
        assert.equal(attached.closed, code);
      }
      const silent = await Attached.greeted(server);
      await silent.close();
      assert.equal(silent.closed, 1000);
    });

    it("is made by a cookie only from our own pages", async () => {
      const own = `http://127.0.0.1:${server.port}`;
      const cookie = `moltnet_auth=${tokenValue("attach")}`;
      assert.equal(await upgrade(server, { cookie, origin: own }), 101);
      assert.equal(await upgrade(server, { cookie, "sec-fetch-site": "same-origin", origin: own }), 101);
      for (const headers of [
        { origin: "https://elsewhere.example" },
        { origin: "null" },
        { "sec-fetch-site": "cross-site" },
        { "sec-fetch-site": "same-site", origin: own },
        {},
      ]) {
        assert.equal(await upgrade(server, { cookie, ...headers }), 403, JSON.stringify(headers));
      }
      // Who has a bearer token is no page that acts in another's name.
      const authorization = `Bearer ${tokenValue("attach")}`;
      assert.equal(await upgrade(server, { cookie, authorization }), 101);
    });
  });

  describe("an attachment where origins are named", () => {
    const allowed = { ALLOWED_ORIGINS: "https://app.example" };
    const server = new Server("ours", BEARER, { vars: allowed });
    before(() => server.start());
    after(() => server.stop());

    it("is made from these and no others", async () => {
      const authorization = `Bearer ${tokenValue("attach")}`;
      const from = (origin: string) => upgrade(server, { authorization, origin });
      assert.equal(await from("https://app.example"), 101);
      assert.equal(await from("https://APP.example/"), 101);
      for (const origin of [
        "https://app.example.org",
        "http://app.example",
        `http://localhost:${server.port}`,
      ]) {
        assert.equal(await from(origin), 403, origin);
      }
    });
  });

  describe("attachments at their cap", () => {
    const server = new Server("ours", BEARER, { vars: { ATTACHMENTS: "2", STREAMS_PER_IDENTITY: "1" } });
    before(() => server.start());
    after(() => server.stop());

    it("are refused, and a closed one makes room", async () => {
      const agent = uniqueName("cap");
      const first = await Attached.ready(server, agent);
      const second = await Attached.greeted(server);
      second.identify(agent);
      assert.equal(await second.error(), `agent "${agent}" already has 1 attachments; close one`);
      const other = await Attached.ready(server, uniqueName("cap"));
      const metrics = await server.ask("/metrics", { as: "admin" });
      assert.match(metrics.text, /^moltnet_active_attachments 2$/m);
      await assert.rejects(Attached.open(server), /^Error: 503 .*"service_unavailable"/);
      await first.close();
      const again = await until("room for another", () => Attached.ready(server, agent).catch(() => null));
      await again.close();
      await other.close();
    });
  });
}

/** A text frame as clients send it. */
function masked(text: string): Buffer {
  const body = Buffer.from(text);
  const head = Buffer.from([0x81, 0x80 | 126, body.length >> 8, body.length & 0xff, 0, 0, 0, 0]);
  return Buffer.concat([head, body]);
}

/** The code of the last frame of what a server sent, if that is a close frame with one. */
function closeCode(received: Buffer): number | undefined {
  const at = received.lastIndexOf(0x88);
  return at >= 0 && at + 4 <= received.length ? received.readUInt16BE(at + 2) : undefined;
}

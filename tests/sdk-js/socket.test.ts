// The SDK over a WebSocket, with Node's own class and with that of the package `ws`.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import WebSocket from "ws";
import { type AgentSocket, type ConnectOptions, MoltGhostAgent } from "../../sdk/src/index.ts";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker, together, until } from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";

let worker: RunningWorker;
let pod: Pod;
let one: Tenant;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
  one = await tenant(worker, pod);
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

const sdk = (of = one, apiKey = of.key) =>
  new MoltGhostAgent({ agentId: of.id, apiKey, endpoint: worker.url });

const LONG = { metadata: { pod: { chunks: 100_000, chunk_delay_ms: 20 } } };

const CLASSES: Record<string, ConnectOptions> = {
  "Node's own class": {},
  "the class of ws": { WebSocket: WebSocket as unknown as NonNullable<ConnectOptions["WebSocket"]> },
};

for (const [name, options] of Object.entries(CLASSES)) {
  describe(`a socket of ${name}`, () => {
    let socket: AgentSocket;
    before(async () => {
      socket = await sdk().connect(options);
    });
    after(() => socket?.close());

    it("streams chats that overlap, and answers each whole", async () => {
      const texts: string[] = [];
      const [first, second] = await Promise.all([
        socket.chat("Hello", { onChunk: (text) => texts.push(text) }),
        socket.chat([{ role: "user", content: "Goodbye" }], { max_tokens: 50 }),
      ]);
      assert.equal(first.content, "You said: Hello");
      assert.equal(texts.join(""), first.content);
      assert.ok(texts.length > 1 && first.usage.total_tokens > 0);
      assert.equal(second.content, "You said: Goodbye");
      assert.equal(second.choices[0]?.message.content, second.content);
    });

    it("ends a run at the pod when its loop is left", async () => {
      pod.clear();
      for await (const { content } of socket.chat("Go on", LONG)) {
        if (content !== "") {
          break;
        }
      }
      await pod.waitFor(({ outcome }) => outcome === "aborted");
      await socket.ping();
    });

    it("throws what the server refuses, and goes on", async () => {
      await assert.rejects(socket.chat([]), { name: "InvalidRequestError", code: "invalid_request" });
      await assert.rejects(socket.chat("x", { metadata: { pod: { not_json: true } } }), {
        name: "UpstreamError",
        code: "bad_gateway",
        status: null,
      });
      assert.equal((await socket.chat("Hello")).finish_reason, "stop");
    });

    it("fails what goes on when it closes", async () => {
      const other = await sdk().connect(options);
      const chat = other.chat("Go on", LONG);
      await chat[Symbol.asyncIterator]().next();
      other.close();
      await assert.rejects(chat, { name: "ConnectionError", code: "socket_closed" });
      await assert.rejects(other.chat("more"), { code: "socket_closed" });
      await assert.rejects(other.ping(), { code: "socket_closed" });
      await other.closed;
      await until("the slot to be free", async () => (await one.status()).in_flight === 0);
    });

    it("is told when its key is revoked", async () => {
      const { key, id } = await one.newKey();
      const other = await sdk(one, key).connect(options);
      await one.revoke(id);
      assert.equal((await other.closed).code, 4401);
    });

    it("says why it is not opened", async () => {
      const paused = await tenant(worker, pod);
      await paused.pause();
      await assert.rejects(sdk(paused).connect(options), {
        name: "AgentUnavailableError",
        code: "agent_paused",
        status: 503,
      });
      const { key, id } = await one.newKey();
      await one.revoke(id);
      await assert.rejects(sdk(one, key).connect(options), { code: "invalid_api_key", status: 401 });
      await assert.rejects(sdk().connect({ ...options, signal: AbortSignal.abort() }), {
        name: "AbortError",
      });
    });
  });
}

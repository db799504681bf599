// The harness itself: the built Worker starts, answers, survives what the kill tests do to it, and
// leaves no process behind.

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { startPod } from "../fixtures/pod/index.ts";
import {
  isRunning,
  RawSocket,
  type RunningWorker,
  scratch,
  startRawWorkerd,
  startWorker,
  together,
} from "./index.ts";

describe("a Worker with all its bindings", () => {
  let worker: RunningWorker;
  after(() => worker?.stop());

  it("answers on a socket of its own", async () => {
    worker = await startWorker();
    const answer = await worker.ask("/healthz");
    assert.equal(answer.status, 200, answer.text);
  });

  it("answers over TLS, as far as the Worker can tell", async () => {
    const answer = await worker.askOverHttps("/healthz");
    assert.equal(answer.status, 200, answer.text);
  });

  it("gets the Host header as it was sent", async () => {
    const answer = await worker.ask("/healthz", { host: "stranger.example" });
    assert.notEqual(answer.status, 200, "a host that is not ours is served");
  });

  it("has its migrations", async () => {
    const answer = await worker.ask("/readyz");
    assert.equal(answer.status, 200, answer.text);
  });

  it("takes raw bytes", async () => {
    const socket = await RawSocket.open(worker.port);
    await socket.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert.match(await socket.waitFor("\r\n\r\n"), /^HTTP\/1\.1 200 /);
    socket.close();
  });
});

describe("kill -9", () => {
  it("ends workerd for real, and the same folder starts again", async () => {
    const persist = scratch("kill");
    const first = await startWorker({ persist });
    await first.kill9();
    assert.equal(isRunning(first.pid), false);
    await assert.rejects(first.ask("/healthz"), "something still answers");

    const second = await startWorker({ persist, port: first.port });
    assert.equal(second.port, first.port);
    assert.notEqual(second.pid, first.pid);
    const answer = await second.ask("/healthz");
    await second.stop();
    assert.equal(answer.status, 200, answer.text);
    assert.equal(isRunning(second.pid), false);
  });
});

describe("D1 that is down", () => {
  it("fails every statement", async () => {
    const worker = await startWorker({ d1: "down" });
    try {
      await assert.rejects(worker.d1("SELECT 1"));
      const answer = await worker.ask("/readyz");
      assert.equal(answer.status, 503, answer.text);
    } finally {
      await worker.stop();
    }
  });
});

describe("raw workerd", () => {
  it("serves the same build", async () => {
    const workerd = await startRawWorkerd();
    try {
      const answer = await fetch(`${workerd.url}/healthz`);
      assert.equal(answer.status, 200, await answer.text());
    } finally {
      await workerd.stop();
    }
    assert.equal(isRunning(workerd.pid), false);
  });
});

describe("what is started together", () => {
  it("is there in order", async () => {
    const [pod, text] = await together([startPod(), "text"]);
    assert.equal((await fetch(`${pod.url}/v1/models`)).status, 200);
    assert.equal(text, "text");
    await pod.close();
  });

  it("is ended where one of it cannot start", async () => {
    const starting = startPod();
    const broken = new Promise<never>((_, reject) => setImmediate(reject, new Error("no port")));
    await assert.rejects(together([broken, starting]), /no port/);
    const { url } = await starting;
    await assert.rejects(fetch(`${url}/v1/models`), "the pod still answers");
  });
});

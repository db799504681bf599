// The provisioner: told which state each agent is to be in, signed as Standard Webhooks has it, at least once, in order,
// whatever fails in between; and never waited for.

import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { Webhook } from "standardwebhooks";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker, together, until } from "../harness/index.ts";
import { issue } from "../harness/issued.ts";
import { control, tenant } from "../harness/tenant.ts";

const SECRET = "whsec_bW9sdGdob3N0IHByb3Zpc2lvbmVyIHRlc3Q=";
issue("the provisioner's secret", SECRET);

/** Attempts that failed come ever more seldom. */
const PATIENCE_MS = 45_000;

interface Told {
  id: string;
  type: string;
  data: { agent: string; account: string; name: string; desired: { state: string; replicas: number } };
}

/** A receiver that believes nothing that the published verifier does not. */
class Receiver {
  readonly told: Told[] = [];
  /** Every attempt, taken or not: its id. */
  readonly attempts: string[] = [];
  readonly refused: string[] = [];
  /** What it answers; null: nothing at all. */
  status: number | null = 204;
  #server: Server | null = null;

  async listen(): Promise<string> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const headers = request.headers as Record<string, string>;
        const id = String(headers["webhook-id"]);
        this.attempts.push(id);
        if (this.status === null) {
          return;
        }
        response.writeHead(this.status, this.status === 302 ? { location: "/elsewhere" } : {});
        response.end();
        if (this.status >= 300) {
          return;
        }
        try {
          const body = new Webhook(SECRET).verify(Buffer.concat(chunks).toString(), headers) as Omit<
            Told,
            "id"
          >;
          this.told.push({ id, ...body });
        } catch (error) {
          this.refused.push(String(error));
        }
      });
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  }

  of(agent: string): string[] {
    return this.told
      .filter(({ data }) => data.agent === agent)
      .map(({ type, data }) => `${type} ${data.desired.state} ${data.desired.replicas}`);
  }

  close(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }
}

describe("the provisioner", () => {
  const receiver = new Receiver();
  let worker: RunningWorker;
  let pod: Pod;
  before(async () => {
    const PROVISIONER_URL = await receiver.listen();
    [worker, pod] = await together([
      startWorker({ vars: { PROVISIONER_URL, PROVISIONER_SECRET: SECRET } }),
      startPod(),
    ]);
  });
  after(async () => {
    receiver.close();
    await worker?.stop();
    await pod?.close();
  });

  it("is told of an agent's whole life, once and in order", async () => {
    const one = await tenant(worker, pod, { replicas: 2 });
    await one.change({ model: "other" });
    await one.change({ replicas: 3 });
    await one.change({ replicas: 3 });
    const name = `${one.agent.name}-2`;
    await one.change({ name });
    await one.pause();
    await one.pause();
    await one.start();
    await one.restart();
    await one.terminate();
    const wanted = [
      "agent.create deploying 2",
      "agent.start running 2",
      "agent.change running 3",
      "agent.change running 3",
      "agent.pause paused 0",
      "agent.start running 3",
      "agent.restart running 3",
      "agent.terminate terminated 0",
    ];
    await until("all of it", () => receiver.of(one.id).length >= wanted.length);
    assert.deepEqual(receiver.of(one.id), wanted);
    const mine = receiver.told.filter(({ data }) => data.agent === one.id);
    assert.equal(new Set(mine.map(({ id }) => id)).size, wanted.length);
    assert.deepEqual(mine[0]?.data, {
      agent: one.id,
      account: one.account,
      name: one.agent.name,
      desired: { state: "deploying", replicas: 2 },
    });
    assert.deepEqual(
      mine.map(({ data }) => data.name),
      [...Array(3).fill(one.agent.name), ...Array(5).fill(name)],
    );
    assert.deepEqual(receiver.refused, []);
    assert.equal((await one.shown()).next_step, null);
  });

  it("is told again under the same id until it has taken it, by an instance that comes after too", async () => {
    receiver.status = 500;
    const one = await tenant(worker, pod, { start: false });
    const first = await until("an attempt", () => receiver.attempts.find((id) => id.includes(one.id)));
    await worker.evict("Agent", `ep:${one.id}`);
    receiver.status = 302;
    await until("another", () => receiver.attempts.filter((id) => id === first).length >= 2, PATIENCE_MS);
    assert.deepEqual(receiver.of(one.id), []);
    receiver.status = 204;
    await until("it to be taken", () => receiver.of(one.id).length === 1, PATIENCE_MS);
    assert.equal(receiver.told.find(({ data }) => data.agent === one.id)?.id, first);
  });

  it("is never waited for", async () => {
    receiver.status = null;
    const one = await tenant(worker, pod, { start: false });
    const begun = performance.now();
    const started = await control(worker, `/agents/${one.id}/start`, { method: "POST" });
    assert.equal(started.json<{ state: string }>().state, "running");
    assert.ok(performance.now() - begun < 4_000, "the answer waited for a receiver that says nothing");
    assert.equal((await one.completions({ messages: [{ role: "user", content: "hi" }] })).status, 200);
    receiver.status = 204;
  });
});

describe("a deployment without a provisioner", () => {
  it("says what is to be done by hand", async () => {
    const [worker, pod] = await together([startWorker(), startPod()]);
    try {
      const one = await tenant(worker, pod, { start: false });
      assert.match((await one.shown()).next_step ?? "", new RegExp(`POST /api/v1/agents/${one.id}/start`));
      pod.setFault({ status: 503 });
      await control(worker, `/agents/${one.id}/start`, { method: "POST" });
      assert.match((await one.shown()).next_step ?? "", /pod/);
      pod.setFault(null);
      await one.start();
      assert.equal((await one.shown()).next_step, null);
    } finally {
      await Promise.all([worker.stop(), pod.close()]);
    }
  });

  it("is refused by name where it is half there", async () => {
    for (const [vars, name] of [
      [{ PROVISIONER_URL: "https://hook.example" }, "PROVISIONER_SECRET"],
      [{ PROVISIONER_URL: "https://hook.example", PROVISIONER_SECRET: "whsec_short" }, "PROVISIONER_SECRET"],
      [{ PROVISIONER_URL: "ftp://hook.example", PROVISIONER_SECRET: SECRET }, "PROVISIONER_URL"],
      [
        { PROVISIONER_URL: "http://hook.example", PROVISIONER_SECRET: SECRET, DEVELOPMENT: "off" },
        "PROVISIONER_URL",
      ],
    ] as const) {
      const worker = await startWorker({ vars });
      try {
        const answer = await worker.ask("/api/v1/agents");
        assert.equal(answer.status, 503, answer.text);
        const { code, message } = answer.json<{ error: { code: string; message: string } }>().error;
        assert.equal(code, "not_configured");
        assert.ok(message.startsWith(name), message);
        assert.ok(!message.includes("whsec_short"));
      } finally {
        await worker.stop();
      }
    }
  });
});

// A caller who goes away stops the run at the pod (agent-endpoints §7), and what had been said until then is counted.
//
// Figures are printed; the bounds asserted are wider than the contract's only by what a busy machine adds.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { type Fault, type Pod, startPod } from "../fixtures/pod/index.ts";
import { RawSocket, type RunningWorker, startWorker, together, until } from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";

const CHAT = "/v1/chat/completions";
const HEARTBEAT_MS = 10_000;
const SLACK_MS = 1_000;
/** Pieces that keep coming: what is written next finds out that nobody reads. */
const FLOWING: Fault = { chunks: 2_000, chunk_delay_ms: 20 };

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

function body(fault: Fault, stream: boolean, marker = "x"): Record<string, unknown> {
  return { stream, marker, messages: [{ role: "user", content: "x" }], metadata: { pod: fault } };
}

function now(): number {
  return performance.timeOrigin + performance.now();
}

/** Time from leaving until the pod saw the end of its connection. */
async function aborted(marker: string, left: number, deadlineMs: number): Promise<number> {
  const record = await pod.waitFor(
    (one) => (one.json as { marker?: string } | undefined)?.marker === marker && one.aborted_at !== null,
    deadlineMs,
  );
  return (record.aborted_at ?? 0) - left;
}

async function asked(marker: string): Promise<void> {
  await pod.waitFor((one) => (one.json as { marker?: string } | undefined)?.marker === marker);
}

/** Streams until the third piece has come, leaves, and tells how long the pod went on. */
async function leaveMidStream(one: Tenant, path: string, marker: string): Promise<number> {
  const stream = await one.open(path, { json: body(FLOWING, true, marker) });
  let text = "";
  for await (const bytes of stream.chunks) {
    text += bytes.toString();
    if (text.includes('"content":"2 ')) {
      break;
    }
  }
  const left = now();
  stream.leave();
  return aborted(marker, left, HEARTBEAT_MS + SLACK_MS);
}

/** The run is over for the agent, too. */
async function settled(one: Tenant): Promise<Awaited<ReturnType<Tenant["status"]>>> {
  return until("no run in flight", async () => {
    const status = await one.status();
    return status.in_flight === 0 && status;
  });
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

describe("a caller who leaves in mid-stream", () => {
  for (const path of [CHAT, "/v1/chat"]) {
    it(`has the run on ${path} aborted within 250 ms`, async (t) => {
      const one = await tenant(worker, pod);
      const times: number[] = [];
      for (let n = 0; n < 5; n += 1) {
        times.push(await leaveMidStream(one, path, `${path}${n}`));
      }
      t.diagnostic(
        `aborted after a median of ${median(times).toFixed(1)} ms, at most ${Math.max(...times).toFixed(1)} ms`,
      );
      assert.ok(median(times) <= SLACK_MS, `${times}`);
      const { usage } = await settled(one);
      assert.equal(usage.requests, 5);
      assert.ok(usage.completion_tokens >= 5 * 3, `${usage.completion_tokens}`);
      assert.equal(usage.by_source.counted, usage.total_tokens);
    });
  }

  it("by a reset has it aborted as soon", async () => {
    const one = await tenant(worker, pod);
    const socket = await RawSocket.open(worker.port);
    const json = JSON.stringify(body(FLOWING, true, "reset"));
    await socket.write(
      `POST ${one.path}${CHAT} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${one.key}\r\n` +
        `content-length: ${json.length}\r\n\r\n${json}`,
    );
    await socket.waitFor('"content":"2 ');
    const left = now();
    socket.reset();
    const took = await aborted("reset", left, HEARTBEAT_MS);
    assert.ok(took <= SLACK_MS, `${took} ms`);
    await settled(one);
  });

  it("one of many, leaves the others alone", async () => {
    const one = await tenant(worker, pod);
    const finite: Fault = { chunks: 60, chunk_delay_ms: 20 };
    const staying = Array.from({ length: 8 }, (_, n) => one.completions(body(finite, true, `stay${n}`)));
    await Promise.all(Array.from({ length: 8 }, (_, n) => leaveMidStream(one, CHAT, `leave${n}`)));
    for (const answer of await Promise.all(staying)) {
      assert.ok(answer.text.endsWith("data: [DONE]\n\n"));
      assert.equal(answer.text.split('"content":"').length - 1, 61);
    }
    const { usage } = await settled(one);
    assert.equal(usage.requests, 16);
  });
});

describe("a caller who leaves while nothing is written", { concurrency: true }, () => {
  const silences: Record<string, [Fault, boolean]> = {
    "before the pod's headers": [{ stall_before_headers_ms: "forever" }, false],
    "before the first token": [{ first_token_delay_ms: "forever" }, true],
    "while the pod is silent in mid-stream": [{ stall_after_chunks: 1, chunks: 9 }, true],
  };
  for (const [when, [fault, committed]] of Object.entries(silences)) {
    it(`${when} has the run aborted within one heartbeat`, async (t) => {
      const one = await tenant(worker, pod);
      const leaving = new AbortController();
      const call = one.open(CHAT, { json: body(fault, true, when), signal: leaving.signal });
      if (committed) {
        const stream = await call;
        assert.equal(stream.status, 200);
      } else {
        call.catch(() => undefined);
      }
      await asked(when);
      const left = now();
      leaving.abort();
      // What is written first after the caller has left may still be taken by the system on the way.
      const took = await aborted(when, left, 2 * HEARTBEAT_MS + SLACK_MS);
      t.diagnostic(`aborted after ${(took / 1_000).toFixed(2)} s`);
      assert.ok(took <= HEARTBEAT_MS + SLACK_MS, `${took} ms`);
      const { usage } = await settled(one);
      assert.equal(usage.requests, 1);
    });
  }

  it("in a plain call: the run ends by its own time at the latest, and is settled", async (t) => {
    const one = await tenant(worker, pod);
    const leaving = new AbortController();
    const fault: Fault = { stall_before_headers_ms: "forever" };
    const json = { ...body(fault, false, "plain"), timeout_seconds: 12 };
    const call = one.open(CHAT, { json, signal: leaving.signal });
    call.catch(() => undefined);
    await asked("plain");
    const left = now();
    leaving.abort();
    const took = await aborted("plain", left, 12_000 + 2 * SLACK_MS);
    t.diagnostic(`aborted after ${(took / 1_000).toFixed(2)} s`);
    const { usage } = await settled(one);
    assert.equal(usage.requests, 1);
    assert.equal(usage.by_source.estimated, usage.total_tokens);
  });
});

describe("a caller who reads slowly", () => {
  it("slows its own pod down and nobody else", async () => {
    const one = await tenant(worker, pod);
    const socket = await RawSocket.open(worker.port);
    try {
      socket.pause();
      const many: Fault = { chunks: 400_000, chunk_bytes: 100 };
      const json = JSON.stringify(body(many, true, "slow"));
      await socket.write(
        `POST ${one.path}${CHAT} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${one.key}\r\n` +
          `content-length: ${json.length}\r\n\r\n${json}`,
      );
      const record = await pod.waitFor((r) => (r.json as { marker?: string } | undefined)?.marker === "slow");
      // It stands still once every buffer on the way is full.
      let before = -1;
      await until("the pod to stand still", async () => {
        const stands = record.bytes_sent === before && before > 0;
        before = record.bytes_sent;
        await new Promise((resolve) => setTimeout(resolve, 400));
        return stands;
      });
      assert.ok(
        record.bytes_sent < 60_000_000,
        `${record.bytes_sent} bytes were taken for one who does not read`,
      );
      const others = await Promise.all(
        Array.from({ length: 16 }, (_, n) => one.completions(body({ chunks: 20 }, n % 2 === 0, `other${n}`))),
      );
      assert.ok(others.every((answer) => answer.status === 200 && answer.text.includes("19 ")));
      const left = now();
      socket.reset();
      const took = await aborted("slow", left, HEARTBEAT_MS);
      assert.ok(took <= SLACK_MS, `${took} ms`);
    } finally {
      socket.close();
    }
    await settled(one);
  });
});

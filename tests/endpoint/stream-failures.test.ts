// Streams that go wrong after their status line: the caller gets whole events, then an error event and an end in order;
// never a cut connection, never a false [DONE] (agent-endpoints §7).

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { type Fault, type Pod, startPod } from "../fixtures/pod/index.ts";
import { type Answer, type RunningWorker, startWorker, together } from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";

const CHAT = "/v1/chat/completions";
const PATHS = [CHAT, "/v1/chat"];

let worker: RunningWorker;
let pod: Pod;
let one: Tenant;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
  one = await tenant(worker, pod);
});
beforeEach(() => pod.clear());
after(async () => {
  await worker?.stop();
  await pod?.close();
});

/** One streaming call; the answer is read to its end, so a connection that is cut rejects. */
function stream(path: string, fault: Fault, more: Record<string, unknown> = {}): Promise<Answer> {
  const messages = [{ role: "user", content: "count to 30" }];
  return one.call(path, { json: { stream: true, messages, ...more, metadata: { pod: fault } } });
}

interface ErrorEvent {
  error: { message: string; type: string; code: string | null };
}

/** The last event, which must be an error; what came before it was whole events. */
function lastError(answer: Answer): ErrorEvent["error"] {
  assert.equal(answer.status, 200, answer.text);
  assert.ok(answer.text.endsWith("\n\n"), "the stream does not end with a whole event");
  assert.equal(answer.text.includes("[DONE]"), false, "a false [DONE]");
  const data =
    answer.text
      .trimEnd()
      .split("\n\n")
      .at(-1)
      ?.replace(/^data: /, "") ?? "";
  const { error } = JSON.parse(data) as ErrorEvent;
  assert.ok(error, data);
  return error;
}

function contents(answer: Answer): number {
  return answer.text.split('"delta":{"content":').length - 1;
}

describe("a pod that dies in the middle of a stream", () => {
  it("is told in an error event, wherever it was cut", async () => {
    for (const path of PATHS) {
      for (const cut of [0, 1, 30, 200, 201, 455, 900, 1_500]) {
        for (const fault of [
          { cut_after_bytes: cut },
          { cut_after_bytes: cut, reset: true, split: 50, split_delay_ms: 1 },
          { end_after_bytes: cut },
        ]) {
          const error = lastError(await stream(path, fault));
          assert.deepEqual(
            [error.code, error.type],
            ["bad_gateway", "upstream_error"],
            JSON.stringify(fault),
          );
        }
      }
    }
  });

  it("counts as what it had said", async () => {
    const mine = await tenant(worker, pod);
    const answer = await mine.completions({
      stream: true,
      messages: [{ role: "user", content: "count to 30" }],
      metadata: { pod: { cut_after_bytes: 1_500 } },
    });
    lastError(answer);
    const { usage, in_flight } = await mine.status();
    assert.equal(in_flight, 0);
    assert.equal(usage.requests, 1);
    assert.equal(usage.completion_tokens, contents(answer));
    assert.equal(usage.by_source.counted, usage.total_tokens);
  });

  it("after its [DONE] has done no harm", async () => {
    const whole = await stream(CHAT, {});
    const cut = await stream(CHAT, { cut_after_bytes: 1_000_000 });
    assert.equal(cut.text, whole.text);
    assert.ok(cut.text.endsWith("data: [DONE]\n\n"));
  });
});

describe("an error of the pod in the middle of a stream", () => {
  it("ends it, with the pod's own bytes on the OpenAI path and in our form on /v1/chat", async () => {
    const own = lastError(await stream(CHAT, { error_mid_stream: 3 }));
    assert.equal(own.code, "pod_fault");
    const flat = lastError(await stream("/v1/chat", { error_mid_stream: 3 }));
    assert.match(flat.message, /told to fail/);
    const none = lastError(await stream(CHAT, { error_mid_stream: 0 }));
    assert.equal(none.code, "pod_fault");
  });
});

describe("an answer that is no stream", () => {
  it("is refused before anything is committed", async () => {
    const faults: [Fault, number][] = [
      [{ html: true }, 502],
      [{ not_json: true }, 502],
      [{ body: "hello" }, 502],
      [{ body: { object: "chat.completion", choices: [] } }, 502],
      [{ redirect: "http://127.0.0.1:1/" }, 502],
      [{ no_headers_close: true }, 502],
      [{ reset: true }, 502],
      [{ status: 500 }, 502],
      [{ status: 503 }, 502],
      [{ status: 204 }, 502],
      [{ status: 400 }, 400],
      [{ status: 429 }, 429],
      [{ status: 524 }, 504],
      [{ huge_bytes: 100_000_000, content_type: "application/json" }, 502],
      [{ huge_bytes: 100_000_000, content_type: "application/octet-stream" }, 502],
    ];
    for (const path of PATHS) {
      for (const [fault, status] of faults) {
        const answer = await stream(path, fault);
        assert.equal(answer.status, status, `${path} ${JSON.stringify(fault)}: ${answer.text.slice(0, 300)}`);
        assert.equal(answer.header("content-type"), "application/json");
        assert.equal(answer.header("set-cookie"), undefined);
      }
    }
    assert.equal((await one.status()).in_flight, 0);
  });

  it("is an error event where it is declared as one and holds nothing of it", async () => {
    for (const path of PATHS) {
      for (const fault of [
        { empty: true },
        { raw: Buffer.from("<html>").toString("base64") },
        { raw: Buffer.from("data: nonsense").toString("base64") },
        { raw: Buffer.from([0xff, 0xfe, 0x00]).toString("base64") },
      ]) {
        assert.equal(lastError(await stream(path, fault)).code, "bad_gateway");
      }
    }
  });
});

describe("time that is up", () => {
  it("is an error event once the stream was committed, and the pod is aborted", async () => {
    for (const path of PATHS) {
      pod.clear();
      const answer = await stream(path, { stall_after_chunks: 2 }, { timeout_seconds: 0.6 });
      assert.equal(lastError(answer).code, "timeout");
      await pod.waitFor((record) => record.path === CHAT && record.outcome === "aborted");
    }
  });

  it("is 504 before that", async () => {
    for (const path of PATHS) {
      const answer = await stream(path, { stall_before_headers_ms: "forever" }, { timeout_seconds: 0.6 });
      assert.equal(answer.status, 504, answer.text);
      assert.equal(answer.json<ErrorEvent>().error.code, "timeout");
    }
  });

  it("changes nothing for a stream that has said [DONE]", async () => {
    const whole = await stream(CHAT, {});
    const open = await stream(CHAT, { stall_after_bytes: 1_000_000 }, { timeout_seconds: 1 });
    assert.equal(open.text, whole.text);
  });
});

describe("a stream whose pod stays open after [DONE]", () => {
  it("ends with its [DONE]: the caller does not wait for the pod", async () => {
    const began = performance.now();
    const answer = await stream(CHAT, { stall_after_bytes: 1_000_000 }, { timeout_seconds: 8 });
    assert.ok(answer.text.endsWith("data: [DONE]\n\n"));
    const took = performance.now() - began;
    assert.ok(took < 4_000, `it took ${Math.round(took)} ms`);
    assert.equal((await one.status()).in_flight, 0);
  });
});

describe("a huge stream", () => {
  it("of one event of 20 MB goes through as it comes", async () => {
    const opened = await one.open(CHAT, {
      json: {
        stream: true,
        messages: [{ role: "user", content: "x" }],
        metadata: { pod: { huge_bytes: 20_000_000 } },
      },
    });
    assert.equal(opened.status, 200);
    let bytes = 0;
    let end = "";
    for await (const piece of opened.chunks) {
      bytes += piece.length;
      end = (end + piece.toString("latin1")).slice(-40);
    }
    assert.ok(bytes > 19_900_000, `${bytes}`);
    assert.match(end, /data: \[DONE\]\n\n$/);
  });
});

// A stream whose pod is silent (agent-endpoints §7): comments keep it alive, between events only; a pod that has not
// begun after ten seconds has its stream committed, and what goes wrong from then on is an error event.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Fault, type Pod, startPod } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker, together } from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";

const CHAT = "/v1/chat/completions";
const HEARTBEAT_MS = 10_000;
const HEARTBEAT = ": ka\n";

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

interface Seen {
  status: number;
  type: string | undefined;
  /** Time to the head, and of each piece, since the call began. */
  headAt: number;
  pieces: { at: number; text: string }[];
  text: string;
}

async function watch(path: string, fault: Fault, more: Record<string, unknown> = {}): Promise<Seen> {
  const began = performance.now();
  const messages = [{ role: "user", content: "one two three" }];
  const stream = await one.open(path, {
    json: { stream: true, messages, ...more, metadata: { pod: fault } },
  });
  const seen: Seen = {
    status: stream.status,
    type: stream.headers["content-type"],
    headAt: performance.now() - began,
    pieces: [],
    text: "",
  };
  for await (const bytes of stream.chunks) {
    seen.pieces.push({ at: performance.now() - began, text: bytes.toString() });
    seen.text += bytes.toString();
  }
  return seen;
}

function about(ms: number, wanted: number): void {
  assert.ok(ms > wanted - 1_000 && ms < wanted + 2_500, `${Math.round(ms)} ms instead of ${wanted}`);
}

/** All cases wait at the same time. */
describe("a silent pod", { concurrency: true }, () => {
  it("in mid-stream: a comment between whole events within ten seconds, then an error event", async () => {
    const seen = await watch(CHAT, { stall_after_bytes: 430 }, { timeout_seconds: 11 });
    const [events = "", rest = ""] = seen.text.split(HEARTBEAT);
    assert.ok(events.endsWith("\n\n"), `half an event before the comment: ${events.slice(-80)}`);
    assert.match(rest, /^data: \{"error":.*"code":"timeout".*\}\n\n$/);
    const beat = seen.pieces.find(({ text }) => text.includes(": ka"));
    about(beat?.at ?? 0, HEARTBEAT_MS);
  });

  it("on /v1/chat too", async () => {
    const seen = await watch("/v1/chat", { stall_after_bytes: 430 }, { timeout_seconds: 11 });
    const [events = "", rest = ""] = seen.text.split(HEARTBEAT);
    assert.ok(events.endsWith("\n\n"));
    assert.match(rest, /^data: \{"error":.*"code":"timeout".*\}\n\n$/);
  });

  it("with headers and no first token: the stream is open at once and gets its comment", async () => {
    const seen = await watch(CHAT, { first_token_delay_ms: 10_700 });
    assert.ok(seen.headAt < 5_000, `${seen.headAt}`);
    assert.ok(seen.text.startsWith(HEARTBEAT));
    assert.equal(seen.text.split(": ka").length, 2);
    assert.ok(seen.text.endsWith("data: [DONE]\n\n"));
  });

  it("without headers: committed after ten seconds, and then the whole stream", async () => {
    const seen = await watch(CHAT, { stall_before_headers_ms: 10_700 });
    about(seen.headAt, HEARTBEAT_MS);
    assert.deepEqual([seen.status, seen.type], [200, "text/event-stream"]);
    assert.ok(seen.text.startsWith(HEARTBEAT));
    assert.ok(seen.text.endsWith("data: [DONE]\n\n"));
    assert.equal(seen.text.includes('"choices":[],'), false, "usage that nobody asked for");
  });

  const failures: Record<string, [Fault, string]> = {
    "a status": [{ status: 500 }, "bad_gateway"],
    "a status that would be passed on": [{ status: 429 }, "pod_fault"],
    "a page": [{ html: true }, "bad_gateway"],
    "a plain answer": [{ body: { choices: [] } }, "bad_gateway"],
    "a redirect": [{ redirect: "http://127.0.0.1:1/" }, "bad_gateway"],
    "a closed connection": [{ no_headers_close: true }, "bad_gateway"],
    "an empty stream": [{ empty: true }, "bad_gateway"],
  };
  for (const [what, [fault, code]] of Object.entries(failures)) {
    it(`that has ${what} in the end: an error event after the comment`, async () => {
      const seen = await watch(CHAT, { stall_before_headers_ms: 10_400, ...fault });
      assert.equal(seen.status, 200);
      assert.ok(seen.text.startsWith(HEARTBEAT), seen.text);
      const [, data = ""] = /^: ka\ndata: (\{.*\})\n\n$/.exec(seen.text) ?? [];
      assert.equal((JSON.parse(data) as { error: { code: string } }).error.code, code);
    });
  }

  it("that streams slowly gets no comment, as long as something comes every ten seconds", async () => {
    const seen = await watch(CHAT, { chunks: 4, chunk_delay_ms: 3_500 });
    assert.equal(seen.text.includes(": ka"), false);
    assert.ok(seen.text.endsWith("data: [DONE]\n\n"));
  });

  it("in a plain call sends nothing before its answer", async () => {
    const answer = await one.completions({
      messages: [{ role: "user", content: "x" }],
      metadata: { pod: { stall_before_headers_ms: 10_700 } },
    });
    assert.equal(answer.status, 200);
    assert.ok(answer.text.startsWith("{"));
  });
});

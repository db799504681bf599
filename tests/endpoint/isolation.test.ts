// Misbehaviour stays where it is: callers and pods of every kind at once, and every good call gets its own right
// answer. Nothing hangs, and no error is one that the contract does not know.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { answerTo, type Fault, type Pod, startPod } from "../fixtures/pod/index.ts";
import { RawSocket, type RunningWorker, startWorker, together, until } from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";

const CHAT = "/v1/chat/completions";
const PATHS = [CHAT, "/v1/chat"];
const ROUNDS = 3;
const CALLS = 64;

const FAULTS: Fault[] = [
  { html: true },
  { not_json: true },
  { empty: true },
  { status: 500 },
  { status: 429 },
  { redirect: "http://127.0.0.1:1/" },
  { cut_after_bytes: 100 },
  { end_after_bytes: 250 },
  { no_headers_close: true },
  { reset: true },
  { error_mid_stream: 2 },
  { stall_before_headers_ms: "forever" },
  { stall_after_chunks: 1 },
  { huge_bytes: 30_000_000 },
  { raw_http: Buffer.from("nonsense\r\n\r\n").toString("base64") },
  { raw: Buffer.from([0xff, 0x00]).toString("base64") },
];

/** How a fault may end: a status of the contract, or a stream with an error event. */
const BAD_STATUSES = new Set([200, 429, 502, 504]);

const BAD_BODIES: [string | Buffer, number][] = [
  ["{", 400],
  ['{"messages":[]}', 400],
  [Buffer.from([0xff]), 400],
  [`{"messages":${"[".repeat(50_000)}`, 400],
  [Buffer.alloc(10 * 1024 * 1024 + 1, 32), 413],
];

let worker: RunningWorker;
let pod: Pod;
let agents: Tenant[];

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
  agents = await Promise.all(Array.from({ length: 3 }, () => tenant(worker, pod, { timeout_seconds: 20 })));
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

function pick<T>(list: readonly T[], at: number): T {
  return list[at % list.length] as T;
}

/** A good call: its answer holds its own words and no one else's. */
async function good(n: number): Promise<void> {
  const content = `call ${n} of many ${"·".repeat(n % 7)}`;
  const fault: Fault = pick([{}, { split: 9 }, { chunk_delay_ms: 3 }, { chunked: true }, { crlf: true }], n);
  const stream = n % 3 !== 0;
  const path = pick(PATHS, n >> 1);
  const messages = [{ role: "user", content }];
  const answer = await pick(agents, n).call(path, { json: { stream, messages, metadata: { pod: fault } } });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(stream ? spoken(answer.text) : said(answer.json()), answerTo(content));
  if (stream) {
    assert.match(answer.text, /data: \[DONE\]\r?\n\r?\n$/);
  }
}

interface Choices {
  choices: { message?: { content: string }; delta?: { content?: string } }[];
}

function said(body: Choices): string {
  return body.choices[0]?.message?.content ?? "";
}

function spoken(text: string): string {
  const events = text.split(/\r?\n\r?\n/).map((event) => event.replace(/^data: /, ""));
  const chunks = events.filter((data) => data.startsWith("{")).map((data) => JSON.parse(data) as Choices);
  return chunks.map(({ choices }) => choices[0]?.delta?.content ?? "").join("");
}

/** A call whose pod misbehaves. */
async function faulty(n: number): Promise<void> {
  const fault = pick(FAULTS, n);
  const stream = (n + Math.floor(n / CALLS)) % 2 === 0;
  const json = {
    stream,
    messages: [{ role: "user", content: "x" }],
    timeout_seconds: 2,
    metadata: { pod: fault },
  };
  // Judged by the contract, but for events of a pod that sends nonsense and answers of 30 MB.
  const events = "huge_bytes" in fault || "error_mid_stream" in fault ? ("unchecked" as const) : undefined;
  const answer = await pick(agents, n).call(CHAT, { json, ...(events && { events }) });
  assert.ok(BAD_STATUSES.has(answer.status), `${JSON.stringify(fault)}: ${answer.status}`);
}

/** A caller that misbehaves. */
async function rude(n: number): Promise<void> {
  const one = pick(agents, n);
  const [body, status] = pick(BAD_BODIES, n);
  const answer = await one.call(pick(PATHS, n), { method: "POST", body });
  assert.equal(answer.status, status, answer.text);
}

/** A caller that leaves, before or after the first bytes. */
async function fleeting(n: number): Promise<void> {
  const one = pick(agents, n);
  const json = JSON.stringify({
    stream: true,
    messages: [{ role: "user", content: "x" }],
    timeout_seconds: 5,
    metadata: { pod: { chunks: 500, chunk_delay_ms: 10 } },
  });
  const socket = await RawSocket.open(worker.port);
  const head = `POST ${one.path}${CHAT} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${one.key}`;
  const cut = n % 2 === 0 ? json.slice(0, 40) : json;
  await socket.write(`${head}\r\ncontent-length: ${json.length}\r\n\r\n${cut}`);
  if (n % 2 === 1) {
    await socket.waitFor('"content"');
  }
  if (n % 4 === 1) {
    socket.pause();
  }
  socket.reset();
}

describe("64 calls at once, most of them bad", { timeout: 120_000 }, () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    it(`leave every good one alone (${round + 1} of ${ROUNDS})`, async () => {
      const kinds = [good, faulty, good, rude, good, faulty, fleeting, good];
      // Each kind counts by itself, so that each goes through all that it has.
      const counts = new Map(kinds.map((kind) => [kind, round * CALLS]));
      const calls = Array.from({ length: CALLS }, (_, n) => {
        const kind = pick(kinds, n);
        const count = counts.get(kind) ?? 0;
        counts.set(kind, count + 1);
        return kind(count);
      });
      const failed = (await Promise.allSettled(calls)).flatMap((result, n) =>
        result.status === "rejected" ? [`${pick(kinds, n).name} ${n}: ${result.reason}`] : [],
      );
      assert.deepEqual(failed, []);
    });
  }

  it("leave no run in flight and nothing broken inside", async () => {
    for (const one of agents) {
      await until("no run in flight", async () => (await one.status()).in_flight === 0, 30_000);
    }
    const inside = worker.logs.filter(({ message }) =>
      /internal_error|object_failed|entry failed|panicked|Critical/.test(message),
    );
    assert.deepEqual(inside, []);
    await Promise.all(Array.from({ length: 16 }, (_, n) => good(n)));
  });
});

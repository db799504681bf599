// Streams that go well: the caller gets the pod's own bytes, however they were cut, but for the one chunk that it did
// not ask for (agent-endpoints §7).

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { answerTo, type Fault, type Pod, startPod, tokens, UNICODE_SAMPLE } from "../fixtures/pod/index.ts";
import { type Answer, type RunningWorker, startWorker, together } from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";

const CHAT = "/v1/chat/completions";
const WITH_USAGE = { stream_options: { include_usage: true } };

let worker: RunningWorker;
let pod: Pod;
let one: Tenant;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
  one = await tenant(worker, pod);
});
beforeEach(() => {
  pod.setFault(null);
  pod.clear();
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

function ask(content: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { stream: true, messages: [{ role: "user", content }], ...more };
}

/** What the pod says to a caller that asks it itself. */
async function direct(body: Record<string, unknown>, fault: Fault = {}): Promise<string> {
  const metadata = { pod: fault };
  const answer = await fetch(pod.url + CHAT, { method: "POST", body: JSON.stringify({ ...body, metadata }) });
  return answer.text();
}

async function through(body: Record<string, unknown>, fault: Fault = {}, path = CHAT): Promise<Answer> {
  const answer = await one.call(path, { json: { ...body, metadata: { pod: fault } } });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.header("content-type"), "text/event-stream");
  assert.equal(answer.header("cache-control"), "no-store, no-cache, no-transform");
  assert.equal(answer.header("content-encoding"), undefined);
  return answer;
}

interface Chunk {
  id: string;
  choices: { delta: { content?: string }; finish_reason: string | null }[];
  usage?: { total_tokens: number; tokens?: number; source?: string } | null;
  content?: string;
  done?: boolean;
  finish_reason?: string | null;
}

/** The data of every event. */
function events(text: string): string[] {
  const lines = text.split(/\r\n\r\n|\n\n/).filter((event) => event !== "" && !event.startsWith(":"));
  return lines.map((event) => event.replace(/^data: /, ""));
}

function chunks(text: string): Chunk[] {
  return events(text)
    .filter((data) => data !== "[DONE]")
    .map((data) => JSON.parse(data) as Chunk);
}

/** The stream without its usage chunk, cut out by hand. */
function withoutUsage(text: string): string {
  return text
    .split(/(?<=\r\n\r\n|\n\n)/)
    .filter((event) => !event.includes('"choices":[],"usage"'))
    .join("");
}

describe("the bytes of a stream", () => {
  const splits: Record<string, Fault> = {
    "in one piece": {},
    "byte for byte": { split: "every" },
    "in threes": { split: 3 },
    "with CRLF, byte for byte": { crlf: true, split: "every" },
    "with CRLF in fives": { crlf: true, split: 5 },
    "with comments, in sevens": { comments: true, split: 7 },
    "with comments and CRLF, byte for byte": { comments: true, crlf: true, split: "every" },
    "in network pieces": { split: 61, split_delay_ms: 1 },
  };
  for (const [how, fault] of Object.entries(splits)) {
    it(`are the pod's when they come ${how}`, async () => {
      const shape: Fault = { crlf: fault.crlf ?? false, comments: fault.comments ?? false };
      for (const text of fault.split === "every" ? ["unicode"] : ["unicode", "count to 40"]) {
        const asked = ask(text, WITH_USAGE);
        const whole = await direct(asked, shape);
        assert.equal((await through(asked, fault)).text, whole);
        const rest = (await through(ask(text), fault)).text;
        assert.equal(rest, withoutUsage(whole));
        assert.notEqual(rest, whole);
      }
    });
  }

  it("are the same for cuts at every place of a recorded stream", async () => {
    const asked = ask("unicode", WITH_USAGE);
    const whole = await direct(asked);
    const length = Buffer.byteLength(whole);
    const step = Math.max(1, Math.floor(length / 60));
    const places = Array.from({ length: 60 }, (_, n) => 1 + n * step).filter((place) => place < length);
    for (let at = 0; at < places.length; at += 6) {
      const some = places.slice(at, at + 6);
      const answers = await Promise.all(
        some.map((place) => through(asked, { split: [place], split_delay_ms: 5 })),
      );
      for (const [n, answer] of answers.entries()) {
        assert.equal(answer.text, whole, `cut at ${some[n]}`);
      }
    }
  });

  it("pass with fields that nobody knows, odd line ends and an event of a mebibyte", async () => {
    const big = JSON.stringify({
      id: "x",
      object: "chat.completion.chunk",
      created: 1,
      model: "m",
      choices: [{ index: 0, delta: { content: "é".repeat(700_000) }, finish_reason: null }],
    });
    const stop =
      '{"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":' +
      '[{"index":0,"delta":{},"finish_reason":"stop","new_field":[1, 2]}],"x_groq":{"id":"y"}}';
    const odd = `\uFEFFid: 7\ndata:${stop.replace("stop", "x").replace('"x"', "null")}\n\ndata: ${big}\n\ndata: ${stop}\r\n\r\ndata: [DONE]\n\n`;
    pod.setFault({ path: CHAT, raw: Buffer.from(odd).toString("base64") });
    const answer = await one.completions(ask("x"), { events: "unchecked" });
    assert.equal(answer.text, odd);
  });
});

describe("usage in a stream", () => {
  it("is always asked of the pod, and other options stay", async () => {
    await through(ask("x"));
    await through(ask("x", { stream_options: { include_usage: false, other: 1 } }));
    await through(ask("x", WITH_USAGE));
    const options = pod.requests.map((record) => (record.json as { stream_options: unknown }).stream_options);
    const all = { include_usage: true };
    assert.deepEqual(options, [all, { ...all, other: 1 }, all]);
  });

  it("is not asked for where nothing streams", async () => {
    await one.completions(ask("x", { stream: false }));
    assert.equal(pod.requests.at(-1)?.text.includes("stream_options"), false);
  });

  it("beside the finish reason is no chunk of its own and stays", async () => {
    for (const more of [{}, WITH_USAGE]) {
      const text = (await through(ask("hello", more), { usage_in_last_chunk: true })).text;
      assert.equal(text, await direct(ask("hello", more), { usage_in_last_chunk: true }));
      assert.ok(chunks(text).at(-1)?.usage);
    }
  });

  it("that never comes changes nothing", async () => {
    for (const more of [{}, WITH_USAGE]) {
      const text = (await through(ask("hello", more), { no_usage: true })).text;
      assert.equal(text, await direct(ask("hello", more), { no_usage: true }));
    }
  });

  it("is settled as the pod reported it, else counted", async () => {
    const mine = await tenant(worker, pod);
    const json = { stream: true, messages: [{ role: "user", content: "one two three" }] };
    await mine.completions(json);
    const reported = (await mine.status()).usage;
    assert.equal(reported.by_source.reported, reported.total_tokens);
    assert.ok(reported.total_tokens > 0);
    await mine.completions({ ...json, metadata: { pod: { no_usage: true } } });
    const counted = (await mine.status()).usage;
    const pieces = tokens(answerTo("one two three")).length;
    assert.equal(counted.requests, 2);
    assert.ok(counted.by_source.counted > pieces);
    assert.equal(counted.completion_tokens, reported.completion_tokens + pieces);
  });
});

describe("a stream without [DONE]", () => {
  it("that has finished is passed on as it is", async () => {
    const text = (await through(ask("hello"), { no_done: true })).text;
    assert.equal(text, withoutUsage(await direct(ask("hello", WITH_USAGE), { no_done: true })));
    assert.equal(text.includes("[DONE]"), false);
    assert.equal(text.includes('"error"'), false);
  });

  it("ends in [DONE] on /v1/chat, whose last event says that it is", async () => {
    const text = (await through(ask("hello"), { no_done: true }, "/v1/chat")).text;
    assert.equal(events(text).at(-1), "[DONE]");
    assert.equal(chunks(text).at(-1)?.done, true);
  });

  it("that ends after its [DONE] with more is cut there", async () => {
    const whole = withoutUsage(await direct(ask("hello", WITH_USAGE)));
    const more = `${whole}data: {"choices":[]}\n\ndata: x\n\n`;
    pod.setFault({ path: CHAT, raw: Buffer.from(more).toString("base64") });
    assert.equal((await through(ask("hello"))).text, whole);
  });
});

describe("the stream of /v1/chat", () => {
  it("has chunks with flat fields under our id, and usage in the last one", async () => {
    for (const fault of [
      {},
      { split: "every" as const },
      { crlf: true, comments: true },
      { usage_in_last_chunk: true },
    ]) {
      const answer = await through(ask("unicode"), fault, "/v1/chat");
      const list = chunks(answer.text);
      assert.equal(list.map(({ content }) => content).join(""), UNICODE_SAMPLE);
      const deltas = list.map(({ choices }) => choices[0]?.delta.content ?? "");
      assert.deepEqual(
        list.map(({ content }) => content),
        deltas,
      );
      const id = (answer.header("x-moltghost-run-id") ?? "").replace("run_", "msg_");
      assert.ok(list.every((chunk) => chunk.id === id));
      assert.deepEqual(
        list.filter(({ done }) => done),
        [list.at(-1)],
      );
      const last = list.at(-1);
      assert.equal(last?.finish_reason, "stop");
      assert.equal(last?.usage?.source, "reported");
      assert.equal(last?.usage?.tokens, last?.usage?.total_tokens);
      assert.equal(events(answer.text).at(-1), "[DONE]");
    }
  });

  it("says that usage was counted where the pod gave none", async () => {
    const answer = await through(ask("one two"), { no_usage: true }, "/v1/chat");
    const usage = chunks(answer.text).at(-1)?.usage;
    assert.equal(usage?.source, "counted");
  });
});

describe("a fast stream", () => {
  it("of 5,000 chunks arrives whole and in order", async () => {
    const answer = await through(ask("x"), { chunks: 5_000, chunk_bytes: 16 });
    const said = chunks(answer.text).flatMap(({ choices }) => choices[0]?.delta.content || []);
    assert.equal(said.length, 5_000);
    assert.ok(said.every((text, n) => text.startsWith(`${n} `)));
  });

  it("passes the first token on while the rest is still to come", async () => {
    const stream = await one.open(CHAT, {
      json: ask("x", { metadata: { pod: { chunks: 500, chunk_delay_ms: 20 } } }),
    });
    let seen = "";
    for await (const bytes of stream.chunks) {
      seen += bytes.toString();
      if (seen.includes('"content":"0 ')) {
        break;
      }
    }
    stream.leave();
    assert.equal(pod.requests.at(-1)?.outcome, null, "the pod had not finished");
  });
});

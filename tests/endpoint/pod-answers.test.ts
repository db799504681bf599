// What becomes of a plain answer that cannot be passed on (agent-endpoints §7, §9): each misbehaviour of a pod has its
// documented error, and none lets a pod's cookies, pages or redirects through.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { type Fault, type Pod, startPod } from "../fixtures/pod/index.ts";
import { type Answer, freePort, type RunningWorker, startWorker, together } from "../harness/index.ts";
import { control, type Tenant, tenant } from "../harness/tenant.ts";

const CHAT = "/v1/chat/completions";
const MESSAGES = [{ role: "user", content: "hello" }];

interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null };
}

let worker: RunningWorker;
let pod: Pod;
let one: Tenant;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
  one = await tenant(worker, pod, { originHeaders: { "x-origin-secret": "hush" } });
});
beforeEach(() => {
  pod.setFault(null);
  pod.clear();
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

/** One call of each shape, plain, against a pod with this fault. */
async function each(fault: Fault, check: (answer: Answer) => void, more: object = {}): Promise<void> {
  for (const path of [CHAT, "/v1/chat"]) {
    check(await one.call(path, { json: { messages: MESSAGES, metadata: { pod: fault }, ...more } }));
  }
}

function expectBadGateway(answer: Answer): void {
  assert.equal(answer.status, 502, answer.text);
  assert.equal(answer.json<ErrorBody>().error.code, "bad_gateway");
  assert.equal(answer.header("set-cookie"), undefined);
  assert.match(answer.header("x-moltghost-run-id") ?? "", /^run_/);
}

describe("an answer that is none", () => {
  const faults: Record<string, Fault> = {
    "a page with cookies": { html: true },
    "what says that it is JSON and is not": { not_json: true },
    nothing: { empty: true },
    "nothing, without a length": { empty: true, chunked: true },
    "half an answer": { cut_after_bytes: 60 },
    "half an answer without a length": { cut_after_bytes: 60, chunked: true },
    "half an answer that ends in order": { end_after_bytes: 60 },
    "a lie about its length": { headers: { "content-length": "20" } },
    "a closed connection": { no_headers_close: true },
    "a reset": { reset: true },
    "bytes that are not HTTP": { raw_http: Buffer.from("\u0000\u0001 nonsense\r\n\r\n").toString("base64") },
    "another JSON document": { body: { hello: "world" } },
    "a JSON list": { body: [1, 2] },
    "choices that are no list": { body: { choices: 1 } },
    "an error object under 200": { body: { error: { message: "no" } } },
    "bytes that are not UTF-8": {
      raw: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString("base64"),
    },
    "a declared compression": { headers: { "content-encoding": "gzip" } },
    "plain text": { body: "hello" },
  };
  for (const [what, fault] of Object.entries(faults)) {
    it(`${what} is a bad gateway`, async () => {
      await each(fault, expectBadGateway);
    });
  }

  it("100 MB is a bad gateway, declared or not, and leaves the pod at once", async () => {
    for (const chunked of [false, true]) {
      pod.clear();
      await each({ huge_bytes: 100_000_000, chunked }, expectBadGateway);
      for (const record of pod.requests) {
        assert.ok(record.bytes_sent < 60_000_000, `${record.bytes_sent} bytes were taken`);
      }
    }
  });

  it("a large one that fits passes whole", async () => {
    const answer = await one.completions({
      messages: MESSAGES,
      metadata: { pod: { huge_bytes: 8_000_000 } },
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.bytes.length, 8_000_000);
  });
});

describe("a redirect", () => {
  it("is never followed: the origin's secret headers go nowhere", async () => {
    const elsewhere = await startPod();
    try {
      for (const status of [301, 302, 303, 307, 308]) {
        await each({ redirect: `${elsewhere.url}/stolen`, status }, expectBadGateway);
      }
      await each({ redirect: "/v1/models" }, expectBadGateway);
      assert.equal(elsewhere.requests.length, 0);
      assert.ok(pod.requests.every((record) => record.path === CHAT));
      assert.ok(pod.requests.every((record) => record.headers["x-origin-secret"] === "hush"));
    } finally {
      await elsewhere.close();
    }
  });
});

describe("a status", () => {
  const passed = [400, 404, 409, 413, 422, 429];

  it("that a caller can mend is passed on with the pod's own words", async () => {
    for (const status of passed) {
      const error = {
        message: "too long",
        type: "their_type",
        param: "messages",
        code: "context_length_exceeded",
      };
      await each({ status, body: { error } }, (answer) => {
        assert.equal(answer.status, status, answer.text);
        assert.deepEqual(answer.json<ErrorBody>().error, error);
        assert.equal(answer.header("x-should-retry"), String(status === 429));
      });
    }
  });

  it("of any other kind is a bad gateway", async () => {
    const others = Array.from({ length: 200 }, (_, n) => n + 400).filter(
      (status) => !passed.includes(status) && status !== 524,
    );
    for (const status of others) {
      const answer = await one.completions({ messages: MESSAGES, metadata: { pod: { status } } });
      expectBadGateway(answer);
      const again = [503, 521, 522, 523].includes(status);
      assert.equal(answer.header("x-should-retry"), String(again), `${status}`);
    }
  });

  it("524, a proxy that gave up waiting, is a timeout", async () => {
    await each({ status: 524 }, (answer) => {
      assert.equal(answer.status, 504, answer.text);
      assert.equal(answer.json<ErrorBody>().error.code, "timeout");
    });
  });

  it("of success but 200 is a bad gateway", async () => {
    for (const status of [201, 202, 204, 206, 299]) {
      await each({ status }, expectBadGateway);
    }
  });

  it("401 and 403 of a pod are not the caller's: no answer asks for another key", async () => {
    for (const status of [401, 403, 407]) {
      await each({ status, headers: { "www-authenticate": "Basic" } }, (answer) => {
        expectBadGateway(answer);
        assert.equal(answer.header("www-authenticate"), undefined);
      });
    }
  });

  it("that is passed on without an error object becomes a bad gateway", async () => {
    for (const status of [400, 404, 409, 422]) {
      await each({ status, body: "<h1>no</h1>", content_type: "text/html" }, expectBadGateway);
    }
  });

  it("429 tells when to come back: the pod's own time within 1 to 59 s, 5 s where it names none", async () => {
    for (const [given, seconds] of [
      ["7", "7"],
      ["0", "1"],
      ["3600", "59"],
      [undefined, "5"],
      ["nonsense", "5"],
      [new Date(Date.now() + 3_600_000).toUTCString(), "59"],
      [new Date(Date.now() - 3_600_000).toUTCString(), "1"],
    ] as const) {
      const headers = given === undefined ? {} : { "retry-after": given };
      await each({ status: 429, headers }, (answer) => {
        assert.equal(answer.status, 429, answer.text);
        assert.equal(answer.header("retry-after"), seconds, `retry-after: ${given}`);
      });
    }
    const exact = { "retry-after": "7", "retry-after-ms": "1500" };
    await each({ status: 429, headers: exact }, (answer) => {
      assert.equal(answer.header("retry-after-ms"), "1500");
      assert.equal(answer.header("retry-after"), "2");
    });
  });
});

describe("usage that no run can have had", () => {
  it("is no figure, and what the agent used can still be read", async () => {
    const boaster = await tenant(worker, pod);
    const most = "18446744073709551615";
    const usage = `"usage":{"prompt_tokens":${most},"completion_tokens":${most},"total_tokens":${most}}`;
    const choice = '{"index":0,"message":{"role":"assistant","content":"four"},"finish_reason":"stop"}';
    const head = '"id":"x","object":"chat.completion","created":1,"model":"m"';
    const body = `{${head},"choices":[${choice}],${usage}}`;
    const raw = Buffer.from(body).toString("base64");
    const fault = { raw, content_type: "application/json" };
    for (let calls = 0; calls < 3; calls += 1) {
      // An answer of that many tokens may be asked for; what is reserved for it fits, too.
      const json = { messages: MESSAGES, metadata: { pod: fault } };
      const asked = JSON.stringify(json).replace(/}$/, `,"max_tokens":${most},"n":128}`);
      const answer = await boaster.call(CHAT, { method: "POST", body: asked });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.text, body);
    }
    const flat = await boaster.chat({ messages: MESSAGES, metadata: { pod: fault } });
    assert.equal(flat.json<{ usage: { source: string } }>().usage.source, "estimated");
    const status = await boaster.status();
    assert.equal(status.usage.requests, 4);
    assert.ok(status.usage.total_tokens < 10_000, JSON.stringify(status.usage));
    const shown = await control(worker, `/agents/${boaster.id}/usage`);
    assert.equal(shown.status, 200, shown.text);
  });
});

describe("a pod that cannot be reached", () => {
  it("is a bad gateway", async () => {
    const gone = await startPod();
    const lost = await tenant(worker, gone);
    await gone.close();
    for (const stream of [false, true]) {
      expectBadGateway(await lost.completions({ messages: MESSAGES, stream }));
    }
    const { in_flight } = await lost.status();
    assert.equal(in_flight, 0);
  });

  it("never answers a probe, so the agent does not run", async () => {
    const nowhere = { url: `http://127.0.0.1:${await freePort()}` };
    const lost = await tenant(worker, nowhere, { start: false });
    const started = await control(worker, `/agents/${lost.id}/start`, { method: "POST" });
    assert.equal(started.status, 200, started.text);
    const { state, reason } = await lost.shown();
    assert.equal(state, "initializing");
    assert.match(reason ?? "", /cannot be reached/);
  });
});

describe("time", () => {
  it("is up where the pod stalls: 504, the pod aborted, the agent's or the caller's limit", async () => {
    const quick = await tenant(worker, pod, { timeout_seconds: 1 });
    const stalls: Fault[] = [
      { stall_before_headers_ms: "forever" },
      { first_token_delay_ms: "forever" },
      { stall_after_bytes: 30 },
    ];
    await Promise.all(
      stalls.flatMap((fault) => [
        expectTimeout(
          one.completions({ messages: MESSAGES, timeout_seconds: 0.8, metadata: { pod: fault } }),
        ),
        expectTimeout(one.chat({ messages: MESSAGES, timeout_seconds: 0.8, metadata: { pod: fault } })),
        expectTimeout(quick.completions({ messages: MESSAGES, metadata: { pod: fault } })),
      ]),
    );
    await pod.waitFor((_, all) => all.filter((r) => r.path === CHAT).every((r) => r.outcome === "aborted"));
    for (const record of pod.requests.filter((r) => r.path === CHAT)) {
      assert.equal("timeout_seconds" in (record.json as object), false);
    }
  });

  it("is not more than the agent allows", async () => {
    const quick = await tenant(worker, pod, { limits: { max_timeout_seconds: 1 } });
    const fault = { stall_before_headers_ms: "forever" };
    await expectTimeout(
      quick.completions({ messages: MESSAGES, timeout_seconds: 3_600, metadata: { pod: fault } }),
    );
  });

  async function expectTimeout(call: Promise<Answer>): Promise<void> {
    const answer = await call;
    assert.equal(answer.status, 504, answer.text);
    assert.equal(answer.json<ErrorBody>().error.code, "timeout");
    assert.equal(answer.header("x-should-retry"), "false");
  }
});

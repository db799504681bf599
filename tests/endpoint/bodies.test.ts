// Request bodies that are not what a call takes: malformed, too large, compressed, of the wrong kind. Each gets the
// documented error, and none reaches the pod.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import {
  type Answer,
  RawSocket,
  type RunningWorker,
  startWorker,
  together,
  until,
} from "../harness/index.ts";
import { expectDocumented } from "../harness/openapi.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";

const CHAT = "/v1/chat/completions";
const LIMIT = 2_000;
const MIB = 1024 * 1024;
/** What an endpoint reads of a body at most, whatever its agent takes. */
const MOST_BODY = 25 * MIB;
const ASK = { messages: [{ role: "user", content: "hello" }] };

interface ErrorBody {
  error: { message: string; param: string | null; code: string };
}

let worker: RunningWorker;
let pod: Pod;
let one: Tenant;
let small: Tenant;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
  [one, small] = await Promise.all([
    tenant(worker, pod),
    tenant(worker, pod, { limits: { body_bytes: LIMIT } }),
  ]);
});
beforeEach(() => pod.clear());
after(async () => {
  await worker?.stop();
  await pod?.close();
});

type Headers = Record<string, string>;

function post(to: Tenant, body: string | Uint8Array, headers: Headers = {}, path = CHAT): Promise<Answer> {
  return to.call(path, { method: "POST", body, headers });
}

function expectError(answer: Answer, status: number, code: string, param?: string | null): string {
  assert.equal(answer.status, status, answer.text);
  const { error } = answer.json<ErrorBody>();
  assert.ok(code.split("|").includes(error.code), `${error.code}: ${error.message}`);
  if (param !== undefined) {
    assert.equal(error.param, param, error.message);
  }
  assert.equal(answer.header("x-should-retry"), "false");
  return error.message;
}

/** A body of exactly this many bytes. */
function sized(bytes: number): string {
  const around = JSON.stringify({ messages: [{ role: "user", content: "" }] }).length;
  return JSON.stringify({ messages: [{ role: "user", content: "x".repeat(bytes - around) }] });
}

const chunked = { "transfer-encoding": "chunked" };
const gzipped = { "content-encoding": "gzip" };

describe("a body that is not JSON", () => {
  it("is refused with line and column", async () => {
    for (const [body, place] of [
      ["", /line 1/],
      ["{", /line 1, column 2/],
      ['{"messages":[}', /line 1, column 14/],
      ['{\n "messages": [{"role":"user"}],\n nope }', /line 3, column 2/],
      ['{"messages":[{"role":"user","content":"a\nb"}]}', /line 1/],
      ['{"messages":[{"role":"user","content":"cut', /line 1/],
      [`${JSON.stringify(ASK)} {}`, /line 1/],
      ["'messages'", /line 1/],
      ["<html></html>", /line 1, column 1/],
    ] as const) {
      for (const path of [CHAT, "/v1/chat"]) {
        const message = expectError(await post(one, body, {}, path), 400, "invalid_json");
        assert.match(message, place, body);
      }
    }
    assert.equal(pod.requests.length, 0);
  });

  it("is refused where it is not UTF-8", async () => {
    const text = Buffer.from(JSON.stringify(ASK));
    for (const bad of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xc0, 0xaf]]) {
      const at = text.indexOf("hello");
      const body = Buffer.concat([text.subarray(0, at), Buffer.from(bad), text.subarray(at)]);
      expectError(await post(one, body), 400, "invalid_json");
    }
    const utf16 = Buffer.from(JSON.stringify(ASK), "utf16le");
    expectError(await post(one, utf16), 400, "invalid_json");
    assert.equal(pod.requests.length, 0);
  });

  it("is refused where it is nested without end, and nothing overflows", async () => {
    for (const depth of [1_000, 100_000, 1_500_000]) {
      for (const [open, close] of [
        ["[", "]"],
        ['{"a":', "}"],
      ] as const) {
        const nested = `${open.repeat(depth)}1${close.repeat(depth)}`;
        const body = `{"messages":[{"role":"user","content":"x"}],"x":${nested}}`;
        expectError(await post(one, body), 400, "invalid_json");
      }
    }
    const fine = await post(one, JSON.stringify({ ...ASK, x: JSON.parse("[".repeat(50) + "]".repeat(50)) }));
    assert.equal(fine.status, 200, fine.text);
  });
});

describe("a body that means something else", () => {
  it("is refused by the name of the parameter", async () => {
    for (const [body, param] of [
      ["[]", null],
      ["null", null],
      ['"text"', null],
      ["{}", "messages"],
      ['{"messages":[]}', "messages"],
      ['{"messages":"hi"}', "messages"],
      ['{"messages":[{}],"stream":"yes"}', "stream"],
      ['{"messages":[{}],"model":1}', "model"],
      ['{"messages":[{}],"max_tokens":-1}', "max_tokens"],
      ['{"messages":[{}],"max_completion_tokens":1.5}', "max_completion_tokens"],
      ['{"messages":[{}],"n":0}', "n"],
      ['{"messages":[{}],"timeout_seconds":0}', "timeout_seconds"],
      ['{"messages":[{}],"timeout_seconds":"9"}', "timeout_seconds"],
      ['{"messages":[{}],"stream_options":1}', "stream_options"],
      ['{"messages":[{}],"stream_options":{"include_usage":"x"}}', "stream_options.include_usage"],
      ['{"messages":[{}],"tools":{}}', "tools"],
    ] as const) {
      expectError(await post(one, body), 400, param === null ? codeOf(body) : "invalid_request", param);
    }
    assert.equal(pod.requests.length, 0);
  });

  it("is refused where a field that we read stands twice, however it is written", async () => {
    for (const body of [
      '{"messages":[{}],"messages":[{}]}',
      '{"messages":[{}],"stream":true,"stream":false}',
      '{"messages":[{}],"stream":true,"stre\\u0061m":false}',
      '{"messages":[{}],"model":"a","model":"a"}',
      '{"messages":[{}],"timeout_seconds":1,"timeout_seconds":2}',
      '{"messages":[{}],"stream_options":{"include_usage":true,"include_usage":false},"stream":true}',
    ]) {
      expectError(await post(one, body), 400, "invalid_request");
    }
    assert.equal(pod.requests.length, 0);
  });

  // What is JSON and no object may be told in either way.
  function codeOf(body: string): string {
    return body === "{}" ? "invalid_request" : "invalid_json|invalid_request";
  }
});

describe("the limit of a body", () => {
  it("is exact, declared and chunked", async () => {
    for (const headers of [{}, chunked]) {
      const fits = await post(small, sized(LIMIT), headers);
      assert.equal(fits.status, 200, fits.text);
      assert.equal(pod.requests.at(-1)?.body.length, LIMIT);
      pod.clear();
      expectError(await post(small, sized(LIMIT + 1), headers), 413, "request_too_large");
      expectError(await post(small, "x".repeat(LIMIT + 1), headers), 413, "request_too_large");
      assert.equal(pod.requests.length, 0);
    }
  });

  it("counts decoded bytes", async () => {
    const fits = await post(small, gzipSync(sized(LIMIT)), gzipped);
    assert.equal(fits.status, 200, fits.text);
    expectError(await post(small, gzipSync(sized(LIMIT + 1)), gzipped), 413, "request_too_large");
  });

  it("is 10 MiB unless the agent sets another", async () => {
    const most = 10 * 1024 * 1024;
    const fits = await post(one, sized(most));
    assert.equal(fits.status, 200, fits.text);
    expectError(await post(one, sized(most + 1)), 413, "request_too_large");
  });

  it("stops a bomb long before it is unpacked", async () => {
    const bomb = gzipSync(Buffer.alloc(400 * 1024 * 1024, 32));
    expectError(await post(one, bomb, gzipped), 413, "request_too_large");
  });

  async function begun(length: string): Promise<RawSocket> {
    const socket = await RawSocket.open(worker.port);
    const lines = [
      `POST ${one.path}${CHAT} HTTP/1.1`,
      "host: localhost",
      `authorization: Bearer ${one.key}`,
      length,
    ];
    await socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    return socket;
  }

  it("is told before a byte was sent where the body is declared", async () => {
    for (const length of ["26214401", "104857600", "99999999999999"]) {
      const socket = await begun(`content-length: ${length}`);
      try {
        assert.match(await socket.waitFor("request_too_large"), /^HTTP\/1\.1 413 /);
      } finally {
        socket.close();
      }
    }
  });

  it("is told before the body was sent whole where it is streamed", async () => {
    const socket = await begun("transfer-encoding: chunked");
    try {
      const chunk = (size: number): Buffer =>
        Buffer.concat([Buffer.from(`${size.toString(16)}\r\n`), Buffer.alloc(size, 32), Buffer.from("\r\n")]);
      // No byte more than it takes: what comes after a refusal has the system cut the connection, and the refusal may
      // be lost with it.
      for (let sent = 0; sent < MOST_BODY / MIB; sent += 1) await socket.write(chunk(MIB));
      await socket.write(chunk(1));
      assert.match(await socket.waitFor("request_too_large"), /^HTTP\/1\.1 413 /);
    } finally {
      socket.close();
    }
  });
});

describe("a compressed body", () => {
  it("is decoded where it is gzip", async () => {
    for (const coding of ["gzip", "GZIP", "x-gzip"]) {
      const answer = await post(one, gzipSync(JSON.stringify(ASK)), { "content-encoding": coding });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(pod.requests.at(-1)?.text, JSON.stringify(ASK));
    }
  });

  it("is refused where it is not what it says", async () => {
    const good = gzipSync(JSON.stringify(ASK));
    const wrong = Buffer.from(good);
    wrong.writeUInt32LE(1, wrong.length - 8);
    for (const body of [Buffer.from(JSON.stringify(ASK)), good.subarray(0, good.length - 9), wrong]) {
      const answer = await post(one, body, gzipped);
      expectError(answer, 400, "invalid_request", "content-encoding");
    }
    assert.equal(pod.requests.length, 0);
  });

  it("of any other kind is not taken", async () => {
    for (const coding of ["br", "deflate", "zstd", "gzip, gzip", "nonsense"]) {
      const answer = await post(one, JSON.stringify(ASK), { "content-encoding": coding });
      expectError(answer, 415, "unsupported_media_type", "content-encoding");
    }
    const identity = await post(one, JSON.stringify(ASK), { "content-encoding": "identity" });
    assert.equal(identity.status, 200, identity.text);
  });

  it("multipart is not taken", async () => {
    for (const type of ["multipart/form-data; boundary=x", "Multipart/Mixed"]) {
      const answer = await post(one, JSON.stringify(ASK), { "content-type": type });
      expectError(answer, 415, "unsupported_media_type", "content-type");
    }
    assert.equal(pod.requests.length, 0);
  });
});

describe("a body that breaks off", () => {
  it("disturbs nobody else and never reaches the pod", async () => {
    for (const declared of ["content-length: 500", "transfer-encoding: chunked"]) {
      const socket = await RawSocket.open(worker.port);
      const start = declared.startsWith("content") ? '{"messages":[' : 'd\r\n{"messages":[\r\n';
      await socket.write(
        `POST ${one.path}${CHAT} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${one.key}\r\n${declared}\r\n\r\n${start}`,
      );
      socket.reset();
    }
    const answer = await one.completions(ASK);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(pod.requests.length, 1);
    assert.equal((await one.status()).in_flight, 0);
  });
});

describe("who learns about a body", () => {
  it("is only who may send one", async () => {
    const stranger = await small.newKey();
    for (const body of ["{", sized(LIMIT + 1)]) {
      for (const key of [null, one.key, "molti_x"]) {
        const answer = await small.call(CHAT, { method: "POST", body, key });
        expectError(answer, 401, "invalid_api_key");
      }
    }
    await small.pause();
    const paused = await small.call(CHAT, { method: "POST", body: "{", key: stranger.key });
    expectError(paused, 503, "agent_paused");
    await small.start();
  });
});

describe("a method that a path does not take", () => {
  it("is 405 with what it takes, for everybody", async () => {
    for (const [path, method, allow] of [
      [CHAT, "GET", "POST, OPTIONS"],
      ["/v1/chat", "PUT", "POST, OPTIONS"],
      ["/v1/chat", "DELETE", "POST, OPTIONS"],
      ["/v1/models", "POST", "GET, HEAD, OPTIONS"],
      ["/v1/status", "PATCH", "GET, HEAD, OPTIONS"],
      ["/v1/health", "POST", "GET, HEAD, OPTIONS"],
    ] as const) {
      for (const key of [one.key, null]) {
        const answer = await one.call(path, { method, key });
        assert.equal(answer.status, 405, answer.text);
        assert.equal(answer.header("allow"), allow);
      }
    }
    const head = await worker.ask(`${one.path}/v1/models`, {
      method: "HEAD",
      headers: { authorization: `Bearer ${one.key}` },
    });
    expectDocumented({
      method: "HEAD",
      path: `${one.path}/v1/models`,
      status: head.status,
      headers: head.headers,
      body: head.bytes,
    });
    assert.equal(head.status, 200);
  });
});

describe("bodies in flight", () => {
  /** An upload that has sent all but its last byte. */
  async function unfinished(bytes: number): Promise<{ socket: RawSocket; finish(): Promise<string> }> {
    const body = sized(bytes);
    const socket = await RawSocket.open(worker.port);
    await socket.write(
      `POST ${one.path}${CHAT} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${one.key}\r\n` +
        `content-length: ${bytes}\r\nconnection: close\r\n\r\n${body.slice(0, -1)}`,
    );
    return {
      socket,
      finish: async () => {
        await socket.write(body.slice(-1));
        return socket.waitFor("HTTP/1.1 ");
      },
    };
  }

  it("are bounded: what does not fit any more is refused, to be tried again, and fits later", async () => {
    // Three of ten mebibytes wait for their last byte; a fourth does not fit into 32.
    const waiting = await Promise.all([10, 10, 10].map((size) => unfinished(size * MIB)));
    let refused: Answer | undefined;
    await until("the three to be held", async () => {
      const answer = await post(one, sized(5 * MIB));
      refused = answer.status === 503 ? answer : refused;
      return answer.status === 503;
    });
    assert.equal(refused?.json<ErrorBody>().error.code, "agent_busy", refused?.text);
    assert.match(refused?.text ?? "", /32 MiB/);
    assert.equal(refused?.header("x-should-retry"), "true");
    assert.equal(refused?.header("retry-after"), "1");
    // Small ones still fit, and nothing of a refused one stays.
    assert.equal((await post(one, sized(MIB))).status, 200);
    for (const upload of waiting) {
      assert.match(await upload.finish(), /HTTP\/1\.1 200 /);
      upload.socket.reset();
    }
    await until("room for another", async () => (await post(one, sized(9 * MIB))).status === 200);
  });

  it("of callers who leave are held no more", async () => {
    const left = await Promise.all([10, 10, 10].map((size) => unfinished(size * MIB)));
    for (const { socket } of left) {
      socket.reset();
    }
    await until("room for another", async () => (await post(one, sized(9 * MIB))).status === 200);
  });
});

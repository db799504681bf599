// The SDK's rules that need no server: events out of any split of bytes, addresses, when to try again.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { agentAddress } from "../../sdk/src/address.ts";
import { EventParser, MoltGhostAgent, type ServerEvent } from "../../sdk/src/index.ts";
import { askedDelay, delayBefore, mayRetryAnswer, mayRetryFailure } from "../../sdk/src/retry.ts";

function parse(pieces: Uint8Array[]): ServerEvent[] {
  const parser = new EventParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

describe("events", () => {
  const WANTED = [
    { event: "message", data: '{"content":"Grüße 👋🏽 …"}' },
    { event: "message", data: "two\nlines" },
    { event: "error", data: " spaced" },
    { event: "message", data: "" },
    { event: "message", data: "[DONE]" },
  ];
  const text = (end: string) =>
    [
      "\uFEFF: ka",
      "",
      `data: ${WANTED[0]?.data}`,
      "",
      "id: 7",
      "retry: 10",
      "data: two",
      "data:lines",
      "",
      "event: error",
      "data:  spaced",
      "",
      "data",
      "",
      "event: nothing",
      "",
      "data: [DONE]",
      "",
      "data: unfinished",
    ].join(end);

  for (const [name, end] of Object.entries({ LF: "\n", CRLF: "\r\n", CR: "\r" })) {
    it(`are the same for each split in two and for single bytes, with ${name}`, () => {
      const bytes = new TextEncoder().encode(text(end));
      for (let at = 0; at <= bytes.length; at += 1) {
        assert.deepEqual(parse([bytes.subarray(0, at), bytes.subarray(at)]), WANTED, `split at ${at}`);
      }
      assert.deepEqual(parse([...bytes].map((byte) => Uint8Array.of(byte))), WANTED);
    });
  }

  it("of no end are refused", () => {
    const parser = new EventParser();
    const piece = new Uint8Array(1024 * 1024).fill(97);
    assert.throws(() => {
      for (let count = 0; count < 64; count += 1) {
        parser.push(piece);
      }
    }, RangeError);
  });
});

describe("an address", () => {
  it("is by path unless it is the agent's own", () => {
    const cases: [string, string][] = [
      ["https://agent.moltghost.io", "https://agent.moltghost.io/agents/abc123"],
      ["https://agent.moltghost.io/", "https://agent.moltghost.io/agents/abc123"],
      ["http://127.0.0.1:8787", "http://127.0.0.1:8787/agents/abc123"],
      ["http://localhost:8787/agents/abc123/v1/", "http://localhost:8787/agents/abc123"],
      ["https://abc123.agent.moltghost.io", "https://abc123.agent.moltghost.io"],
      ["https://agent-abc123.moltghost.io/v1", "https://agent-abc123.moltghost.io"],
      ["http://abc123.agent.localhost:8787", "http://abc123.agent.localhost:8787"],
    ];
    for (const [endpoint, address] of cases) {
      assert.equal(agentAddress(endpoint, "abc123", false), address);
    }
  });

  it("that would show the key or lead elsewhere is refused", () => {
    for (const endpoint of [
      "http://agent.moltghost.io",
      "http://localhost.evil.example",
      "agent.moltghost.io",
      "ftp://agent.moltghost.io",
      "https://me:secret@agent.moltghost.io",
      "https://agent.moltghost.io/?to=elsewhere",
    ]) {
      assert.throws(() => agentAddress(endpoint, "abc123", false), TypeError, endpoint);
    }
    assert.throws(() => agentAddress("https://agent.moltghost.io", "../admin", false), TypeError);
    assert.equal(agentAddress("http://worker:8787", "abc123", true), "http://worker:8787/agents/abc123");
  });
});

describe("a key", () => {
  it("that cannot be one is refused without being shown", () => {
    for (const apiKey of ["", "sk-secret", "molti_a_secret\n", "molti_a secret"]) {
      assert.throws(
        () => new MoltGhostAgent({ agentId: "abc123", apiKey }),
        (error: Error) => !error.message.includes("secret"),
      );
    }
  });

  it("is in no print of the agent", () => {
    const agent = new MoltGhostAgent({ agentId: "abc123", apiKey: "molti_a_secret" });
    assert.ok(!inspect(agent, { depth: 9, showHidden: true }).includes("secret"));
    assert.ok(!JSON.stringify(agent).includes("secret"));
  });
});

describe("trying again", () => {
  const headers = (init: Record<string, string>) => new Headers(init);

  it("waits as long as it is asked, and never much longer than a minute", () => {
    assert.equal(askedDelay(headers({ "retry-after-ms": "1500", "retry-after": "2" })), 1_500);
    assert.equal(askedDelay(headers({ "retry-after": "2" })), 2_000);
    const now = Date.parse("2026-11-01T00:00:00Z");
    assert.equal(askedDelay(headers({ "retry-after": "Sun, 01 Nov 2026 00:00:05 GMT" }), now), 5_000);
    assert.equal(askedDelay(headers({ "retry-after": "soon" })), null);
    assert.equal(askedDelay(headers({})), null);
    for (const random of [0, 0.5, 1]) {
      const ms = delayBefore(1, 1_500, random);
      assert.ok(ms >= 1_500 && ms <= 1_650, `${ms}`);
      assert.ok(delayBefore(1, 3_600_000, random) <= 60_250);
    }
  });

  it("backs off from half a second to eight where it is asked nothing", () => {
    const longest = [1, 2, 3, 4, 5, 6].map((tries) => delayBefore(tries, null, 1));
    assert.deepEqual(longest, [500, 1_000, 2_000, 4_000, 8_000, 8_000]);
    assert.equal(delayBefore(1, null, 0), 375);
  });

  it("obeys the server, and of others believes only what is certain", () => {
    const said = (value: string) => headers({ "x-should-retry": value });
    assert.equal(mayRetryAnswer(403, said("true"), false), true);
    assert.equal(mayRetryAnswer(503, said("false"), true), false);
    assert.equal(mayRetryAnswer(429, headers({}), false), true);
    assert.equal(mayRetryAnswer(502, headers({}), false), false);
    assert.equal(mayRetryAnswer(502, headers({}), true), true);
    const refused = new TypeError("fetch failed", { cause: { code: "ECONNREFUSED" } });
    const reset = new TypeError("fetch failed", { cause: { code: "ECONNRESET" } });
    assert.equal(mayRetryFailure(refused, false), true);
    assert.equal(mayRetryFailure(reset, false), false);
    assert.equal(mayRetryFailure(reset, true), true);
  });
});

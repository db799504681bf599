// The twin has to be right to be worth a comparison. Run by `node --test 'bench/**/*.test.*'`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isAgentId, mintAgentId, mintKey, parseKey } from "./credential.js";
import { UsageScanner } from "./usage.js";

const STREAM = [
  'data: {"choices":[{"index":0,"delta":{"content":"héllo “usage”"},"finish_reason":null}]}\n\n',
  ': ka\n\ndata: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\r\n\r\n',
  'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}\n\n',
  "data: [DONE]\n\n",
  "data: left over",
];

function through(parts, cut) {
  const scanner = new UsageScanner(cut);
  const pieces = [...parts.map((part) => scanner.push(part)), scanner.rest()];
  return { text: Buffer.concat(pieces).toString(), usage: scanner.usage };
}

test("the usage chunk is cut out whole, at every split", () => {
  const bytes = Buffer.from(STREAM.join(""));
  const expected = STREAM.filter((_, number) => number !== 2).join("");
  for (let first = 0; first <= bytes.length; first++) {
    for (let second = first; second <= bytes.length; second += 7) {
      const parts = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
      const { text, usage } = through(parts, true);
      assert.equal(text, expected, `split at ${first} and ${second}`);
      assert.deepEqual(usage, { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 });
    }
  }
});

test("a caller who asked for usage gets it", () => {
  const { text, usage } = through([Buffer.from(STREAM.join(""))], false);
  assert.equal(text, STREAM.join(""));
  assert.deepEqual(usage, { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 });
});

test("keys read back, and one wrong character is found", () => {
  const agent = mintAgentId();
  assert.ok(isAgentId(agent));
  const { id, key } = mintKey("acme", agent);
  const read = parseKey(key);
  assert.equal(read?.id, id);
  assert.equal(read?.account, "acme");
  for (let at = 0; at < key.length; at++) {
    const typo = key.slice(0, at) + (key[at] === "x" ? "y" : "x") + key.slice(at + 1);
    assert.equal(parseKey(typo), null, `wrong character at ${at}`);
  }
});

// The connector with answers that are larger than what it may hold.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type OpenAnswer, type RunningWorker, startWorker, together } from "../harness/index.ts";
import type { Tenant } from "../harness/tenant.ts";
import { Connector, running, tunnelled } from "./connector.ts";

const MANY = 100 * 1024 * 1024;
const ROOM = 8 * 1024 * 1024;
const STALLED = 32;

describe("the connector", () => {
  let worker: RunningWorker;
  let pod: Pod;
  before(async () => {
    [worker, pod] = await together([startWorker(), startPod()]);
  });
  after(async () => {
    await worker?.stop();
    await pod?.close();
  });

  it("passes 100 MB on in bounded memory, whole", async () => {
    const { one, terminal } = await tunnelled(worker);
    const connector = new Connector(terminal, ["any", "--to", pod.url]);
    await running(one);
    assert.equal((await bytes(one, 1_000_000)).length, 1_000_000);
    const idle = connector.memory();
    const { length } = await bytes(one, MANY);
    assert.equal(length, MANY);
    const grown = connector.memory(true) - idle;
    assert.ok(grown <= ROOM, `it grew by ${grown} bytes`);
    await connector.kill();
  });

  it(`holds no more for ${STALLED} callers who do not read, while another does`, async () => {
    const { one, terminal } = await tunnelled(worker);
    const connector = new Connector(terminal, ["any", "--to", pod.url]);
    await running(one);
    assert.equal((await bytes(one, 1_000_000)).length, 1_000_000);
    const idle = connector.memory();
    const stalled = await Promise.all(Array.from({ length: STALLED }, () => begun(one, MANY)));
    assert.equal((await bytes(one, MANY)).length, MANY);
    const grown = connector.memory(true) - idle;
    assert.ok(grown <= ROOM, `it grew by ${grown} bytes`);
    for (const caller of stalled) {
      caller.leave();
    }
    await connector.kill();
  });
});

/** An answer of so many bytes, of which nothing is read yet. */
async function begun(one: Tenant, size: number): Promise<OpenAnswer> {
  const answer = await one.open("/v1/chat/completions", {
    json: {
      stream: true,
      stream_options: { include_usage: true },
      messages: [{ role: "user", content: "x" }],
      metadata: { pod: { huge_bytes: size } },
    },
  });
  assert.equal(answer.status, 200);
  return answer;
}

/** Reads an answer of so many bytes without holding it. */
async function bytes(one: Tenant, size: number): Promise<{ length: number; digest: string }> {
  const answer = await begun(one, size);
  const hash = createHash("sha256");
  let length = 0;
  for await (const chunk of answer.chunks) {
    length += (chunk as Buffer).length;
    hash.update(chunk as Buffer);
  }
  return { length, digest: hash.digest("hex") };
}

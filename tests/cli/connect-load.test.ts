// The connector under load: killed again and again, and with answers that are larger than what it may hold.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type OpenAnswer, type RunningWorker, startWorker, until } from "../harness/index.ts";
import type { Tenant } from "../harness/tenant.ts";
import { Connector, running, tunnelled } from "./connector.ts";

const KILLS = Number(process.env.CONNECTOR_KILLS ?? 10);
const CALLERS = 8;
const MANY = 100 * 1024 * 1024;
const ROOM = 8 * 1024 * 1024;
const STALLED = 32;

/** Errors that a caller may be given when its pod goes. */
const DOCUMENTED = new Set(["bad_gateway", "agent_unreachable", "agent_busy", "agent_initializing"]);

describe("the connector under load", () => {
  let worker: RunningWorker;
  let pod: Pod;
  before(async () => {
    [worker, pod] = await Promise.all([startWorker(), startPod()]);
  });
  after(async () => {
    await worker?.stop();
    await pod?.close();
  });

  it(`gives every caller a whole answer or a documented error, over ${KILLS} kills`, async () => {
    const { one, terminal } = await tunnelled(worker);
    const connect = () => new Connector(terminal, ["any", "--to", pod.url]);
    let connector = connect();
    await running(one);
    let over = false;
    let [whole, failed, number] = [0, 0, 0];
    const caller = async (id: number) => {
      while (!over) {
        number += 1;
        const marker = `caller ${id} call ${number}`;
        const stream = number % 2 === 0;
        const answer = await one.completions({
          stream,
          messages: [{ role: "user", content: marker }],
          metadata: { pod: { chunk_delay_ms: 2, first_token_delay_ms: number % 20 } },
        });
        if (answer.status === 200 && (!stream || answer.text.includes("data: [DONE]"))) {
          const text = stream ? spoken(answer.text) : answer.text;
          assert.ok(text.includes(marker), `another's answer: ${answer.text}`);
          whole += 1;
        } else {
          assert.match(code(answer.text), /./, answer.text);
          assert.ok(DOCUMENTED.has(code(answer.text)), answer.text);
          failed += 1;
        }
      }
    };
    const callers = Array.from({ length: CALLERS }, (_, id) => caller(id));
    for (let kill = 0; kill < KILLS; kill++) {
      const before = whole;
      await until("answers", () => whole >= before + CALLERS);
      await connector.kill();
      connector = connect();
      await connector.saw("connected");
    }
    over = true;
    await Promise.all(callers);
    assert.ok(whole > KILLS * CALLERS && failed > 0, `${whole} whole, ${failed} failed`);
    await connector.kill();
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

/** What a stream says. */
function spoken(text: string): string {
  const events = text.split("\n\n").filter((event) => event.startsWith("data: {"));
  const chunks = events.map(
    (event) => JSON.parse(event.slice(6)) as { choices: { delta: { content?: string } }[] },
  );
  return chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
}

/** The code of a refusal, or of the error event that ends a stream. */
function code(text: string): string {
  const found = /"code":"([a-z_]+)"/.exec(text);
  return found?.[1] ?? "";
}

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

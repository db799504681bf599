// Connectors and workerd itself killed again and again under load: every caller gets a whole answer of its own, or a
// documented error, and none waits for ever.
//
// MOLTGHOST_CONNECTOR_KILLS and MOLTGHOST_WORKER_KILLS set the numbers of kills; `make chaos ARGS=tunnel` runs the long
// form.

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { answerTo, type Pod, startPod } from "../fixtures/pod/index.ts";
import { discard, scratch, together, until } from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";
import { type RunningWorkerd, startRawWorkerd } from "../harness/workerd.ts";
import { Connector, running } from "./connector.ts";
import { Terminal } from "./program.ts";

const CONNECTOR_KILLS = Number(process.env.MOLTGHOST_CONNECTOR_KILLS ?? 12);
const WORKER_KILLS = Number(process.env.MOLTGHOST_WORKER_KILLS ?? 5);
const CALLERS = 8;
/** A run whose Worker was killed keeps its slot until its time is over, and 30 s more. */
const BRIEF = { timeout_seconds: 5, limits: { max_timeout_seconds: 5 } };
/** What no call takes, unless somebody forgot it. */
const FOREVER_MS = 60_000;

/** Errors that a caller may be given when its pod, its connector or its Worker goes. */
const DOCUMENTED = new Set(["bad_gateway", "agent_unreachable", "agent_busy", "agent_initializing"]);

/** What a stream says. */
function spoken(text: string): string {
  const events = text.split("\n\n").filter((event) => event.startsWith('data: {"id"'));
  const chunks = events.map(
    (event) => JSON.parse(event.slice(6)) as { choices: { delta: { content?: string } }[] },
  );
  return chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
}

/** Callers who call without a pause, and what they got. */
class Crowd {
  whole = 0;
  /** Documented errors. */
  failed = 0;
  /** Calls whose connection was lost. */
  cut = 0;
  #number = 0;
  #over = false;
  readonly #callers: Promise<void>[];

  constructor(one: Tenant) {
    this.#callers = Array.from({ length: CALLERS }, async (_, id) => {
      while (!this.#over)
        await this.#call(one, `caller ${id} asks for number ${this.#number++} and no other`);
    });
  }

  async end(): Promise<void> {
    this.stop();
    await Promise.all(this.#callers);
  }

  /** Has the callers call no more. */
  stop(): void {
    this.#over = true;
  }

  /** Waits until so many calls more were answered in full. */
  async serves(calls: number): Promise<void> {
    const enough = this.whole + calls;
    const done = Promise.all(this.#callers).then(() => assert.fail("the callers have ended"));
    await Promise.race([done, until(`${calls} answers`, () => this.whole >= enough, FOREVER_MS)]);
  }

  async #call(one: Tenant, question: string): Promise<void> {
    const stream = this.#number % 2 === 0;
    const json = {
      stream,
      messages: [{ role: "user", content: question }],
      metadata: { pod: { chunk_delay_ms: 2, first_token_delay_ms: this.#number % 20 } },
    };
    const signal = AbortSignal.timeout(FOREVER_MS);
    let answer: Awaited<ReturnType<Tenant["completions"]>>;
    try {
      answer = await one.completions(json, { signal });
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      assert.ok(!signal.aborted, `nobody answered: ${question}`);
      this.cut += 1;
      await sleep(20);
      return;
    }
    this.#judge(question, stream, answer.status, answer.text);
    // As a client does; without it, callers would keep what comes back from coming back.
    if (answer.status >= 400) await sleep(20);
  }

  #judge(question: string, stream: boolean, status: number, text: string): void {
    const wanted = answerTo(question);
    const error = /"code":"([a-z_]+)"/.exec(text)?.[1];
    if (error !== undefined) {
      assert.ok(DOCUMENTED.has(error) && !text.includes("[DONE]"), text);
      if (status === 200) assert.ok(wanted.startsWith(spoken(text)), `bytes of another's: ${text}`);
      this.failed += 1;
      return;
    }
    assert.equal(status, 200, text);
    if (stream) {
      assert.ok(text.endsWith("data: [DONE]\n\n"), `cut without a word: ${text}`);
      assert.equal(spoken(text), wanted);
    } else {
      const told = JSON.parse(text) as { choices: { message: { content: string } }[] };
      assert.equal(told.choices[0]?.message.content, wanted);
    }
    this.whole += 1;
  }
}

describe("under load", () => {
  const persist = scratch("kills");
  let worker: RunningWorkerd;
  let pod: Pod;
  const crowds: Crowd[] = [];
  const connected: Connector[] = [];
  before(async () => {
    [worker, pod] = await together([startRawWorkerd(undefined, { persist }), startPod({ quiet: true })]);
  });
  after(async () => {
    // What is left over where a test has failed.
    for (const crowd of crowds) crowd.stop();
    await Promise.all(connected.map((connector) => connector.kill()));
    await worker?.stop();
    await pod?.close();
    discard(persist);
  });

  async function tunnelled(): Promise<{ one: Tenant; connect: (replica: string) => Connector }> {
    const one = await tenant(worker, null, BRIEF);
    const { connect_token } = one.agent as unknown as { connect_token: string };
    const terminal = new Terminal({ MOLTGHOST_API: worker.url, MOLTGHOST_CONNECT_TOKEN: connect_token });
    return {
      one,
      connect: (replica) => {
        const connector = new Connector(terminal, [one.id, "--to", pod.url, "--replica", replica]);
        connected.push(connector);
        return connector;
      },
    };
  }

  it(`${CONNECTOR_KILLS} connectors are killed, of one replica and of two`, async (t) => {
    const { one, connect } = await tunnelled();
    const connectors = new Map([["a", connect("a")]]);
    await running(one);
    const crowd = new Crowd(one);
    crowds.push(crowd);
    for (let kill = 0; kill < CONNECTOR_KILLS; kill += 1) {
      if (kill === Math.floor(CONNECTOR_KILLS / 2)) {
        connectors.set("b", connect("b"));
        await connectors.get("b")?.saw("connected");
      }
      await crowd.serves(CALLERS);
      const replica = [...connectors.keys()][randomInt(connectors.size)] ?? "a";
      await connectors.get(replica)?.kill();
      const next = connect(replica);
      connectors.set(replica, next);
      await next.saw("connected");
    }
    await crowd.serves(CALLERS);
    await crowd.end();
    t.diagnostic(`${crowd.whole} whole answers, ${crowd.failed} errors`);
    assert.equal(crowd.cut, 0, "a caller's connection was lost");
    assert.ok(crowd.failed > 0, "no kill met a call");
    await until("no run in flight", async () => (await one.status()).in_flight === 0);
    for (const connector of connectors.values()) await connector.kill();
  });

  it(`workerd is killed ${WORKER_KILLS} times, and the connector comes back by itself`, async (t) => {
    const { one, connect } = await tunnelled();
    const connector = connect("a");
    await running(one);
    const crowd = new Crowd(one);
    crowds.push(crowd);
    for (let kill = 0; kill < WORKER_KILLS; kill += 1) {
      await crowd.serves(CALLERS);
      await sleep(randomInt(0, 50));
      await worker.kill9();
      worker = await startRawWorkerd(undefined, { persist, port: worker.port });
    }
    await crowd.serves(CALLERS);
    await crowd.end();
    t.diagnostic(`${crowd.whole} whole answers, ${crowd.failed} errors, ${crowd.cut} connections lost`);
    assert.ok(crowd.cut > 0, "no kill met a call");
    await connector.kill();
  });
});

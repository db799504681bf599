// `make bench ARGS=observers`: how many events a second reach observers of the event stream, beside the original up to
// its own cap. See docs/performance.md. Exits with 1 where a bar is missed.
//
// Invariant: an event counts once it has come to its observer; what was acknowledged and has not come is said.

import { mkdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { discard, scratch } from "../../tests/harness/scratch.ts";
import { until } from "../../tests/harness/until.ts";
import { MOLTNET, startOriginal } from "../../tests/network/original.ts";
import { liftPostLimit, startOurs } from "../../tests/network/ours.ts";
import { NONE } from "../../tests/network/setup.ts";
import { judge, missed, tell } from "../live/verdict.ts";
import { buildLoad, measure } from "../load.ts";
import { say } from "../step.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 3);
const SECONDS = process.env.SECONDS ?? "3";
const WRITERS = process.env.WRITERS ?? "64";
const ROOM = "busy";
const HUNDRED = "ours, 100 observers";
/** Events a second to 100 observers. */
const BAR = 75_000;
const MARK = Buffer.from("\nevent: message.created\n");

interface Target {
  title: string;
  url: string;
  observers: number;
}

/** A reader that counts messages and does nothing else. */
class Counter {
  messages = 0;
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);

  constructor(url: string) {
    const { hostname, port, host } = new URL(url);
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.#socket.write(`GET /v1/events/stream HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    this.#socket.on("error", () => undefined);
    this.#socket.on("data", (bytes: Buffer) => this.#count(bytes));
  }

  #count(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = all.indexOf(MARK);
    let end = 0;
    while (at >= 0) {
      this.messages += 1;
      end = at + MARK.length;
      at = all.indexOf(MARK, end);
    }
    this.#rest = all.subarray(Math.max(end, all.length - MARK.length + 1));
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function slice({ url, observers }: Target): Promise<{ rate: number; posts: number; lost: number }> {
  const counters = Array.from({ length: observers }, () => new Counter(url));
  await sleep(1_000);
  const body = JSON.stringify({
    target: { kind: "room", room_id: ROOM },
    from: { type: "agent", id: "alpha" },
    parts: [{ kind: "text", text: "x".repeat(100) }],
  });
  const total = () => counters.reduce((sum, counter) => sum + counter.messages, 0);
  const load = ["closed", "--url", `${url}/v1/messages`, "--body", body, "--connections", WRITERS];
  const began = performance.now();
  const report = await measure([...load, "--seconds", SECONDS, "--warmup", "0.3"]);
  if (Object.keys(report.errors).length > 0) {
    throw new Error(`posts failed: ${JSON.stringify(report.errors)}`);
  }
  // The last that came decides, not when the posts ended.
  let [last, at] = [total(), performance.now()];
  const expected = () => Math.max(...counters.map((counter) => counter.messages)) * observers;
  await until(
    "the stream to run dry",
    async () => {
      const now = total();
      if (now !== last) {
        [last, at] = [now, performance.now()];
      }
      return performance.now() - at > 700;
    },
    60_000,
  );
  for (const counter of counters) {
    counter.close();
  }
  const most = expected();
  return {
    rate: last / ((at - began) / 1_000),
    posts: report.calls_per_second,
    lost: most - last,
  };
}

async function main(): Promise<void> {
  await buildLoad();
  const folder = scratch("observers");
  const ends: (() => Promise<unknown>)[] = [];
  try {
    // The original writes no line for each call either.
    const vars = { STREAMS_PER_IDENTITY: "1000", CALL_LOG: "off" };
    const ours = await startOurs(NONE, { persist: join(folder, "ours"), vars });
    ends.push(() => ours.stop());
    await liftPostLimit(ours.worker);
    const targets: Target[] = [
      { title: HUNDRED, url: ours.url, observers: 100 },
      { title: "ours, 16 observers", url: ours.url, observers: 16 },
    ];
    if (MOLTNET === undefined) {
      say("left out: the original, since MOLTNET_BIN is not set");
    } else {
      mkdirSync(join(folder, "original"));
      const original = await startOriginal(NONE, join(folder, "original"));
      ends.push(() => original.stop());
      targets.push({ title: "the original, 16 observers", url: original.url, observers: 16 });
    }
    for (const { url } of targets) {
      const headers = { "content-type": "application/json" };
      await fetch(`${url}/v1/rooms`, {
        method: "POST",
        headers,
        body: JSON.stringify({ id: ROOM, members: ["alpha"] }),
      });
    }
    const median = (list: number[]) => list.toSorted((a, b) => a - b)[list.length >> 1] ?? Number.NaN;
    const results = new Map<string, Awaited<ReturnType<typeof slice>>[]>();
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const target of targets) {
        results.set(target.title, [...(results.get(target.title) ?? []), await slice(target)]);
      }
    }
    for (const { title } of targets) {
      const list = results.get(title) ?? [];
      const rate = median(list.map((one) => one.rate));
      const posts = median(list.map((one) => one.posts)).toFixed(0);
      const lost = list.reduce((sum, one) => sum + one.lost, 0);
      const figure = `${rate.toFixed(0).padStart(7)} events/s at ${posts} posts/s, ${lost} lost`;
      if (title === HUNDRED) {
        judge(title, figure, `≥ ${BAR}, none lost`, rate >= BAR && lost === 0);
      } else {
        tell(title, figure);
      }
    }
  } finally {
    await Promise.all(ends.map((stop) => stop()));
    discard(folder);
  }
}

await main();
process.exitCode = missed() > 0 ? 1 : 0;

// What the Worker with its object keeps alive while an answer flows, and while a caller reads none of it: V8 collects
// garbage before each look, so that what it has not come round to does not count. Then how much the process and the
// connector hold at most without that, which is what a machine must have.

import { startPod } from "../../tests/fixtures/pod/index.ts";
import type { Tenant } from "../../tests/harness/tenant.ts";
import { until } from "../../tests/harness/until.ts";
import { Heap } from "../heap.ts";
import { judge, tell } from "../live/verdict.ts";
import { withUpstream } from "./overhead.ts";
import { CHAT, forgetPeak, memory, mib, readLarge, slice, Ways } from "./setup.ts";

const STALLED_SECONDS = Number(process.env.SECONDS ?? 60);
const LARGE = 100_000_000;
/** What may be alive over idle. */
const LIVE_BYTES = 8 * 2 ** 20;
const LOOK_MS = 100;

/** The most that is alive while something goes on, over what was before. */
async function most(heap: Heap, work: () => Promise<unknown>): Promise<{ live: number; looks: number }> {
  const idle = await heap.live();
  let [live, looks, over] = [0, 0, false];
  const done = work().finally(() => {
    over = true;
  });
  while (!over) {
    live = Math.max(live, (await heap.live()) - idle);
    looks += 1;
    await Promise.race([done, new Promise((resolve) => setTimeout(resolve, LOOK_MS))]);
  }
  await done;
  return { live, looks };
}

async function look(title: string, ways: Ways, work: () => Promise<unknown>): Promise<void> {
  const heap = await Heap.open(ways.worker.inspector ?? 0);
  const collected = await grown(ways, async () => {
    const { live, looks } = await most(heap, work);
    const figure = `${mib(live)} in ${looks} looks`;
    judge(`${title}: alive`, figure, `≤ ${mib(LIVE_BYTES)}`, live <= LIVE_BYTES);
  });
  heap.close();
  tell(`${title}: processes with collections`, collected);
  tell(`${title}: processes without`, await grown(ways, work));
}

/** How much more the processes hold at most while something goes on. */
async function grown(ways: Ways, work: () => Promise<unknown>): Promise<string> {
  const pids = [ways.worker.pid, ways.connector.pid];
  const before = pids.map((pid) => memory(pid));
  for (const pid of pids) forgetPeak(pid);
  await work();
  const [worker = 0, connector = 0] = pids.map((pid, at) => memory(pid, true) - (before[at] ?? 0));
  return `Worker ${mib(worker)}, connector ${mib(connector)}`;
}

/** Four callers beside one that does not read. */
async function stall(one: Tenant): Promise<void> {
  const endless = { stream: true, messages: [{ role: "user", content: "bench:chunks=100000000" }] };
  const stalled = await one.open(CHAT, { json: endless });
  await slice(one, ["closed", "--connections", "4", "--stream", "--chunks", "16"], STALLED_SECONDS, 0);
  stalled.leave();
  await until("its end", async () => (await one.status()).in_flight === 0);
}

/** An answer of 100 MB, and a caller who does not read an endless one. */
export async function live(): Promise<void> {
  const pod = await startPod({ quiet: true });
  const ways = await Ways.to(pod.url, true);
  try {
    for (const [way, one] of [
      ["http", ways.http],
      ["tunnel", ways.tunnel],
    ] as const) {
      await readLarge(one, LARGE / 10);
      await look(`100 MB, ${way}`, ways, () => readLarge(one, LARGE));
    }
  } finally {
    await ways.stop();
    await pod.close();
  }
  await withUpstream(async (ways) => {
    await slice(ways.tunnel, ["closed", "--connections", "4", "--stream", "--chunks", "16"], 2, 0);
    await look(`a stalled caller for ${STALLED_SECONDS} s`, ways, () => stall(ways.tunnel));
  }, true);
}

// Callers of a tunnel that read much, that do not read, and that leave.

import { startPod } from "../../tests/fixtures/pod/index.ts";
import { until } from "../../tests/harness/until.ts";
import { judge, tell } from "../live/verdict.ts";
import { withUpstream } from "./overhead.ts";
import { CHAT, forgetPeak, median, memory, mib, readLarge, slice, Ways } from "./setup.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 7);
const SECONDS = Number(process.env.SECONDS ?? 2);
const LARGE = 100_000_000;
/** How long a caller may be gone before its pod is told. */
const ABORT_MS = 250;
/** Requests that are under way at most, and some pages. */
const CONNECTOR_BYTES = 16 * 2 ** 20;

function body(pod: Record<string, unknown>, marker = ""): Record<string, unknown> {
  return { stream: true, marker, messages: [{ role: "user", content: "x" }], metadata: { pod } };
}

async function withPod(work: (ways: Ways, pod: Awaited<ReturnType<typeof startPod>>) => Promise<void>) {
  const pod = await startPod();
  const ways = await Ways.to(pod.url);
  try {
    await work(ways, pod);
  } finally {
    await ways.stop();
    await pod.close();
  }
}

/** An answer of 100 MB: how fast it goes, and what the Worker with its object and the connector hold for it. */
export function large(): Promise<void> {
  return withPod(async (ways) => {
    const processes = { "Worker and object": ways.worker.pid, connector: ways.connector.pid };
    for (const [title, one] of [
      ["http", ways.http],
      ["tunnel", ways.tunnel],
    ] as const) {
      await readLarge(one, LARGE / 10);
      const idle = Object.values(processes).map((pid) => memory(pid));
      for (const pid of Object.values(processes)) forgetPeak(pid);
      const began = performance.now();
      const size = await readLarge(one, LARGE);
      const speed = size / 1e3 / (performance.now() - began);
      tell(`100 MB, ${title}`, `${speed.toFixed(0)} MB/s`);
      for (const [at, [name, pid]] of Object.entries(processes).entries()) {
        const grown = memory(pid, true) - (idle[at] ?? Number.NaN);
        const what = `100 MB, ${title}: ${name} over idle`;
        if (name === "connector" && title === "tunnel") {
          judge(what, mib(grown), `≤ ${mib(CONNECTOR_BYTES)}`, grown <= CONNECTOR_BYTES);
        } else {
          tell(what, mib(grown));
        }
      }
    }
  });
}

/** In milliseconds. */
interface Quantiles {
  p50: number;
  p99: number;
}

/** A caller who does not read, beside others. */
export function stalled(): Promise<void> {
  return withUpstream(async (ways) => {
    const load = ["closed", "--connections", "4", "--stream", "--chunks", "16"];
    await slice(ways.tunnel, load, 2, 0);
    const [without, beside]: [Quantiles[], Quantiles[]] = [[], []];
    const others = async (): Promise<Quantiles> => {
      const { total } = await slice(ways.tunnel, load, SECONDS);
      return { p50: (total?.p50_us ?? Number.NaN) / 1e3, p99: (total?.p99_us ?? Number.NaN) / 1e3 };
    };
    const before = memory(ways.worker.pid);
    const endless = { stream: true, messages: [{ role: "user", content: "bench:chunks=100000000" }] };
    const stall = async (): Promise<void> => {
      const stalled = await ways.tunnel.open(CHAT, { json: endless });
      beside.push(await others());
      stalled.leave();
      await until("its end", async () => (await ways.tunnel.status()).in_flight === 0);
    };
    for (let round = 0; round < ROUNDS; round += 1) {
      // Which comes first alternates.
      if (round % 2 === 1) await stall();
      without.push(await others());
      if (round % 2 === 0) await stall();
    }
    const moved = (which: keyof Quantiles): [string, number] => {
      const share = median(beside.map((one, round) => one[which] / (without[round]?.[which] ?? Number.NaN)));
      return [
        `${median(beside.map((one) => one[which])).toFixed(2)} ms, ${share.toFixed(2)} × that without`,
        share,
      ];
    };
    tell("others beside a stalled caller: p50", moved("p50")[0]);
    const [figure, share] = moved("p99");
    judge("others beside a stalled caller: p99", figure, "< 1.1 ×", share < 1.1);
    tell("Worker and object over before", mib(memory(ways.worker.pid) - before));
  });
}

/** From a caller's leaving, in the midst of a stream, to the pod's learning of it. */
export function abort(): Promise<void> {
  return withPod(async (ways, pod) => {
    for (const [title, one] of [
      ["http", ways.http],
      ["tunnel", ways.tunnel],
    ] as const) {
      const times: number[] = [];
      for (let n = 0; n < 5 * ROUNDS; n += 1) {
        const marker = `${title} ${n}`;
        const stream = await one.open(CHAT, { json: body({ chunks: 2_000, chunk_delay_ms: 20 }, marker) });
        for await (const bytes of stream.chunks) {
          if (bytes.toString().includes('"content":"2 ')) break;
        }
        const left = performance.timeOrigin + performance.now();
        stream.leave();
        const record = await pod.waitFor(
          (asked) => (asked.json as { marker?: string })?.marker === marker && asked.aborted_at !== null,
          10_000,
        );
        times.push((record.aborted_at ?? Number.NaN) - left);
      }
      const most = Math.max(...times);
      const figure = `p50 ${median(times).toFixed(0)} ms, at most ${most.toFixed(0)} ms`;
      judge(`aborted at the pod, ${title}`, figure, `≤ ${ABORT_MS} ms`, most <= ABORT_MS);
    }
  });
}

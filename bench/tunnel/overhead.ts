// What the tunnel adds to a call over an http origin, and how 100 streams fare on it. Both ways are asked in turn, slice
// by slice, so that what slows the machine down slows both.

import { end } from "../../tests/harness/child.ts";
import { judge, tell } from "../live/verdict.ts";
import { startUpstream } from "../load.ts";
import { median, slice, Ways } from "./setup.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 7);
const SECONDS = Number(process.env.SECONDS ?? 2);

/** What a call over the tunnel may take longer, milliseconds, and how many times as long where it is crowded. */
const MORE_MS = 1;
const TIMES = 2;

interface Shape {
  title: string;
  load: string[];
  bar: "more" | "times" | undefined;
}

const SHAPES: Shape[] = [
  { title: "plain, 1 connection", load: ["closed", "--connections", "1"], bar: "more" },
  { title: "plain, 16 connections", load: ["closed", "--connections", "16"], bar: "times" },
  {
    title: "stream of 16 chunks, 1 connection",
    load: ["closed", "--connections", "1", "--stream", "--chunks", "16"],
    bar: "more",
  },
  {
    title: "streams of 16 chunks, 16 connections",
    load: ["closed", "--connections", "16", "--stream", "--chunks", "16"],
    bar: "times",
  },
];

const ms = (us: number | undefined) => (us ?? Number.NaN) / 1e3;

/** Both ways to the fake pod, which is as fast as it can be. */
export async function withUpstream(work: (ways: Ways) => Promise<void>, inspector = false): Promise<void> {
  const { child, port } = await startUpstream();
  const ways = await Ways.to(`http://127.0.0.1:${port}`, inspector);
  try {
    await work(ways);
  } finally {
    await ways.stop();
    await end(child);
  }
}

/** p50 of a whole call. */
export function overhead(): Promise<void> {
  return withUpstream(async (ways) => {
    for (const one of [ways.http, ways.tunnel]) {
      for (const { load } of SHAPES) await slice(one, load, 2, 0);
    }
    for (const { title, load, bar } of SHAPES) {
      const [http, tunnel]: [number[], number[]] = [[], []];
      for (let round = 0; round < ROUNDS; round += 1) {
        const turn = async (one: typeof ways.http, to: number[]) =>
          to.push(ms((await slice(one, load, SECONDS)).total?.p50_us));
        if (round % 2 === 0) await turn(ways.http, http);
        await turn(ways.tunnel, tunnel);
        if (round % 2 !== 0) await turn(ways.http, http);
      }
      const more = median(tunnel.map((value, round) => value - (http[round] ?? Number.NaN)));
      const times = median(tunnel.map((value, round) => value / (http[round] ?? Number.NaN)));
      const figure = `${median(tunnel).toFixed(2)} ms, http ${median(http).toFixed(2)} ms: ${more.toFixed(2)} ms more, ${times.toFixed(2)} ×`;
      if (bar === "more") judge(title, figure, `≤ ${MORE_MS} ms more`, more <= MORE_MS);
      else judge(title, figure, `≤ ${TIMES} ×`, times <= TIMES);
    }
  });
}

/** 100 streams of 100 chunks a second each. */
export function streams(): Promise<void> {
  return withUpstream(async (ways) => {
    for (const [title, one] of [
      ["http", ways.http],
      ["tunnel", ways.tunnel],
    ] as const) {
      const load = ["paced", "--streams", "100", "--rate", "100"];
      const { delay, chunks_per_second } = await slice(one, load, 5 * SECONDS, 1);
      const late = `p50 ${ms(delay?.p50_us).toFixed(1)} ms, p99 ${ms(delay?.p99_us).toFixed(1)} ms late`;
      tell(`100 streams of 100 chunks/s, ${title}`, `${chunks_per_second.toFixed(0)} chunks/s, ${late}`);
    }
  });
}

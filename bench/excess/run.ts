// `make bench ARGS=excess`: 500 calls a second offered to one agent that takes fewer. The excess must be refused with 503
// or 429 and say when to come again, and those that are admitted must take no more than twice as long (p99) as on an
// agent at rest. See docs/performance.md.
//
// Invariant: every program that is started here has ended when this one ends.

import { join } from "node:path";
import { end } from "../../tests/harness/child.ts";
import { scratch } from "../../tests/harness/scratch.ts";
import { control, type Served, type Tenant, tenant } from "../../tests/harness/tenant.ts";
import { builtWorker, startRawWorkerd } from "../../tests/harness/workerd.ts";
import { buildLoad, measure, type Report, startUpstream } from "../load.ts";
import { say } from "../step.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SECONDS = process.env.SECONDS ?? "2";
const OFFERED = 500;
/** Calls a second on the agent at rest. */
const IDLE = 20;
/** What the pod takes for an answer: an agent with two slots serves a hundred calls a second. */
const POD_US = 20_000;
/** How much slower the p99 of the admitted may be. */
const BAR = 2;

interface Shape {
  title: string;
  limits: Record<string, number>;
  rate: number;
  connections: number;
}

const AT_REST: Shape = {
  title: "at rest",
  limits: { rpm: 1_000_000, concurrency: 1_000 },
  rate: IDLE,
  connections: 16,
};
const CROWDED: Shape[] = [
  {
    title: "two slots, no queue",
    limits: { rpm: 1_000_000, concurrency: 2, queue: 0 },
    rate: OFFERED,
    connections: 64,
  },
  { title: "600 a minute", limits: { rpm: 600, concurrency: 1_000 }, rate: OFFERED, connections: 64 },
];

async function offer(one: Tenant, shape: Shape): Promise<Report> {
  const args = [
    "open",
    "--url",
    `${one.url}/v1/chat/completions`,
    "--header",
    `authorization: Bearer ${one.key}`,
  ];
  const load = ["--rate", String(shape.rate), "--connections", String(shape.connections)];
  return measure([...args, ...load, "--first-us", String(POD_US), "--seconds", SECONDS, "--warmup", "0.3"]);
}

/** Refusals of a crowd of calls without the two signals. */
async function unsigned(one: Tenant): Promise<{ refused: number; silent: number }> {
  const calls = Array.from({ length: 200 }, () =>
    one.call("/v1/chat/completions", { json: { messages: [{ role: "user", content: "hi" }] } }),
  );
  const refused = (await Promise.all(calls)).filter(({ status }) => status === 429 || status === 503);
  const silent = refused.filter(
    (answer) => answer.header("x-should-retry") !== "true" || !(Number(answer.header("retry-after")) >= 1),
  );
  return { refused: refused.length, silent: silent.length };
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const made = (served: Served, upstream: string, { limits }: Shape): Promise<Tenant> =>
  tenant(served, { url: upstream }, { limits });

async function run(served: Served, upstream: string): Promise<boolean> {
  const agents = new Map<Shape, Tenant>();
  for (const shape of [AT_REST, ...CROWDED]) {
    agents.set(shape, await made(served, upstream, shape));
  }
  const p99 = new Map<Shape, number[]>();
  const shares = new Map<Shape, string>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [shape, first] of agents) {
      // What an agent takes in a minute it takes once in a minute: each round has another.
      const one = shape.limits.rpm === 600 && round > 0 ? await made(served, upstream, shape) : first;
      const report = await offer(one, shape);
      p99.set(shape, [...(p99.get(shape) ?? []), report.total?.p99_us ?? Number.NaN]);
      const refused = Object.values(report.errors).reduce((sum, count) => sum + count, 0);
      shares.set(shape, `${report.calls} admitted, ${refused} refused, ${report.unserved} not sent`);
      say(`  round ${round + 1}, ${shape.title}: ${shares.get(shape)}; ${JSON.stringify(report.errors)}`);
    }
  }
  const rest = median(p99.get(AT_REST) ?? []);
  say(`${AT_REST.title}: p99 ${(rest / 1_000).toFixed(1)} ms (${shares.get(AT_REST)})`);
  let good = true;
  for (const shape of CROWDED) {
    const one = agents.get(shape);
    const times = (p99.get(shape) ?? []).filter((value) => !Number.isNaN(value));
    const ratio = median(times) / rest;
    const { refused, silent } = one === undefined ? { refused: 0, silent: 0 } : await unsigned(one);
    const passed = ratio <= BAR && refused > 0 && silent === 0;
    good &&= passed;
    say(
      `${shape.title}: p99 of the admitted ${(median(times) / 1_000).toFixed(1)} ms, ${ratio.toFixed(2)} × at rest ` +
        `(bar ${BAR}); ${refused} refusals, ${silent} of them without a signal: ${passed ? "passed" : "missed"}`,
    );
  }
  return good;
}

async function main(): Promise<number> {
  await buildLoad();
  const upstream = await startUpstream();
  const worker = await startRawWorkerd(builtWorker({ CALL_LOG: "off" }), {
    persist: join(scratch("excess"), "data"),
  });
  try {
    const answer = await control(worker, "/accounts");
    if (answer.status !== 200) {
      throw new Error(`the Worker answers ${answer.status}`);
    }
    return (await run(worker, `http://127.0.0.1:${upstream.port}`)) ? 0 : 1;
  } finally {
    await worker.stop();
    await end(upstream.child);
  }
}

process.exit(await main());

// `make bench ARGS=posts`: durable posts over HTTP, beside the original with SQLite and two bare JavaScript objects,
// interleaved. See docs/performance.md.
//
// Invariant: every program that is started here has ended when this one ends.

import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { end } from "../../tests/harness/child.ts";
import { discard, scratch } from "../../tests/harness/scratch.ts";
import { MOLTNET, startOriginal } from "../../tests/network/original.ts";
import { liftPostLimit, startOurs } from "../../tests/network/ours.ts";
import { BEARER, NONE, tokenValue } from "../../tests/network/setup.ts";
import { buildLoad, measure, type Report } from "../load.ts";
import { say } from "../step.ts";
import { startWorkerd } from "../workerd.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SECONDS = process.env.SECONDS ?? "1.5";
const ROOMS = 16;
const AGENT = "alpha";

/** How long each target works before the first round, so that its code is compiled as that of a server that is up is. */
const WARM_SECONDS = "5";
/** How long a target rests before the next one's turn: what it does after its answers is not to fall into that. */
const REST_MS = 1_200;

/** What ours is compared with. */
const SINGLE = "bare object, a commit each";
const SHARED = "bare object, shared commits";
const ORIGINAL = "the original, static token";

/** A program under test: where it is posted to, and as whom. */
interface Target {
  title: string;
  url: string;
  headers: Record<string, string>;
}

const TESTS = [
  { title: "1 writer, 1 room", connections: 1, room: "room-0" },
  { title: "16 writers, 1 room", connections: 16, room: "room-0" },
  { title: "16 writers, 16 rooms", connections: 16, room: "room-{connection}" },
];

const body = (room: string): string =>
  JSON.stringify({
    target: { kind: "room", room_id: room },
    from: { type: "agent", id: AGENT },
    parts: [{ kind: "text", text: "x".repeat(200) }],
  });

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

async function made(
  url: string,
  path: string,
  json: unknown,
  headers = {},
): Promise<Record<string, unknown>> {
  const response = await fetch(new URL(path, url), {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(json),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`POST ${path} answered ${response.status}: ${text}`);
  }
  return JSON.parse(text) as Record<string, unknown>;
}

/** The rooms of a network, with the agent that posts to them. */
async function seed(url: string, headers: Record<string, string> = {}): Promise<void> {
  for (let room = 0; room < ROOMS; room++) {
    await made(url, "/v1/rooms", { id: `room-${room}`, members: [AGENT] }, headers);
  }
}

const ends: (() => Promise<unknown>)[] = [];

async function floors(folder: string): Promise<Target[]> {
  const own = join(folder, "floor");
  mkdirSync(own);
  const { child, url } = await startWorkerd({
    folder: own,
    source: fileURLToPath(new URL(".", import.meta.url)),
    modules: ["floor.js"],
    texts: {},
    objects: { SINGLE: "Single", SHARED: "Shared" },
  });
  ends.push(() => end(child));
  return [
    { title: SINGLE, url: `${url}/single`, headers: {} },
    { title: SHARED, url: `${url}/shared`, headers: {} },
  ];
}

async function ours(folder: string): Promise<Target[]> {
  // Neither the original nor the bare objects write a line for each call.
  const vars = { CALL_LOG: "off" };
  const open = await startOurs(NONE, { persist: join(folder, "none"), vars });
  ends.push(() => open.stop());
  await seed(open.url);
  const closed = await startOurs(BEARER, { persist: join(folder, "bearer"), vars });
  ends.push(() => closed.stop());
  for (const { worker } of [open, closed]) {
    await liftPostLimit(worker);
  }
  const operator = bearer(tokenValue("operator"));
  await seed(closed.url, operator);
  const registered = await made(
    closed.url,
    "/v1/agents/register",
    { requested_agent_id: AGENT },
    bearer(tokenValue("adminWrite")),
  );
  const rotated = await made(closed.url, `/v1/agents/${registered.agent_id}/token`, {}, operator);
  const path = (url: string) => `${url}/v1/messages`;
  return [
    { title: "ours, no authentication", url: path(open.url), headers: {} },
    { title: "ours, static token", url: path(closed.url), headers: operator },
    {
      title: "ours, the console's cookie",
      url: path(closed.url),
      headers: { cookie: `moltnet_auth=${tokenValue("operator")}`, "sec-fetch-site": "same-origin" },
    },
    { title: "ours, agent token", url: path(closed.url), headers: bearer(String(rotated.agent_token)) },
  ];
}

async function original(folder: string): Promise<Target[]> {
  if (MOLTNET === undefined) {
    say("left out: the original, since MOLTNET_BIN is not set");
    return [];
  }
  const persist = join(folder, "original");
  mkdirSync(persist);
  const running = await startOriginal(BEARER, persist);
  ends.push(() => running.stop());
  const operator = bearer(tokenValue("operator"));
  await seed(running.url, operator);
  return [{ title: ORIGINAL, url: `${running.url}/v1/messages`, headers: operator }];
}

const median = (list: number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1] ?? Number.NaN;

/** Posts to a target in a closed loop; then it rests. */
async function load(target: Target, connections: number, room: string, seconds: string): Promise<Report> {
  const headers = Object.entries(target.headers).flatMap(([name, value]) => [
    "--header",
    `${name}: ${value}`,
  ]);
  const what = ["--url", target.url, ...headers, "--body", body(room), "--connections", String(connections)];
  const report = await measure(["closed", ...what, "--seconds", seconds, "--warmup", "0.3"]);
  await setTimeout(REST_MS);
  return report;
}

async function run(targets: Target[]): Promise<void> {
  for (const target of targets) {
    await load(target, ROOMS, "room-{connection}", WARM_SECONDS);
  }
  for (const { title, connections, room } of TESTS) {
    const rates = new Map<string, number[]>();
    const p50s = new Map<string, number[]>();
    const remarks = new Map<string, string>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const target of targets) {
        const report = await load(target, connections, room, SECONDS);
        rates.set(target.title, [...(rates.get(target.title) ?? []), report.calls_per_second]);
        p50s.set(target.title, [...(p50s.get(target.title) ?? []), report.total?.p50_us ?? Number.NaN]);
        if (Object.keys(report.errors).length > 0) {
          process.exitCode = 1;
          remarks.set(target.title, JSON.stringify(report.errors));
        }
      }
    }
    process.stdout.write(`\n${title} (medians of ${ROUNDS} rounds)\n`);
    /** The median of the ratios within each round. */
    const ratio = (of: Map<string, number[]>, target: string, than: string): string | undefined => {
      const other = of.get(than);
      const parts = of.get(target)?.map((value, round) => value / (other?.[round] ?? Number.NaN));
      return other === undefined || parts === undefined ? undefined : median(parts).toFixed(2);
    };
    for (const target of targets) {
      const rate = median(rates.get(target.title) ?? []).toFixed(0);
      const p50 = (median(p50s.get(target.title) ?? []) / 1000).toFixed(2);
      const remark = remarks.get(target.title) ?? "";
      const ratios = [
        ["× shared", ratio(rates, target.title, SHARED)],
        ["× single", ratio(rates, target.title, SINGLE)],
        ["× original", ratio(rates, target.title, ORIGINAL)],
        ["p50 × single", ratio(p50s, target.title, SINGLE)],
      ]
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${value} ${name}`)
        .join("  ");
      process.stdout.write(
        `  ${target.title.padEnd(30)} ${rate.padStart(6)}/s  p50 ${p50.padStart(6)} ms  ${ratios}  ${remark}\n`,
      );
    }
  }
}

async function main(): Promise<void> {
  await buildLoad();
  const folder = scratch(`posts-${randomUUID().slice(0, 8)}`);
  try {
    const targets = [...(await floors(folder)), ...(await original(folder)), ...(await ours(folder))];
    await run(targets);
  } finally {
    await Promise.all(ends.map((stop) => stop()));
    discard(folder);
  }
}

await main();

// `make bench ARGS='network PIECE'`: how the network bears many messages, many rooms, and a D1 that was away. Pieces:
// `history`, `rooms`, `follow`. See docs/performance.md.
//
// Invariant: every program that is started here has ended when this one ends.

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { discard, scratch } from "../../tests/harness/scratch.ts";
import { until } from "../../tests/harness/until.ts";
import type { WorkerOptions } from "../../tests/harness/worker.ts";
import { liftPostLimit, type RunningOurs, startOurs } from "../../tests/network/ours.ts";
import { NETWORK_ID, NONE } from "../../tests/network/setup.ts";
import { say } from "../step.ts";
import { fillRoom } from "./fill.ts";

const ASKED = Number(process.env.ASKED ?? 1_000);
const MANY = Number(process.env.MANY ?? 1_000_000);
const FEW = 1_000;
const MANY_ROOMS = Number(process.env.MANY_ROOMS ?? 10_000);
const FEW_ROOMS = 100;
const RATE = 500;
const RATE_S = 20;
const BACKLOG = 20_000;
const ROOM = "measured";

const running: RunningOurs[] = [];
const VARS = { CALL_LOG: "off" };
const folder = scratch(`network-${randomUUID().slice(0, 8)}`);
let missed = 0;

async function started(name: string, options: WorkerOptions = {}): Promise<RunningOurs> {
  const ours = await startOurs(NONE, { persist: join(folder, name), vars: VARS, ...options });
  running.push(ours);
  await liftPostLimit(ours.worker);
  return ours;
}

async function stopped(ours: RunningOurs): Promise<void> {
  running.splice(running.indexOf(ours), 1);
  // Not in good order: that would search gigabytes for secrets.
  await ours.worker.kill9();
}

async function allStopped(): Promise<void> {
  for (const ours of [...running]) {
    await stopped(ours);
  }
}

/** A request that must work; how long it took, in milliseconds. */
async function timed(ours: RunningOurs, path: string, json?: unknown): Promise<number> {
  const from = performance.now();
  const init = json === undefined ? {} : { method: "POST", body: JSON.stringify(json) };
  const answer = await fetch(new URL(path, ours.url), init);
  const text = await answer.text();
  if (!answer.ok) {
    throw new Error(`${path} answered ${answer.status}: ${text}`);
  }
  return performance.now() - from;
}

const message = (text: string): object => ({
  target: { kind: "room", room_id: ROOM },
  from: { type: "agent", id: "a" },
  parts: [{ kind: "text", text }],
});

const quantile = (list: number[], part: number): number =>
  list.toSorted((a, b) => a - b)[Math.floor((list.length - 1) * part)] ?? Number.NaN;

function judge(what: string, value: number, bar: string, holds: boolean): void {
  missed += holds ? 0 : 1;
  process.stdout.write(`${what}: ${value.toFixed(2)} (bar: ${bar}) ${holds ? "holds" : "MISSED"}\n`);
}

/** The same question to two Workers by turns: `large` over `small` at p99, in five parts, of which the median counts. */
async function compared(
  what: string,
  bar: number,
  [small, large]: [RunningOurs, RunningOurs],
  one: (ours: RunningOurs, n: number) => Promise<number>,
): Promise<void> {
  const times: [number[], number[]] = [[], []];
  const ratios: number[] = [];
  for (let n = -50; n < ASKED; n += 1) {
    const [of, than] = [await one(large, n), await one(small, n)];
    if (n >= 0) {
      times[1].push(of);
      times[0].push(than);
    }
  }
  const part = Math.ceil(ASKED / 5);
  for (let at = 0; at < ASKED; at += part) {
    const cut = (list: number[]): number => quantile(list.slice(at, at + part), 0.99);
    ratios.push(cut(times[1]) / cut(times[0]));
  }
  const shown = times.map(
    (list) => `p50 ${quantile(list, 0.5).toFixed(2)} p99 ${quantile(list, 0.99).toFixed(2)} ms`,
  );
  process.stdout.write(`${what}: few ${shown[0]}, many ${shown[1]}\n`);
  const ratio = quantile(ratios, 0.5);
  judge(`  ratio of p99`, ratio, `≤ ${bar}`, ratio <= bar);
}

/** A Worker whose one room holds so many messages. */
async function withMessages(name: string, total: number): Promise<RunningOurs> {
  const first = await started(name);
  await timed(first, "/v1/rooms", { id: ROOM, members: ["a"] });
  for (let n = 0; n < 3; n += 1) {
    await timed(first, "/v1/messages", message("x".repeat(200)));
  }
  await until("D1", async () => {
    const [{ n: history } = { n: 0 }] = await first.worker.d1("SELECT count(*) AS n FROM message");
    const [{ n: search } = { n: 0 }] = await first.worker.searched("SELECT count(*) AS n FROM document");
    return history === 3 && search === 3;
  });
  await stopped(first);
  say(`filling a room with ${total} messages`);
  fillRoom(join(folder, name), NETWORK_ID, ROOM, total);
  return started(name);
}

/** Pages, posts and the search, with many messages and with few. */
async function history(): Promise<void> {
  const both: [RunningOurs, RunningOurs] = [await withMessages("few", FEW), await withMessages("many", MANY)];
  await compared("newest page", 1.2, both, (ours) => timed(ours, `/v1/rooms/${ROOM}/messages?limit=50`));
  await compared("page in the middle", 1.2, both, (ours, n) => {
    const total = ours === both[0] ? FEW : MANY;
    const before = `filled-${Math.floor(total / 2) + (Math.abs(n) % 100)}`;
    return timed(ours, `/v1/rooms/${ROOM}/messages?limit=50&before=${before}`);
  });
  await compared("post", 1.2, both, (ours) => timed(ours, "/v1/messages", message("x".repeat(200))));
  const times: number[] = [];
  const words = ["filled", "word7", "word500", "word40000", "word3 word44"];
  for (let n = 0; n < ASKED; n += 1) {
    times.push(await timed(both[1], `/v1/search?q=${encodeURIComponent(words[n % words.length] ?? "")}`));
  }
  const p99 = quantile(times, 0.99);
  judge(`search over ${MANY} messages, p99 in ms`, p99, "≤ 50", p99 <= 50);
}

async function withRooms(name: string, count: number): Promise<RunningOurs> {
  const ours = await started(name);
  say(`making ${count} rooms`);
  const ids = Array.from({ length: count }, (_, n) => `room-${String(n).padStart(5, "0")}`);
  for (let at = 0; at < count; at += 500) {
    const rooms = ids.slice(at, at + 500).map((id) => ({ id, name: id, members: ["a", "b", "c"] }));
    await timed(ours, "/v1/apply", { rooms });
  }
  await until(
    "D1",
    async () => {
      const [row] = await ours.worker.d1("SELECT count(*) AS n FROM network_room");
      return row?.n === count;
    },
    180_000,
  ).catch(() => say("D1 has not followed; measured all the same"));
  return ours;
}

/** The list of rooms, with many and with few. */
async function rooms(): Promise<void> {
  const both: [RunningOurs, RunningOurs] = [
    await withRooms("few", FEW_ROOMS),
    await withRooms("many", MANY_ROOMS),
  ];
  await compared("list of rooms", 1.5, both, (ours) => timed(ours, "/v1/rooms"));
  await compared("its middle", 1.5, both, (ours) => {
    const total = ours === both[0] ? FEW_ROOMS : MANY_ROOMS;
    return timed(ours, `/v1/rooms?after=room-${String(Math.floor(total / 10)).padStart(5, "0")}&limit=50`);
  });
}

/** Messages in D1, by their number, until all are there: how late each was seen. */
async function follow(): Promise<void> {
  let ours = await started("follow");
  await timed(ours, "/v1/rooms", { id: ROOM, members: ["a"] });
  const began = performance.now();
  const posted: number[] = [];
  const lags: number[] = [];
  const late: Promise<unknown>[] = [];
  const paced = (async () => {
    for (let n = 0; n < RATE * RATE_S; n += 1) {
      const wait = began + (n * 1_000) / RATE - performance.now();
      if (wait > 0) {
        await sleep(wait);
      }
      late.push(
        timed(ours, "/v1/messages", message("x".repeat(200))).then(() => posted.push(performance.now())),
      );
    }
    await Promise.all(late);
  })();
  let seen = 0;
  while (seen < RATE * RATE_S) {
    const [row] = await ours.worker.d1("SELECT coalesce(max(offset), 1) - 1 AS n FROM history");
    const now = performance.now();
    for (const count = Math.min(Number(row?.n ?? 0), posted.length); seen < count; seen += 1) {
      lags.push(now - (posted[seen] ?? now));
    }
    await sleep(50);
  }
  await paced;
  const rate = (RATE * RATE_S * 1_000) / ((posted.at(-1) ?? began) - began);
  process.stdout.write(
    `posted at ${rate.toFixed(0)} messages/s; D1 behind by p50 ${quantile(lags, 0.5).toFixed(0)} ms\n`,
  );
  const p99 = quantile(lags, 0.99) / 1_000;
  judge("  lag of D1, p99 in s", p99, "≤ 2", p99 <= 2);
  await stopped(ours);
  // An outage: D1 is away while messages go on.
  ours = await started("follow", { d1: "down" });
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < BACKLOG) {
      next += 1;
      await timed(ours, "/v1/messages", message("x".repeat(200)));
    }
  };
  await Promise.all(Array.from({ length: 16 }, writer));
  await stopped(ours);
  ours = await started("follow");
  const total = RATE * RATE_S + BACKLOG;
  const count = async (): Promise<number> => {
    const [row] = await ours.worker.d1("SELECT coalesce(max(offset), 1) - 1 AS n FROM history");
    return Number(row?.n ?? 0);
  };
  // The clock runs from when D1 was last seen without any of them.
  let from = performance.now();
  const none = async (): Promise<boolean> => {
    const asked = performance.now();
    const seen = (await count()) > RATE * RATE_S;
    from = seen ? from : asked;
    return seen;
  };
  await until("the first rows after the outage", none, 60_000);
  await until("everything after the outage", async () => (await count()) >= total, 120_000);
  const caught = (BACKLOG * 1_000) / (performance.now() - from);
  judge("  rows/s caught up", caught, "≥ 2000", caught >= 2_000);
}

const PIECES: Record<string, () => Promise<void>> = { history, rooms, follow };

try {
  const wanted = process.argv.slice(2);
  for (const name of wanted.length === 0 ? Object.keys(PIECES) : wanted) {
    const piece = PIECES[name];
    if (piece === undefined) {
      throw new Error(`no piece is called ${name}: ${Object.keys(PIECES).join(", ")}`);
    }
    process.stdout.write(`\n${name}\n`);
    await piece();
    await allStopped();
  }
} finally {
  await allStopped();
  discard(folder);
}
process.exitCode = missed === 0 ? 0 : 1;

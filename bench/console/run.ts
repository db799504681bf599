// `make bench ARGS='console PIECE'`: what the console costs its reader and the server. Pieces: `first`, `live`, `scroll`,
// `lighthouse`. See docs/performance.md.
//
// Invariant: the page is the built one, served by the built Worker, in the browser that the suites drive.

import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { openPage, startBrowser } from "../../tests/console/browser.ts";
import { fill } from "../../tests/console/screens.ts";
import { type Stage, setStage } from "../../tests/console/stage.ts";
import { until } from "../../tests/harness/until.ts";
import { say } from "../step.ts";
import { type Moved, press, WATCH_LIST, WATCH_SAID, wheel } from "./browser.ts";
import { type Cookie, judged } from "./lighthouse.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 7);
const SECONDS = Number(process.env.SECONDS ?? 60);
const MESSAGES = Number(process.env.MESSAGES ?? 10_000);
const PER_SECOND = 50;
const LEAST_SCORE = 95;
/** Of the wheel, in pixels; and how often a key is pressed. */
const TURN = 600;
const PRESSES = 20;
const LISTS = /^\/v1\/(rooms|agents|dms)(\?|$)|\/messages\?|\/threads\?/;

let missed = 0;

const quantile = (list: readonly number[], part: number): number =>
  list.toSorted((a, b) => a - b)[Math.floor((list.length - 1) * part)] ?? Number.NaN;

function judge(what: string, value: number, unit: string, bar: string, holds: boolean): void {
  missed += holds ? 0 : 1;
  const shown = Number.isInteger(value) ? String(value) : value.toFixed(1);
  process.stdout.write(`  ${what}: ${shown}${unit} (bar: ${bar}) ${holds ? "holds" : "MISSED"}\n`);
}

/** From asking for the page to the first room in the list, each time in a browser context that has nothing yet. */
async function first(stage: Stage, browser: Browser): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const { page, context } = await openPage(browser);
    await context.addCookies([{ name: "moltnet_auth", value: stage.operator, url: stage.url }]);
    await page.addInitScript(WATCH_LIST);
    await page.goto(`${stage.url}/console/`);
    await until("the list to be painted", () => page.evaluate<boolean>("window.listPainted > 0"));
    times.push(await page.evaluate<number>("window.listPainted"));
    await context.close();
  }
  const median = quantile(times, 0.5);
  judge(`first list painted, median of ${String(ROUNDS)}`, median, " ms", "≤ 1,000 ms", median <= 1_000);
}

async function atRest(requests: readonly string[]): Promise<void> {
  for (let before = -1; before !== requests.length; ) {
    before = requests.length;
    await sleep(1_000);
  }
}

/** Messages at a steady rate: how late each is seen, and what the page asks for meanwhile. */
async function live(stage: Stage, browser: Browser): Promise<void> {
  const { page, context, errors, requests } = await openPage(browser);
  await stage.signIn(page);
  await page.goto(`${stage.url}/console/room/lobby`);
  await page.getByText("Live", { exact: true }).waitFor();
  await atRest(requests);
  await page.evaluate(WATCH_SAID);
  const asked = requests.length;
  const under: Promise<void>[] = [];
  const total = SECONDS * PER_SECOND;
  const begun = performance.now();
  for (let sent = 0; sent < total; sent += 1) {
    under.push(stage.say({ room: "lobby", id: `live-${String(sent)}`, text: `said ${String(Date.now())}` }));
    await sleep(Math.max(0, begun + ((sent + 1) * 1_000) / PER_SECOND - performance.now()));
  }
  await Promise.all(under);
  const seen = () => page.evaluate<number>("window.delays.length");
  // What has not come in the end is counted below.
  await until("the last message to be seen", async () => (await seen()) >= total, 10_000).catch(
    () => undefined,
  );
  const delays = await page.evaluate<number[]>("window.delays");
  const lists = requests.slice(asked).filter((path) => LISTS.test(path));
  process.stdout.write(
    `  ${String(total)} messages in ${String(SECONDS)} s; from its sending to the paint ` +
      `p50 ${String(quantile(delays, 0.5))} p95 ${String(quantile(delays, 0.95))} p99 ${String(quantile(delays, 0.99))} ms\n`,
  );
  judge("messages not seen", total - delays.length, "", "0", delays.length === total);
  judge("requests for lists", lists.length, "", "0", lists.length === 0);
  const median = quantile(delays, 0.5);
  judge("a message is seen after, median", median, " ms", "≤ 150 ms", median <= 150);
  judge("errors of the page", errors.length, "", "0", errors.length === 0);
  await context.close();
}

/** Whether the reader is at an end of the history, and nothing is left to be read there. */
const atEnd = (page: Page, way: "up" | "down") => async () =>
  (await page.locator(".scroll-inner > .waiting").count()) === 0 &&
  (await page
    .locator(".scroll")
    .evaluate(
      (box, up) => (up ? box.scrollTop : box.scrollHeight - box.scrollTop - box.clientHeight) < 1,
      way === "up",
    ));

function report(name: string, { sent, came, asked, moved, empty, delays, frames }: Moved): void {
  process.stdout.write(
    `  ${name}: ${String(sent)} turns of the wheel, to the paint p50 ${quantile(delays, 0.5).toFixed(0)} ` +
      `p99 ${quantile(delays, 0.99).toFixed(0)} ms; ${String(frames.length)} frames, apart p50 ${quantile(frames, 0.5).toFixed(0)} ` +
      `p99 ${quantile(frames, 0.99).toFixed(0)} longest ${Math.max(...frames).toFixed(0)} ms, ${String(empty)} empty; ` +
      `${String(Math.abs(asked))} pixels asked for, ${Math.abs(moved).toFixed(0)} moved\n`,
  );
  judge(`${name}: turns that were dropped`, sent - came, "", "0", came === sent);
  const off = Math.abs(asked - moved) / TURN;
  judge(`${name}: turns' worth of pixels that went astray`, off, "", "< 1", off < 1 && asked !== 0);
}

/** A long history both ways by the wheel, and by keys. */
async function scroll(stage: Stage, browser: Browser): Promise<void> {
  await stage.network("/v1/rooms", { id: "endless", name: "Endless", members: ["alpha"] });
  say(`Posting ${String(MESSAGES)} messages`);
  for (let at = 0; at < MESSAGES; at += 20) {
    const some = Array.from({ length: Math.min(20, MESSAGES - at) }, (_, more) => at + more);
    await Promise.all(
      some.map((one) => {
        const text = `entry ${String(one)} with \`code\` and **more**\n\n- one\n- two`;
        return stage.say({
          room: "endless",
          id: `e-${String(one)}`,
          text,
          from: one % 3 === 0 ? "beta" : "alpha",
        });
      }),
    );
  }
  // One more by itself, so that it is surely the last.
  await stage.say({ room: "endless", id: "e-last", text: "the last" });
  const { page, context, errors } = await openPage(browser);
  await stage.signIn(page);
  const began = performance.now();
  // The end is in the page already when the reader comes back to it; by an address the way down is read page by page.
  for (const [name, path, ways] of [
    ["from the end", "", ["up", "down"]],
    ["from the first message", "?at=e-0", ["down"]],
  ] as const) {
    await page.goto(`${stage.url}/console/room/endless${path}`);
    await page.locator(`[data-message="${path === "" ? "e-last" : "e-0"}"]`).waitFor();
    await page.getByRole("log").hover();
    for (const way of ways) {
      report(`${name}, ${way}`, await wheel(page, way === "up" ? -TURN : TURN, atEnd(page, way)));
    }
    const drawn = await page.locator("[data-message]").count();
    process.stdout.write(`  ${String(drawn)} of ${String(MESSAGES)} messages in the page at the end\n`);
  }
  await page.getByRole("log").focus();
  await page.keyboard.press("Home");
  await until("the first message", async () => await page.locator('[data-message="e-0"]').isVisible());
  for (const key of ["PageDown", "PageUp"]) {
    const { came, short } = await press(page, key, PRESSES);
    judge(
      `${key}: presses that were dropped`,
      PRESSES - came + short,
      "",
      "0",
      came === PRESSES && short === 0,
    );
  }
  process.stdout.write(`  all in ${((performance.now() - began) / 1_000).toFixed(0)} s\n`);
  judge("errors of the page", errors.length, "", "0", errors.length === 0);
  await context.close();
}

/** A page that is signed in to both surfaces, as its cookies. */
async function cookies(stage: Stage, browser: Browser): Promise<Cookie[]> {
  const { page, context } = await openPage(browser);
  await stage.signIn(page, stage.roles.admin, "/console/endpoints");
  const found = await context.cookies();
  await context.close();
  return [
    ...found.map(({ name, value }) => ({ name, value })),
    { name: "moltnet_auth", value: stage.operator },
  ];
}

async function lighthouse(stage: Stage, browser: Browser): Promise<void> {
  await fill(stage);
  const held = await cookies(stage, browser);
  const at = (path: string) => `${stage.url}/console/${path}`;
  const pages = [
    { name: "start", url: at(""), cookies: held },
    { name: "room", url: at("room/lobby"), cookies: held },
    { name: "endpoint", url: at(`endpoints/${stage.tenant.id}`), cookies: held },
    { name: "keys", url: at(`endpoints/${stage.tenant.id}/keys`), cookies: held },
  ];
  await judged(pages, (name, form, { scores, faults }) => {
    for (const [category, score] of Object.entries(scores)) {
      judge(`${name}, ${form}: ${category}`, score, "", `≥ ${String(LEAST_SCORE)}`, score >= LEAST_SCORE);
    }
    for (const fault of faults) {
      process.stdout.write(`    ${fault}\n`);
    }
  });
}

const PIECES = { first, live, scroll, lighthouse };

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  for (const name of wanted) {
    if (!(name in PIECES)) {
      throw new Error(`there is no piece ${name}; known: ${Object.keys(PIECES).join(", ")}`);
    }
  }
  for (const [name, piece] of Object.entries(PIECES)) {
    if (wanted.length > 0 && !wanted.includes(name)) {
      continue;
    }
    process.stdout.write(`${name}\n`);
    // A stage of its own for each: what one has said does not weigh on the next.
    const [stage, browser] = await Promise.all([setStage(), startBrowser()]);
    try {
      await piece(stage, browser);
    } finally {
      await browser.close();
      await stage.stop();
    }
  }
  process.exitCode = missed > 0 ? 1 : 0;
}

await main();

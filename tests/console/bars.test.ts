// What the console costs its reader and the server: that each message is drawn as it comes and no list is read however
// much happens, and that a long history keeps the page small. How soon a message is seen is measured by the bench.
//
// `CONSOLE_SECONDS` is how long events come (10; the bar of the project is said for 60).

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { until } from "../harness/index.ts";
import { openPage } from "./browser.ts";
import { onStage } from "./curtain.ts";
import type { Stage } from "./stage.ts";

const SECONDS = Number(process.env.CONSOLE_SECONDS ?? "10");
const PER_SECOND = 50;
const LISTS = /^\/v1\/(rooms|agents|dms)(\?|$)|\/messages\?|\/threads\?/;
const LONG = 2_000;

/** Notes which messages were drawn. */
const WATCH = `
  window.drawn = new Set();
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const node of addedNodes) {
      const all = node instanceof Element ? [node, ...node.querySelectorAll("[data-message]")] : [];
      for (const { dataset } of all) if (dataset.message?.startsWith("loud-")) window.drawn.add(dataset.message);
    }
  }).observe(document.body, { childList: true, subtree: true });
`;

let stage: Stage;
let browser: Browser;

onStage((...set) => {
  [stage, browser] = set;
});

/** Says much for a while; how many messages were said, once all were drawn. */
async function loud(page: Page): Promise<number> {
  await page.evaluate(WATCH);
  const end = performance.now() + SECONDS * 1_000;
  let next = performance.now();
  let sent = 0;
  const under: Promise<void>[] = [];
  while (performance.now() < end) {
    under.push(stage.say({ room: "lobby", id: `loud-${String(sent)}`, text: `said ${String(sent)}` }));
    sent += 1;
    next += 1_000 / PER_SECOND;
    await sleep(Math.max(0, next - performance.now()));
  }
  await Promise.all(under);
  await until("every message to be drawn", async () => (await page.evaluate("window.drawn.size")) === sent);
  return sent;
}

describe("the console under load", () => {
  it(`reads no list while ${String(PER_SECOND)} events a second come, and draws every message`, async (t) => {
    const { page, context, errors, requests } = await openPage(browser);
    await stage.signIn(page);
    await page.goto(`${stage.url}/console/room/lobby`);
    await page.getByText("Nothing was said here yet").waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    // What is looked up once when the page opens is over by now.
    await until("the page to be at rest", async () => {
      const before = requests.length;
      await sleep(500);
      return requests.length === before;
    });
    const before = requests.length;
    const said = await loud(page);
    const lists = requests.slice(before).filter((path) => LISTS.test(path));
    assert.deepEqual(lists, []);
    t.diagnostic(`${String(said)} messages`);
    assert.deepEqual(errors, []);
    await context.close();
  });

  it("keeps a long history small and its place", async (t) => {
    await stage.network("/v1/rooms", { id: "endless", name: "Endless", members: ["alpha"] });
    for (let at = 0; at < LONG; at += 20) {
      // In order, block by block: what is said at once has no order.
      const some = Array.from({ length: 20 }, (_, more) => at + more);
      await Promise.all(
        some.map((one) =>
          stage.say({ room: "endless", id: `e-${String(one)}`, text: `entry ${String(one)}\n\nmore` }),
        ),
      );
    }
    const { page, context, errors } = await openPage(browser);
    await stage.signIn(page);
    await page.goto(`${stage.url}/console/room/endless`);
    await page.locator("[data-message]").last().waitFor();
    await page.getByRole("log").hover();
    let most = 0;
    await until(
      "the first of all messages",
      async () => {
        await page.mouse.wheel(0, -4_000);
        most = Math.max(most, await page.locator("[data-message]").count());
        return (await page.locator('[data-message="e-0"]').count()) > 0;
      },
      60_000,
    );
    t.diagnostic(`at most ${String(most)} of ${String(LONG)} messages were in the page`);
    assert.ok(most < 700, `${String(most)} messages were in the page at once`);
    // Back down a little, something new comes: what is read stays where it is.
    await page.mouse.wheel(0, 900);
    const top = async () => {
      const ids = await page.locator("[data-message]").evaluateAll((all) =>
        all.flatMap((one) => {
          const { top, bottom } = one.getBoundingClientRect();
          return bottom > 100 && top < 300
            ? [`${one.getAttribute("data-message") ?? ""} ${String(Math.round(top))}`]
            : [];
        }),
      );
      return ids;
    };
    let before: string[] = [];
    await until("the page to stand still", async () => {
      const last = before;
      before = await top();
      return before.length > 0 && before.join() === last.join();
    });
    const unread = page.getByRole("link", { name: /Lobby.*unread/ });
    assert.equal(await unread.count(), 0);
    await stage.say({ room: "endless", text: "something new" });
    // What comes after it is seen beside the list of rooms.
    await stage.say({ room: "lobby", text: "something else" });
    await unread.waitFor();
    assert.deepEqual(await top(), before);
    assert.deepEqual(errors, []);
    await context.close();
  });
});

// Finding: by words, by mention, by name, by a link; and what is shown of artifacts.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { until } from "../harness/index.ts";
import { DESK, openPage } from "./browser.ts";
import { onStage } from "./curtain.ts";
import type { Stage } from "./stage.ts";

const FILLED = 200;
const NEEDLE = "n-20";

let stage: Stage;
let browser: Browser;

onStage(async (...set) => {
  [stage, browser] = set;
  for (let at = 0; at < FILLED; at += 1) {
    const text = at === 20 ? "the *Needle* lies, at last, in the hay" : `hay ${String(at)}`;
    await stage.say({ room: "lobby", id: `n-${String(at)}`, text });
  }
});

const inView = async (page: Page, message: string): Promise<boolean> => {
  const box = await page.locator(`[data-message="${message}"]`).boundingBox();
  return box !== null && box.y > 0 && box.y + box.height < DESK.height;
};

/** What was just said is found a second or two later. */
async function searchUntilFound(page: Page, words: string): Promise<void> {
  await until(
    `${words} to be found`,
    async () => {
      await page.getByLabel("Words to find").fill("");
      await page.goto(`${stage.url}/console/search?q=${encodeURIComponent(words)}`);
      await page.locator("ol.cards, .empty").first().waitFor();
      return (await page.locator("ol.cards li").count()) > 0;
    },
    30_000,
  );
}

describe("a search", () => {
  it("marks what it found, and leads to it", async () => {
    const { page, context, errors } = await openPage(browser);
    await stage.signIn(page);
    await page.keyboard.press("/");
    await searchUntilFound(page, '"at last" need*');
    assert.deepEqual(await page.locator("mark").allTextContents(), ["Needle", "at last"]);
    await page.getByRole("link", { name: /Needle/ }).click();
    await until("the message to be in view", () => inView(page, NEEDLE));
    assert.ok((await page.locator(`[data-message="${NEEDLE}"]`).getAttribute("class"))?.includes("marked"));
    assert.equal(new URL(page.url()).search, `?at=${NEEDLE}`);
    // From there both ways.
    const log = page.getByRole("log");
    await log.hover();
    await until("the first message", async () => {
      await page.mouse.wheel(0, -1_500);
      return (await page.locator('[data-message="n-0"]').count()) > 0;
    });
    await until("the newest message", async () => {
      await page.mouse.wheel(0, 3_000);
      return (await page.locator(`[data-message="n-${String(FILLED - 1)}"]`).count()) > 0;
    });
    await page.goBack();
    await page.getByRole("link", { name: /Needle/ }).waitFor();
    assert.deepEqual(errors, []);
    await context.close();
  });

  it("is narrowed to a room, and says when nothing was found", async () => {
    const { page, context, errors } = await openPage(browser);
    await stage.signIn(page);
    await page.goto(`${stage.url}/console/search`);
    await page.getByLabel("Words to find").fill("needle");
    await page.getByLabel("Room", { exact: true }).selectOption({ label: "Core team" });
    await page.keyboard.press("Tab");
    await page.getByRole("button", { name: "Search", exact: true }).click();
    await page.getByText("Nothing found").waitFor();
    assert.equal(new URL(page.url()).search, "?q=needle&room=core");
    assert.deepEqual(errors, []);
    await context.close();
  });
});

describe("a mention of the operator", () => {
  it("is counted, listed and answered in a thread of its own", async () => {
    const { page, context, errors } = await openPage(browser);
    await stage.signIn(page);
    await page.getByText("Live", { exact: true }).waitFor();
    await stage.say({ room: "core", id: "call-1", text: "@operator which region?" });
    await stage.say({ room: "core", text: "an operator@example.com is nobody's call" });
    await page.getByRole("link", { name: /^Core team.*@2 unread/ }).waitFor();
    await page.getByRole("link", { name: /^Mentions.*1 unread/ }).click();
    const call = page.getByRole("main").getByRole("link", { name: /which region/ });
    await call.getByText("New", { exact: true }).waitFor();
    await call.click();
    const message = page.locator('[data-message="call-1"]');
    await message.getByText("Mentions you").waitFor();
    await message.hover();
    await message.getByRole("button", { name: "Reply in a thread" }).click();
    const thread = page.getByRole("complementary", { name: "Thread" });
    await thread.getByText("@operator which region?").waitFor();
    await thread.getByLabel("Message", { exact: true }).fill("the near one");
    await page.keyboard.press("Enter");
    await thread.getByRole("log").getByText("the near one").waitFor();
    await message.getByRole("link", { name: /^1 reply/ }).waitFor();
    const id = new URL(page.url()).pathname.split("/").at(-1) ?? "";
    const [held] = await stage.messages(`threads/${id}`);
    assert.deepEqual(held?.target, {
      kind: "thread",
      room_id: "core",
      thread_id: id,
      parent_message_id: "call-1",
    });
    // Opened anew, the thread is there with what it answers.
    await page.reload();
    await thread.getByRole("log").getByText("the near one").waitFor();
    assert.equal(await page.getByRole("link", { name: /^Mentions.*unread/ }).count(), 0);
    await page.getByRole("link", { name: /^Mentions/ }).click();
    await call.waitFor();
    assert.equal(await call.getByText("New", { exact: true }).count(), 0);
    assert.deepEqual(errors, []);
    await context.close();
  });
});

describe("threads", () => {
  it("are listed, the newest first, with what is unread", async () => {
    await stage.say({ room: "lobby", id: "q-1", text: "first question" });
    await stage.say({ room: "lobby", id: "q-2", text: "second question" });
    await stage.say({ room: "lobby", thread: "t-2", parent: "q-2", text: "an answer" });
    await stage.say({ room: "lobby", thread: "t-1", parent: "q-1", text: "an answer" });
    const { page, context, errors } = await openPage(browser);
    await stage.signIn(page);
    await page.goto(`${stage.url}/console/room/lobby`);
    await page.getByRole("link", { name: /^Threads 2/ }).click();
    const pane = page.getByRole("complementary", { name: "Threads" });
    const rows = pane.getByRole("listitem");
    await rows.first().getByText("Alpha: first question").waitFor();
    await stage.say({ room: "lobby", thread: "t-2", parent: "q-2", text: "one more" });
    await rows.first().getByText("Alpha: second question").waitFor();
    await rows.first().getByText("1 unread").waitFor();
    await rows.first().getByText("2 replies").waitFor();
    await rows.first().getByRole("link").click();
    const thread = page.getByRole("complementary", { name: "Thread", exact: true });
    await thread.getByText("one more").waitFor();
    await page.getByRole("link", { name: /^Threads.*unread/ }).waitFor({ state: "detached" });
    await page.keyboard.press("w");
    await page.keyboard.type("by keyboard alone");
    await page.keyboard.press("Enter");
    await thread.getByText("by keyboard alone").waitFor();
    await page.keyboard.press("Escape");
    await thread.waitFor({ state: "detached" });
    await page.getByRole("link", { name: /^Members 2/ }).click();
    await page.getByRole("complementary", { name: "Members" }).getByText("@beta").waitFor();
    assert.deepEqual(errors, []);
    await context.close();
  });
});

describe("the keys", () => {
  it("lead anywhere by name", async () => {
    const { page, context, errors } = await openPage(browser);
    await stage.signIn(page);
    await page.getByText("Live", { exact: true }).waitFor();
    await page.keyboard.press("Control+k");
    await page.getByLabel("Where to").fill("team");
    await page.getByRole("option", { name: "Core team Room", selected: true }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Core team", level: 1 }).waitFor();
    await page.keyboard.press("Control+k");
    await page.getByLabel("Where to").fill("lo");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Lobby", level: 1 }).waitFor();
    await page.locator("[data-message]").last().waitFor();
    await page.keyboard.press("k");
    const focused = () => page.evaluate<string>("document.activeElement.dataset.message ?? ''");
    await until("a message to have the focus", async () => (await focused()) !== "");
    const last = await focused();
    await page.keyboard.press("k");
    assert.notEqual(await focused(), last);
    await page.keyboard.press("j");
    assert.equal(await focused(), last);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.deepEqual(errors, []);
    await context.close();
  });
});

describe("artifacts", () => {
  it("are named and led to, and never loaded by themselves", async () => {
    await stage.network("/v1/rooms", { id: "files", name: "Files", members: ["alpha"] });
    await stage.say({
      room: "files",
      id: "art",
      parts: [
        { kind: "text", text: "three things" },
        {
          kind: "file",
          filename: "trace.json",
          media_type: "application/json",
          url: "https://files.example/t",
        },
        { kind: "url", url: "https://elsewhere.example/page" },
        { kind: "data", data: { rows: 3, of: "the table" } },
        { kind: "image", media_type: "image/png", url: "https://files.example/i.png", filename: "i.png" },
      ],
    });
    const { page, context, errors, requests } = await openPage(browser);
    await stage.signIn(page);
    await page.goto(`${stage.url}/console/room/files`);
    const message = page.locator('[data-message="art"]');
    const link = message.getByRole("link", { name: "trace.json" });
    assert.equal(await link.getAttribute("href"), "https://files.example/t");
    assert.match((await link.getAttribute("rel")) ?? "", /noopener/);
    assert.equal(await message.locator(".artifact").count(), 4);
    assert.equal(await message.getByRole("link", { name: "https://elsewhere.example/page" }).count(), 1);
    await message.getByText("Data", { exact: true }).click();
    await message.getByText('"of": "the table"').waitFor();
    assert.deepEqual(
      requests.filter((path) => path.includes("i.png")),
      [],
    );
    assert.deepEqual(errors, []);
    await context.close();
  });
});

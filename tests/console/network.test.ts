// The network in the console: signing in, reading along live, writing, and what happens when the line is cut.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { ask, until } from "../harness/index.ts";
import { DESK, openPage, PHONE } from "./browser.ts";
import { layCable } from "./cable.ts";
import { onStage } from "./curtain.ts";
import type { Stage } from "./stage.ts";

let stage: Stage;
let browser: Browser;

onStage((...set) => {
  [stage, browser] = set;
});

/** Whether a message is in the view. */
async function isInView(page: Page, message: string): Promise<boolean> {
  const box = await page.locator(`[data-message="${message}"]`).boundingBox();
  return box !== null && box.y > 0 && box.y + box.height < DESK.height;
}

const LISTS = /^\/v1\/(rooms|agents|dms)(\?|$)/;

describe("the console's page", () => {
  it("is for who may observe, and asks everybody else for a token", async () => {
    const html = { accept: "text/html" };
    const anonymous = await ask(`${stage.url}/console/`, { headers: html });
    assert.equal(anonymous.status, 401);
    assert.match(anonymous.text, /<!doctype html>/);
    const program = await ask(`${stage.url}/console/`);
    assert.equal(program.status, 401);
    assert.equal(program.json<{ code: string }>().code, "unauthorized");
    const own = await ask(`${stage.url}/console/room/lobby`, {
      headers: { ...html, cookie: `moltnet_auth=${stage.observer}` },
    });
    assert.equal(own.status, 200);
  });

  it("runs its own files alone, which are kept for ever", async () => {
    const page = await ask(`${stage.url}/console/`, { headers: { accept: "text/html" } });
    const policy = page.header("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
    assert.ok(!policy.includes("unsafe") && !policy.includes("sandbox"), policy);
    const script = /src="([^"]+\.js)"/.exec(page.text)?.[1] ?? assert.fail(page.text);
    const file = await ask(stage.url + script);
    assert.equal(file.status, 200);
    assert.equal(file.header("cache-control"), "public, max-age=31536000, immutable");
    assert.equal(file.header("x-content-type-options"), "nosniff");
    for (const path of ["/console/assets/none.js", "/console/assets/../index.html", "/console/assets/x"]) {
      assert.ok((await ask(stage.url + path)).status >= 300, path);
    }
  });

  it("signs in by token, keeps none of it, and signs out", async () => {
    const { page, context, errors } = await openPage(browser);
    await page.goto(`${stage.url}/console/`);
    await page.getByLabel("Token", { exact: true }).fill("a wrong token");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("This token opens nothing here").waitFor();
    await page.getByLabel("Token", { exact: true }).fill(stage.observer);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Harbour" }).waitFor();
    const kept = await page.evaluate<string>(
      "JSON.stringify([{ ...localStorage }, document.cookie, location.href])",
    );
    assert.ok(!kept.includes(stage.observer), kept);
    const cookie = (await context.cookies()).find(({ name }) => name === "moltnet_auth");
    assert.ok(cookie?.httpOnly);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    assert.equal(
      (await context.cookies()).find(({ name }) => name === "moltnet_auth"),
      undefined,
    );
    assert.deepEqual(errors, []);
    await context.close();
  });

  it("opens by a bootstrap link, whose token leaves the address", async () => {
    const { page, context } = await openPage(browser);
    await page.goto(`${stage.url}/console/room/lobby?access_token=${stage.observer}`);
    await page.getByRole("heading", { name: "Lobby" }).waitFor();
    assert.equal(page.url(), `${stage.url}/console/room/lobby`);
    await context.close();
  });
});

describe("a room", () => {
  it("shows who may read and write, and messages as they come, without reading a list again", async () => {
    const { page, context, errors, requests } = await openPage(browser);
    await stage.say({ room: "lobby", text: "the first word" });
    await stage.signIn(page);
    await page.getByRole("link", { name: "Lobby" }).first().click();
    await page.getByText("the first word").waitFor();
    const head = page.locator(".conversation-head").first();
    assert.match(
      (await head.textContent()) ?? "",
      /Public: members and observers read\s*Every registered agent writes/,
    );
    const read = requests.filter((path) => LISTS.test(path)).length;
    for (let at = 0; at < 20; at += 1) {
      await stage.say({ room: "lobby", text: `live ${String(at)}`, from: at % 2 === 0 ? "alpha" : "beta" });
    }
    await page.getByText("live 19").waitFor();
    await stage.network("/v1/rooms", { id: "later", name: "Later on" });
    await page.getByRole("link", { name: "Later on" }).waitFor();
    await stage.say({ room: "core", text: "elsewhere" });
    await page.getByRole("link", { name: /Core team.*1 unread/ }).waitFor();
    assert.equal(requests.filter((path) => LISTS.test(path)).length, read);
    assert.equal(requests.filter((path) => path.startsWith("/v1/events/stream")).length, 1);
    assert.deepEqual(errors, []);
    await context.close();
  });

  it("lets the operator write, with mentions completed", async () => {
    const { page, context, errors } = await openPage(browser);
    await stage.signIn(page, stage.operator);
    await page.goto(`${stage.url}/console/room/lobby`);
    const field = page.getByLabel("Message", { exact: true });
    await field.pressSequentially("look here @be");
    await page.getByRole("option", { name: "@beta" }).waitFor();
    await page.keyboard.press("Enter");
    assert.equal(await field.inputValue(), "look here @beta ");
    await field.pressSequentially("please");
    await page.keyboard.press("Enter");
    const sent = page.getByRole("article", { name: /^Operator/ }).last();
    await sent.getByText("please").waitFor();
    assert.equal(await sent.getByRole("link", { name: "@beta" }).getAttribute("href"), "/console/agent/beta");
    assert.equal(await field.inputValue(), "");
    assert.deepEqual(errors, []);
    await context.close();
  });

  it("offers no writing to who may only observe", async () => {
    const { page, context } = await openPage(browser);
    await stage.signIn(page, stage.observer);
    await page.goto(`${stage.url}/console/room/lobby`);
    await page.getByText("You are reading along: your token may not write.").waitFor();
    assert.equal(await page.getByLabel("Message", { exact: true }).count(), 0);
    await context.close();
  });

  it("goes on where it was when the line was cut", async () => {
    const cable = await layCable(stage.worker.port);
    const { page, context, requests } = await openPage(browser);
    await page.goto(`${cable.url}/console/room/lobby?access_token=${stage.operator}`);
    await page.getByText("Live", { exact: true }).waitFor();
    await stage.say({ room: "lobby", text: "said before" });
    await page.getByText("said before").waitFor();
    const read = requests.filter((path) => LISTS.test(path)).length;
    cable.cut();
    await page.getByText("Connection lost. Trying again…").waitFor();
    await stage.say({ room: "lobby", text: "said in the dark" });
    assert.equal(await page.getByText("said in the dark").count(), 0);
    cable.mend();
    await page.getByText("said in the dark").waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    assert.equal(requests.filter((path) => LISTS.test(path)).length, read);
    await context.close();
    cable.close();
  });

  it("reads once what the stream has left out, and says nothing twice", async () => {
    const cable = await layCable(stage.worker.port);
    const { page, context, requests } = await openPage(browser);
    await page.goto(`${cable.url}/console/room/lobby?access_token=${stage.operator}`);
    await page.getByText("Live", { exact: true }).waitFor();
    await stage.say({ room: "lobby", id: "gap-0", text: "before the gap" });
    await page.getByText("before the gap").waitFor();
    const read = requests.filter((path) => LISTS.test(path)).length;
    cable.cut();
    await page.getByText("Connection lost. Trying again…").waitFor();
    await stage.say({ room: "lobby", id: "gap-1", text: "in the gap" });
    await stage.network("/v1/rooms", { id: "gap-room", name: "Gap room" });
    // The stream goes on from a place that the server does not know, as after a long absence.
    await page.route("**/v1/events/stream", (route) =>
      route.continue({ headers: { ...route.request().headers(), "last-event-id": "evt_long_gone" } }),
    );
    cable.mend();
    await page.getByRole("link", { name: "Gap room" }).waitFor();
    await page.locator('[data-message="gap-1"]').waitFor();
    await stage.say({ room: "lobby", id: "gap-2", text: "after the gap" });
    await page.locator('[data-message="gap-2"]').waitFor();
    const ids = await page
      .locator('[data-message^="gap-"]')
      .evaluateAll((all) => all.map((one) => one.getAttribute("data-message")));
    assert.deepEqual(ids, ["gap-0", "gap-1", "gap-2"]);
    assert.equal(requests.filter((path) => LISTS.test(path)).length, read + 3);
    await context.close();
    cable.close();
  });

  it("is led back to signing in when its token is taken away", async () => {
    const value = "console-short-lived-token-77aa10";
    const made = await ask(`${stage.url}/api/v1/network/tokens`, {
      headers: { authorization: "Bearer operator-token-of-the-test-suites-000000000000" },
      json: { id: "short", value, scopes: ["observe"] },
    });
    assert.ok(made.status < 300, made.text);
    const { page, context } = await openPage(browser);
    await stage.signIn(page, value);
    await page.getByText("Live", { exact: true }).waitFor();
    const gone = await ask(`${stage.url}/api/v1/network/tokens/short`, {
      method: "DELETE",
      headers: { authorization: "Bearer operator-token-of-the-test-suites-000000000000" },
    });
    assert.ok(gone.status < 300, gone.text);
    await page.getByText("was revoked or has ended").waitFor();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await context.close();
  });
});

describe("a history", () => {
  it("goes back without an end, keeps its place, and is linked to", async () => {
    const { page, context, errors } = await openPage(browser);
    await stage.network("/v1/rooms", { id: "long", name: "Long", members: ["alpha"] });
    await stage.sayMany("long", 300, "old");
    await stage.signIn(page, stage.operator);
    await page.goto(`${stage.url}/console/room/long?at=old-20`);
    await page.getByText("old number 20", { exact: true }).waitFor();
    await until("the message to be in view", () => isInView(page, "old-20"));
    await page.getByRole("button", { name: "To the newest" }).click();
    await page.getByText("old number 299", { exact: true }).waitFor();
    const log = page.getByRole("log");
    // Up to the first message, by the wheel as a reader does.
    await log.hover();
    await until("the first message", async () => {
      await page.mouse.wheel(0, -1_500);
      return (await page.getByText("old number 0", { exact: true }).count()) > 0;
    });
    assert.deepEqual(errors, []);
    await context.close();
  });
});

describe("a phone", () => {
  it("shows one thing at a time, and leads to each and back", async () => {
    await stage.say({ room: "core", id: "small-1", text: "which way?" });
    await stage.say({ room: "core", thread: "small-thread", parent: "small-1", text: "that way" });
    const { page, context, errors } = await openPage(browser, { size: PHONE, theme: "dark" });
    await stage.signIn(page);
    const menu = page.getByRole("button", { name: "Navigation" });
    await menu.click();
    await page.getByRole("link", { name: /Core team/ }).click();
    await page.getByRole("log").getByText("which way?").waitFor();
    assert.ok(!(await page.getByRole("navigation", { name: "Console" }).isVisible()));
    await page.getByRole("link", { name: /^1 reply/ }).click();
    await page.getByText("that way").waitFor();
    assert.ok(!(await page.getByRole("heading", { name: "Core team" }).isVisible()));
    await page.getByLabel("Message", { exact: true }).last().fill("by thumb");
    await page.getByRole("button", { name: "Send" }).last().click();
    await page.getByText("by thumb").waitFor();
    await page.getByRole("button", { name: "Back to the room" }).click();
    await page.getByRole("heading", { name: "Core team" }).waitFor();
    await menu.click();
    await page.getByRole("link", { name: "Endpoints" }).click();
    await page.getByRole("heading", { name: "Sign in to your endpoints" }).waitFor();
    assert.ok(await page.evaluate<boolean>("document.documentElement.scrollWidth <= innerWidth"));
    assert.deepEqual(errors, []);
    await context.close();
  });
});

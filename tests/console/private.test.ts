// Direct messages in the console, and agents: who is there, and how one speaks to it.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { openPage } from "./browser.ts";
import { onStage } from "./curtain.ts";
import type { Stage } from "./stage.ts";

let stage: Stage;
let browser: Browser;

onStage((...set) => {
  [stage, browser] = set;
});

describe("a direct conversation", () => {
  it("appears as it begins, is counted, read and answered", async () => {
    const { page, context, errors, requests } = await openPage(browser);
    await stage.signIn(page);
    await page.getByText("Live", { exact: true }).waitFor();
    await stage.whisper("d-two", "alpha", ["alpha", "operator"], "may I deploy?");
    const entry = page.getByRole("link", { name: /^Alpha 1 unread/ });
    await entry.waitFor();
    await entry.click();
    await page.getByRole("heading", { name: "Alpha", level: 1 }).waitFor();
    await page.getByRole("log").getByText("may I deploy?").waitFor();
    await page.getByRole("link", { name: /unread/ }).waitFor({ state: "detached" });
    await page.getByLabel("Message", { exact: true }).fill("yes, after ten");
    await page.keyboard.press("Enter");
    await page.getByRole("log").getByText("yes, after ten").waitFor();
    const held = await stage.messages("dms/d-two");
    assert.deepEqual(
      held.map(({ from }) => `${from.type} ${from.id}`),
      ["agent alpha", "human operator"],
    );
    assert.equal(requests.filter((path) => path.startsWith("/v1/dms?")).length, 1);
    assert.deepEqual(errors, []);
    await context.close();
  });

  it("between others is read along", async () => {
    await stage.whisper("d-others", "alpha", ["alpha", "beta"], "between us");
    const { page, context, errors } = await openPage(browser);
    await stage.signIn(page, stage.observer);
    await page.getByRole("link", { name: /^Alpha, Beta/ }).click();
    await page.getByRole("log").getByText("between us").waitFor();
    await page.getByText("You are reading along").waitFor();
    assert.equal(await page.getByRole("button", { name: "New message" }).count(), 0);
    assert.deepEqual(errors, []);
    await context.close();
  });

  it("is begun with an agent that is chosen, once, and found again from its page", async () => {
    const { page, context, errors } = await openPage(browser);
    await stage.signIn(page);
    await page.getByRole("button", { name: "New message" }).click();
    await page.getByLabel("Where to").fill("be");
    await page.getByRole("option", { name: "Beta Agent", selected: true }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Beta", level: 1 }).waitFor();
    await page.getByText("Nothing was said here yet").waitFor();
    const before = page.url();
    await page.getByLabel("Message", { exact: true }).fill("hello @be");
    await page.keyboard.press("End");
    await page.keyboard.press("a");
    await page.keyboard.press("Backspace");
    await page.getByRole("option", { name: /@beta/ }).click();
    await page.keyboard.press("Enter");
    await page.getByRole("log").getByText("hello").waitFor();
    const dm = new URL(before).pathname.split("/").at(-1) ?? "";
    const [held] = await stage.messages(`dms/${dm}`);
    assert.equal(held?.parts[0]?.text, "hello @beta");
    assert.deepEqual(held?.mentions, ["molt://local/agents/beta"]);
    // The same conversation is found again.
    await page.goto(`${stage.url}/console/agent/beta`);
    await page.getByRole("link", { name: "Message", exact: true }).click();
    await page.getByRole("log").getByText("hello").waitFor();
    assert.equal(new URL(page.url()).pathname, new URL(before).pathname);
    assert.deepEqual(errors, []);
    await context.close();
  });

  it("of an unknown name says so", async () => {
    const { page, context } = await openPage(browser);
    await stage.signIn(page);
    await page.goto(`${stage.url}/console/dm/none-of-this-name?peer=nobody`);
    await page.getByRole("heading", { name: "This conversation cannot be shown" }).waitFor();
    await context.close();
  });
});

describe("an agent", () => {
  it("is seen to come and to go", async () => {
    const { page, context, errors } = await openPage(browser);
    await stage.signIn(page, stage.observer);
    await page.goto(`${stage.url}/console/agent/alpha`);
    await page.getByText("Offline · mentioned as @alpha").waitFor();
    const attached = await stage.attach("alpha");
    await page.getByText("Online · mentioned as @alpha").waitFor();
    await page.getByRole("link", { name: /^online Alpha/ }).waitFor();
    await page.getByRole("main").getByText("agent.connected").waitFor();
    await attached.close();
    await page.getByText("Offline · mentioned as @alpha").waitFor();
    // Who may only observe is offered no new conversation.
    await page.goto(`${stage.url}/console/agent/beta`);
    await page.getByRole("heading", { name: "Beta", level: 1 }).waitFor();
    assert.deepEqual(errors, []);
    await context.close();
  });
});

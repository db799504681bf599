// Endpoints in the console: signing in by role, keys, lifecycle, limits, the playground, and a pod that answers HTML.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { startPod } from "../fixtures/pod/index.ts";
import { ask, OPERATOR_TOKEN, until } from "../harness/index.ts";
import { tenant } from "../harness/tenant.ts";
import { openPage } from "./browser.ts";
import { onStage } from "./curtain.ts";
import type { Stage } from "./stage.ts";

let stage: Stage;
let browser: Browser;

onStage((...set) => {
  [stage, browser] = set;
});

const at = (rest = "") => `${stage.url}/console/endpoints/${stage.tenant.id}${rest}`;
const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name, exact: true });
const ORDERS = ["Start", "Pause", "Restart", "Terminate"];

async function offered(page: Page): Promise<string[]> {
  const all = await Promise.all(
    ORDERS.map(async (name) => ((await button(page, name).count()) > 0 ? [name] : [])),
  );
  return all.flat();
}

describe("signing in to endpoints", () => {
  it("offers what the token's role may do, and nothing else", async () => {
    const expected = {
      viewer: { orders: [], newKey: 0, limits: true },
      operator: { orders: ["Pause", "Restart"], newKey: 1, limits: true },
      admin: { orders: ["Pause", "Restart", "Terminate"], newKey: 1, limits: false },
    } as const;
    for (const [role, { orders, newKey, limits }] of Object.entries(expected)) {
      const { page, context, errors } = await openPage(browser);
      await stage.signIn(page, stage.roles[role as keyof typeof expected], "/console/endpoints");
      await page.getByRole("heading", { name: "Endpoints", level: 1 }).waitFor();
      await page.goto(at("/keys"));
      await page.getByText("molti_").first().waitFor();
      assert.deepEqual(await offered(page), orders, role);
      assert.equal(await button(page, "New key").count(), newKey, role);
      await page.getByRole("link", { name: "Limits" }).click();
      assert.equal(await page.getByLabel("Runs at once").isDisabled(), limits, role);
      assert.deepEqual(errors, []);
      await context.close();
    }
  });

  it("is by a cookie that script cannot read and that changes nothing for another site", async () => {
    const { page, context } = await openPage(browser);
    await stage.signIn(page, stage.roles.admin, "/console/endpoints");
    const cookie = (await context.cookies()).find(({ name }) => name === "moltghost_session");
    assert.ok(cookie?.httpOnly && cookie.sameSite === "Strict");
    assert.ok(!cookie.value.includes(stage.roles.admin));
    const pause = (headers: Record<string, string>) =>
      ask(`${stage.url}/api/v1/agents/${stage.tenant.id}/pause`, {
        method: "POST",
        headers: { cookie: `moltghost_session=${cookie.value}`, ...headers },
        body: "{}",
      });
    const json = { "content-type": "application/json" };
    assert.equal((await pause({ ...json, "sec-fetch-site": "cross-site" })).status, 403);
    assert.equal((await pause({ ...json, "sec-fetch-site": "same-site" })).status, 403);
    assert.equal((await pause({ ...json, origin: "https://elsewhere.example" })).status, 403);
    assert.equal((await pause(json)).status, 403);
    assert.equal(
      (await pause({ "sec-fetch-site": "same-origin", "content-type": "text/plain" })).status,
      415,
    );
    const changed = `moltghost_session=${cookie.value.replace(/.$/, (last) => (last === "0" ? "1" : "0"))}`;
    assert.equal((await ask(`${stage.url}/api/v1/session`, { headers: { cookie: changed } })).status, 401);
    await context.close();
  });

  it("lets the operator of the deployment choose the account", async () => {
    const { page, context } = await openPage(browser);
    await stage.signIn(page, OPERATOR_TOKEN, "/console/endpoints");
    await page.getByLabel("Account").selectOption(stage.tenant.account);
    await page
      .getByRole("link", { name: /greeter/ })
      .first()
      .waitFor();
    await context.close();
  });
});

describe("keys", () => {
  it("are made and shown once, work, are rotated and revoked", async () => {
    const { page, context, errors } = await openPage(browser);
    await stage.signIn(page, stage.roles.operator, "/console/endpoints");
    await page.goto(at("/keys"));
    await button(page, "New key").click();
    await page.getByLabel("Name").fill("made here");
    await page.getByLabel("Expires").selectOption({ label: "In 7 days" });
    // The list is read anew once the key is made; however long that takes, the form is gone.
    const listed = Promise.withResolvers<void>();
    await page.route(/\/keys(\?|$)/, async (route) => {
      if (route.request().method() === "GET") {
        await listed.promise;
      }
      await route.continue();
    });
    await button(page, "Make the key").click();
    const key = (await page.getByTestId("secret").textContent()) ?? "";
    assert.match(key, /^molti_/);
    // What is to be done next stands out: first to copy, then to go on.
    const loud = page.getByRole("dialog").locator("button.primary");
    assert.deepEqual(await loud.allTextContents(), ["Copy the key"]);
    listed.resolve();
    await button(page, "Copy the key").click();
    await until("Done to stand out", async () => (await loud.allTextContents()).join() === "Done");
    assert.equal(await page.evaluate<string>("navigator.clipboard.readText()"), key);
    await button(page, "Done").click();
    assert.ok(!(await page.content()).includes(key));
    const said = { messages: [{ role: "user", content: "hello" }] };
    assert.equal((await stage.tenant.completions(said, { key })).status, 200);

    // It is found by its name alone, from anywhere.
    await page.getByRole("link", { name: "Endpoints", exact: true }).click();
    await button(page, "Find a key").click();
    await page.getByLabel("Where to").fill("made");
    await page.getByRole("option", { name: "made here Key of greeter", selected: true }).waitFor();
    await page.keyboard.press("Enter");

    await button(page, "Rotate made here").click();
    await page.getByRole("dialog").getByRole("button", { name: "Rotate" }).click();
    const rotated = (await page.getByTestId("secret").textContent()) ?? "";
    assert.notEqual(rotated, key);
    await button(page, "Done").click();
    await page.getByText("old secret until").waitFor();
    assert.equal((await stage.tenant.completions(said, { key: rotated })).status, 200);

    await button(page, "Revoke made here").click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    assert.equal((await stage.tenant.completions(said, { key: rotated })).status, 200);
    await button(page, "Revoke made here").click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByText("revoked").waitFor();
    // What is worthless is looked for no more.
    await page.keyboard.press("Control+k");
    await page.getByLabel("Where to").fill("made");
    await page.getByText("Nothing is called so.").waitFor();
    await page.keyboard.press("Escape");
    assert.equal((await stage.tenant.completions(said, { key: rotated })).status, 401);
    assert.deepEqual(errors, []);
    await context.close();
  });
});

describe("an endpoint", () => {
  it("is paused and started, and shows states as they come from elsewhere", async () => {
    const { page, context, requests } = await openPage(browser);
    await stage.signIn(page, stage.roles.admin, "/console/endpoints");
    await page.goto(at());
    await button(page, "Pause").click();
    await page.getByRole("dialog").getByText("It stays paused until somebody clicks Start").waitFor();
    await page.getByRole("dialog").getByLabel("End the runs in flight, too").check();
    const sent = page.waitForRequest((request) => request.url().endsWith("/pause"));
    await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
    assert.deepEqual((await sent).postDataJSON(), { now: true });
    await page.getByRole("main").getByText("paused", { exact: true }).waitFor();
    await button(page, "Start").click();
    await page.getByRole("main").getByText("running", { exact: true }).waitFor();
    const lists = () => requests.filter((path) => path.startsWith("/api/v1/agents?")).length;
    const before = lists();
    await stage.tenant.pause();
    await page.getByRole("main").getByText("paused", { exact: true }).waitFor();
    await stage.tenant.start();
    await page.getByRole("main").getByText("running", { exact: true }).waitFor();
    assert.equal(lists(), before);
    await context.close();
  });

  it("shows its requests and tokens", async () => {
    const said = { messages: [{ role: "user", content: "count to 20" }] };
    assert.equal((await stage.tenant.completions(said)).status, 200);
    const { page, context } = await openPage(browser);
    await stage.signIn(page, stage.roles.viewer, "/console/endpoints");
    await page.goto(at());
    await page.getByRole("img", { name: /^Requests of the last hour: [1-9]/ }).waitFor();
    await page.getByRole("img", { name: /^Tokens of the last hour: [1-9]/ }).waitFor();
    await context.close();
  });

  it("takes new limits, and says what is wrong with bad ones", async () => {
    const { page, context } = await openPage(browser);
    await stage.signIn(page, stage.roles.admin, "/console/endpoints");
    await page.goto(at("/limits"));
    await page.getByLabel("Requests per minute").fill("77");
    await button(page, "Save").click();
    await page.getByText("Saved.").waitFor();
    assert.equal((await stage.tenant.shown()).limits.rpm, 77);
    await page.getByLabel("Runs at once").fill("1000000");
    await button(page, "Save").click();
    await page.locator(".limits .problem").waitFor();
    await stage.tenant.change({ limits: { rpm: 1_000_000 } });
    await context.close();
  });

  it("is called from the playground, which shows the same call in three languages", async () => {
    const { page, context, errors } = await openPage(browser);
    await stage.signIn(page, stage.roles.operator, "/console/endpoints");
    await page.goto(at("/playground"));
    await button(page, "Make a key for an hour").click();
    await until("the key", async () =>
      (await page.getByLabel("Key", { exact: true }).inputValue()).startsWith("molti_"),
    );
    await page.getByText(/^This key ends by itself at/).waitFor();
    await button(page, "Copy with the key").click();
    assert.equal(
      await page.evaluate<string>("navigator.clipboard.readText()"),
      `export MOLTGHOST_KEY=${await page.getByLabel("Key", { exact: true }).inputValue()}`,
    );
    await page.getByLabel("Message").fill("it's a 'test'");
    await button(page, "Send").click();
    await page.getByTestId("answer").getByText("it's a 'test'").waitFor();
    await page.getByText(/First token after .* tokens/).waitFor();
    for (const [language, sign] of [
      ["Python", "from openai import OpenAI"],
      ["Node", "for await (const chunk of stream)"],
      ["curl", "'\\''test'\\''"],
    ] as const) {
      await page.getByText(language, { exact: true }).click();
      await page.locator(".playground pre").filter({ hasText: sign }).waitFor();
    }
    assert.deepEqual(errors, []);
    await context.close();
  });

  it("whose pod answers HTML reaches nothing of the console", async () => {
    const script = "<script>document.title = 'taken'; fetch('/api/v1/session')</script><h1>hello</h1>";
    const pod = await startPod();
    const bad = await tenant(stage.worker, pod, { account: stage.tenant.account, name: "htmler" });
    const raw = Buffer.from(script).toString("base64");
    pod.setFault({ path: "/v1/chat/completions", content_type: "text/html", raw });
    const { page, context } = await openPage(browser);
    await stage.signIn(page, stage.roles.operator, "/console/endpoints");
    await page.goto(`${stage.url}/console/endpoints/${bad.id}/playground`);
    await page.getByLabel("Key", { exact: true }).fill(bad.key);
    await button(page, "Send").click();
    await page.getByRole("alert").waitFor();
    assert.match(await page.title(), /^htmler · .+ · MoltGhost$/);
    // The same by way of the address bar: whatever comes is no page of this origin.
    const answer = await page.goto(`${stage.url}/agents/${bad.id}/v1/models`);
    assert.match(answer?.headers()["content-security-policy"] ?? "", /sandbox; default-src 'none'/);
    assert.equal(answer?.headers()["x-content-type-options"], "nosniff");
    await context.close();
    await pod.close();
  });
});

// The replicas of an endpoint in the console: what to do where there is none, and links as they come and go.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { until } from "../harness/index.ts";
import { control, type Tenant, tenant } from "../harness/tenant.ts";
import { Connector, type ConnectorOptions } from "../tunnel/connector.ts";
import { ACCEPTED, BODY, END, frame, RESPONSE } from "../tunnel/frames.ts";
import { DESK, type OpenOptions, openPage, PHONE } from "./browser.ts";
import { onStage } from "./curtain.ts";
import type { Stage } from "./stage.ts";

let stage: Stage;
let browser: Browser;

onStage((...set) => {
  [stage, browser] = set;
});

const connectToken = (one: Tenant) => (one.agent as unknown as { connect_token: string }).connect_token;

/** What a pod says to a call, as frames of its link. */
function answer(stream: number): Buffer[] {
  const body = {
    id: "held",
    object: "chat.completion",
    created: 1,
    model: "demo-small",
    choices: [{ index: 0, message: { role: "assistant", content: "at last" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
  };
  return [
    frame(RESPONSE, stream, "200\ncontent-type: application/json\n"),
    frame(BODY, stream, JSON.stringify(body)),
    frame(END, stream),
  ];
}

/** A page of an endpoint, signed in to as a role; its replicas. */
async function look(one: Tenant, role: keyof Stage["roles"], options: OpenOptions = {}) {
  const opened = await openPage(browser, options);
  await stage.signIn(opened.page, stage.roles[role], "/console/endpoints");
  await opened.page.goto(`${stage.url}/console/endpoints/${one.id}`);
  return { ...opened, replicas: opened.page.getByRole("region", { name: /^Replicas/ }) };
}

describe("a replica", () => {
  for (const [form, size] of [
    ["at a desk", DESK],
    ["on a phone", PHONE],
  ] as const) {
    it(`is drained by keyboard, seen to end its calls, and gone then, ${form}`, async () => {
      const one = await tenant(stage.worker, null, {
        account: stage.tenant.account,
        name: `drained ${form}`,
      });
      const link = (replica: string, takes?: ConnectorOptions["takes"]) =>
        Connector.connect(one.url, connectToken(one), stage.pod.url, { replica, ...(takes && { takes }) });
      // A call that lasts until the test has seen enough of it.
      const held: (() => void)[] = [];
      const east = await link("east", (stream, head, connector) => {
        if (!head.includes("x-moltghost-run")) return false;
        connector.send(frame(ACCEPTED, stream));
        held.push(() => connector.send(...answer(stream)));
        return true;
      });
      await until("the endpoint to run", async () => (await one.shown()).state === "running");
      const call = one.completions({ messages: [{ role: "user", content: "x" }] });
      await until("the call to be there", () => held.length === 1);
      await link("west");
      const { page, context, errors, replicas } = await look(one, "operator", { size });
      const row = replicas.getByRole("row", { name: /east/ });
      const ask = replicas.getByRole("button", { name: "Drain east" });
      const dialog = page.getByRole("dialog");
      await replicas.getByRole("button", { name: "Drain west" }).waitFor();
      await row.getByText("1 under way").waitFor();
      await ask.focus();
      await page.keyboard.press("Enter");
      await dialog.getByText("they go to the other replicas").waitFor();
      await dialog.getByRole("button", { name: "Cancel" }).click();
      await dialog.waitFor({ state: "detached" });
      await ask.and(page.locator(":focus")).waitFor();
      await page.keyboard.press("Enter");
      await dialog.waitFor();
      // Both keys wait for the page, so that nothing of its own comes between them.
      await Promise.all([
        page.evaluate("const end = performance.now() + 300; while (performance.now() < end);"),
        page.keyboard.press("Escape"),
        page.keyboard.press("Enter"),
      ]);
      assert.equal(east.goaways.length, 0);
      await dialog.getByRole("button", { name: "Drain" }).focus();
      await page.keyboard.press("Enter");
      await row.getByText("draining", { exact: true }).waitFor();
      assert.equal(await ask.count(), 0);
      assert.ok(
        await page.evaluate<boolean>("document.documentElement.scrollWidth <= innerWidth"),
        "too wide",
      );
      for (const end of held) end();
      assert.equal((await call).status, 200);
      await row.waitFor({ state: "detached" });
      await replicas.getByRole("row", { name: /west/ }).waitFor();
      // The last one, at once: what is lost by it is said.
      await replicas.getByRole("button", { name: "Drain west" }).click();
      await dialog.getByText("calls are refused until another connects").waitFor();
      await dialog.getByLabel("End its calls at once").check();
      await dialog.getByRole("button", { name: "Drain" }).click();
      await page.getByText("moltghost connect drained").waitFor();
      await replicas.getByRole("row").waitFor({ state: "detached" });
      assert.deepEqual(errors, []);
      await context.close();
    });
  }

  it("is not to be drained by a viewer, and one that went meanwhile is said to be gone", async () => {
    const one = await tenant(stage.worker, null, { account: stage.tenant.account, name: "kept" });
    const east = await Connector.connect(one.url, connectToken(one), stage.pod.url, { replica: "east" });
    const viewer = await look(one, "viewer");
    await viewer.replicas.getByRole("row", { name: /east/ }).waitFor();
    assert.equal(await viewer.replicas.getByRole("button", { name: /^Drain/ }).count(), 0);
    await viewer.context.close();
    const { page, context, replicas } = await look(one, "operator");
    await page.route("**/drain", async (route) => {
      east.kill();
      await until("its end", async () => (await one.shown()).links.every(({ up }) => !up));
      await route.continue();
    });
    await replicas.getByRole("button", { name: "Drain east" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Drain" }).click();
    await page.getByRole("alert").getByText("No link of a replica of this name is up").waitFor();
    await context.close();
  });
});

describe("the replicas of an endpoint", () => {
  it("are seen to come up and to go down, and what hangs on them follows", async () => {
    const one = await tenant(stage.worker, null, { account: stage.tenant.account, name: "dialled" });
    const token = connectToken(one);
    const { page, context, errors, requests } = await openPage(browser);
    await stage.signIn(page, stage.roles.viewer, "/console/endpoints");
    await page.goto(`${stage.url}/console/endpoints/${one.id}`);
    await page.getByText("moltghost connect dialled --to").waitFor();
    const lists = () => requests.filter((path) => path.startsWith("/api/v1/agents?")).length;
    const before = lists();
    const east = await Connector.connect(one.url, token, stage.pod.url, { replica: "east", weight: 3 });
    const replicas = page.getByRole("region", { name: /^Replicas/ });
    await replicas.getByText("east", { exact: false }).waitFor();
    await replicas.getByText("1 of 1 up").waitFor();
    await replicas.getByText("tunnel · weight 3").waitFor();
    await page.getByRole("main").getByText("running", { exact: true }).waitFor();
    const west = await Connector.connect(one.url, token, stage.pod.url, { replica: "west" });
    await replicas.getByText("2 of 2 up").waitFor();
    await page
      .getByRole("region", { name: /^Events/ })
      .getByText("Replica west is up")
      .waitFor();
    west.kill();
    await replicas.getByText("1 of 1 up").waitFor();
    await page
      .getByRole("region", { name: /^Events/ })
      .getByText("Replica west is down")
      .waitFor();
    east.kill();
    await page.getByText("moltghost connect dialled --to").waitFor();
    assert.equal(lists(), before);
    assert.deepEqual(errors, []);
    await context.close();
  });

  it("that fail say why, and so do the calls that they did not serve", async () => {
    const { pod } = stage;
    const bad = await tenant(stage.worker, pod, { account: stage.tenant.account, name: "ailing" });
    const said = { messages: [{ role: "user", content: "hello" }] };
    pod.setFault({ path: "/v1/chat/completions", status: 500 });
    assert.ok((await bad.completions(said)).status >= 500);
    pod.setFault(null);
    await bad.change({ limits: { rpm: 1 } });
    await until("a refusal", async () => (await bad.completions(said)).status === 429);
    const { page, context, errors } = await openPage(browser);
    await stage.signIn(page, stage.roles.viewer, "/console/endpoints");
    await page.goto(`${stage.url}/console/endpoints/${bad.id}`);
    const unserved = page.getByRole("region", { name: /^Calls that were not served/ });
    await unserved.getByText("rate_limited").waitFor();
    await unserved.getByText("server_error").waitFor();
    await unserved.getByText("Raise it under Limits").waitFor();
    await bad.change({ origin: { type: "http", url: "http://127.0.0.1:9" }, start_deadline_seconds: 1 });
    const restarted = await control(stage.worker, `/agents/${bad.id}/restart`, { method: "POST" });
    assert.equal(restarted.status, 200, restarted.text);
    await page.getByRole("main").getByText("failed", { exact: true }).waitFor();
    await page.getByRole("note").getByText("Mend the pod as the reason says").first().waitFor();
    await page
      .getByRole("region", { name: /^Replicas/ })
      .getByText("down", { exact: true })
      .waitFor();
    assert.deepEqual(errors, []);
    await context.close();
  });
});

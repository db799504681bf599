// The replicas of an endpoint in the console: what to do where there is none, and links as they come and go.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { until } from "../harness/index.ts";
import { control, tenant } from "../harness/tenant.ts";
import { Connector } from "../tunnel/connector.ts";
import { openPage, startBrowser } from "./browser.ts";
import { type Stage, setStage } from "./stage.ts";

let stage: Stage;
let browser: Browser;

before(async () => {
  [stage, browser] = await Promise.all([setStage(), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await stage?.stop();
});

describe("the replicas of an endpoint", () => {
  it("are seen to come up and to go down, and what hangs on them follows", async () => {
    const one = await tenant(stage.worker, null, { account: stage.tenant.account, name: "dialled" });
    const token = (one.agent as unknown as { connect_token: string }).connect_token;
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

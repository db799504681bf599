// The original's own console, as its program carries it, on our Worker: rooms, direct channels, agents and their
// presence, histories, live events, sending. The same steps are gone on the original, which says what is right.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser, Locator, Page } from "playwright-core";
import { until } from "../harness/index.ts";
import { Attached } from "../live/attached.ts";
import { targets } from "../network/against.ts";
import { MOLTNET, type Running, startOriginal } from "../network/original.ts";
import { Server, type Target } from "../network/server.ts";
import { BEARER, NETWORK_NAME, NONE, type TokenName, tokenValue } from "../network/setup.ts";
import { type Opened, openPage, startBrowser } from "./browser.ts";
import { layCable } from "./cable.ts";
import { type Front, putFront } from "./front.ts";

/** More than two of the console's pages of 50. */
const MANY = 120;
const AGENT = "scout";

function suite(target: Target): void {
  const server = new Server(target, BEARER);
  let files: Running;
  let front: Front;
  let browser: Browser;
  let room: string;
  let dm: string;
  before(async () => {
    [files, browser] = await Promise.all([startOriginal(NONE), startBrowser(), server.start()]);
    front = await putFront(files.url, server.url);
    // It is registered by attaching, under the token that it attaches with.
    await (await Attached.ready(server, AGENT, { name: "Scout" })).close();
    room = await server.room({ name: "Map room", visibility: "public", members: [AGENT] });
    await server.sendMany(MANY, { room, from: AGENT });
    dm = `dm-${room}`;
    await server.send({
      from: AGENT,
      text: "a word in private",
      target: { kind: "dm", dm_id: dm, participant_ids: [AGENT, "operator"] },
    });
  });
  after(async () => {
    await browser?.close();
    front?.close();
    await server.stop();
    await files?.stop();
  });

  /** Signs in by the link, the console's only way in, and waits for the stream. */
  async function enter(as: TokenName, base = front.url): Promise<Opened> {
    const opened = await openPage(browser);
    const { page } = opened;
    // The link answers with a cookie and leads to the page.
    await page.goto(`${base}/console/?access_token=${tokenValue(as)}`);
    assert.equal(new URL(page.url()).search, "");
    await page.getByText("live stream connected.").waitFor();
    await page.getByText(NETWORK_NAME, { exact: true }).waitFor();
    return opened;
  }

  const timeline = (page: Page): Locator => page.getByTestId("timeline-scroll");
  const field = (page: Page): Locator => page.getByLabel("Compose a message");

  async function close({ context, errors }: Opened): Promise<void> {
    assert.deepEqual(errors, []);
    await context.close();
  }

  it("lists rooms, direct channels, agents and pairings", async () => {
    const opened = await enter("operator");
    const { page } = opened;
    await page.getByRole("button", { name: /# Map room\s*public read \/ members write/ }).waitFor();
    await page.getByRole("button", { name: new RegExp(`${dm}\\s*1 msgs`) }).waitFor();
    await page.getByRole("button", { name: new RegExp(`${AGENT}\\s*1 rooms`) }).waitFor();
    await page.getByRole("button", { name: /^Beyond/ }).waitFor();
    await page
      .getByRole("button", { name: new RegExp(AGENT) })
      .first()
      .click();
    await page.getByText(`AGENT: ${AGENT}`).waitFor();
    await page.getByText("[ ROOMS ] ( 1 )").waitFor();
    await close(opened);
  });

  it("reads a history back to its first message", async () => {
    const opened = await enter("operator");
    const { page } = opened;
    await page.goto(`${front.url}/console/room/${room}`);
    await page.getByText("50 messages").waitFor();
    const log = timeline(page);
    await log.getByText(`message ${String(MANY - 1)}`, { exact: true }).waitFor();
    await log.hover();
    await until("the first message", async () => {
      await page.mouse.wheel(0, -2_000);
      return (await log.getByText("message 0", { exact: true }).count()) > 0;
    });
    await page.getByText(`${String(MANY)} messages`).waitFor();
    await close(opened);
  });

  it("shows messages as they come, and which agents are there", async () => {
    const opened = await enter("operator");
    const { page } = opened;
    await page.getByRole("button", { name: /# Map room/ }).click();
    await timeline(page)
      .getByText(`message ${String(MANY - 1)}`, { exact: true })
      .waitFor();
    await server.send({ room, from: AGENT, text: "just now" });
    await timeline(page).getByText("just now", { exact: true }).waitFor();
    const row = page.getByRole("button", { name: new RegExp(AGENT) }).first();
    await row.locator(".bg-coral").waitFor();
    const attached = await Attached.ready(server, AGENT);
    await row.locator(".bg-green").waitFor();
    await attached.close();
    await row.locator(".bg-coral").waitFor();
    await page.getByRole("button", { name: /^events/ }).click();
    for (const type of ["message.created", "agent.connected", "agent.disconnected"]) {
      await page.getByText(type).first().waitFor();
    }
    await server.ok(201, "/v1/rooms", { json: { id: `${room}-later`, name: "Later room" } });
    await page.getByRole("button", { name: /# Later room/ }).waitFor();
    await close(opened);
  });

  it("sends to a room, with a mention, and to a direct channel", async () => {
    const opened = await enter("operator");
    const { page } = opened;
    await page.goto(`${front.url}/console/room/${room}`);
    await field(page).click();
    await page.keyboard.type("where are you @sc");
    await page.getByRole("option", { name: new RegExp(`@${AGENT}`) }).waitFor();
    await page.keyboard.press("Enter");
    await page.keyboard.type(" now");
    await page.keyboard.press("Enter");
    await timeline(page).getByText(`where are you @${AGENT} now`).waitFor();
    const { messages } = await server.ok<{
      messages: { from: { type: string; id: string }; mentions?: string[] }[];
    }>(200, `/v1/rooms/${room}/messages?limit=1`);
    assert.deepEqual(messages[0]?.mentions, [server.fqid("agents", AGENT)]);
    assert.deepEqual([messages[0]?.from.type, messages[0]?.from.id], ["human", "operator"]);

    await page.getByRole("button", { name: new RegExp(dm) }).click();
    await timeline(page).getByText("a word in private").waitFor();
    await field(page).click();
    await page.keyboard.type("and an answer");
    await page.keyboard.press("Enter");
    await timeline(page).getByText("and an answer").waitFor();
    // Ours counts them a moment later in the list, which the console reads with each event.
    const counted = page.getByRole("button", { name: new RegExp(`${dm}\\s*2 msgs`) });
    await until("the list to be counted", async () => {
      await server.send({ room, from: AGENT, text: "tick" });
      return (await counted.count()) > 0;
    });
    await close(opened);
  });

  it("offers no writing to a token that observes", async () => {
    const opened = await enter("observe");
    const { page } = opened;
    await page.goto(`${front.url}/console/room/${room}`);
    await timeline(page).getByText("message", { exact: false }).first().waitFor();
    assert.equal(await field(page).count(), 0);
    await close(opened);
  });

  it("goes on when its line was cut", async () => {
    const cable = await layCable(front.port);
    const opened = await enter("operator", cable.url);
    const { page, context } = opened;
    await page.getByRole("button", { name: /# Map room/ }).click();
    await timeline(page).locator("[data-message-id]").first().waitFor();
    // A browser says where it was only once it has seen an event.
    await server.send({ room, from: AGENT, text: "said in the light" });
    await timeline(page).getByText("said in the light").waitFor();
    cable.cut();
    await page.getByText("live stream reconnecting…").waitFor();
    await server.send({ room, from: AGENT, text: "said in the dark" });
    cable.mend();
    await page.getByText("live stream connected.").waitFor();
    await timeline(page).getByText("said in the dark").waitFor();
    await context.close();
    cable.close();
  });
}

for (const target of MOLTNET === undefined ? [] : targets()) {
  describe(`the original's console on ${target}`, () => suite(target));
}

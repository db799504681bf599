// Every screen of the console, and how one comes to it: what is looked at, and what axe judges.

import type { Page } from "playwright-core";
import { until } from "../harness/index.ts";
import { tenant } from "../harness/tenant.ts";
import { Connector } from "../tunnel/connector.ts";
import type { Stage } from "./stage.ts";

export interface Screen {
  name: string;
  /** What the reader signs in with; nothing: nobody does. */
  as: "nobody" | "network" | "observer" | "account" | "viewer";
  path: (stage: Stage) => string;
  /** What is there once the screen is whole. */
  ready: (page: Page) => Promise<void>;
  /** What happens then, where the screen is no address by itself. */
  afterwards?: (page: Page, stage: Stage) => Promise<unknown>;
}

const heading =
  (name: string | RegExp) =>
  (page: Page): Promise<void> =>
    page.getByRole("heading", { name }).first().waitFor();

const endpoint =
  (rest = "") =>
  (stage: Stage): string =>
    `/console/endpoints/${stage.tenant.id}${rest}`;

export const SCREENS: readonly Screen[] = [
  { name: "sign-in", as: "nobody", path: () => "/console/", ready: heading("Sign in") },
  { name: "home", as: "network", path: () => "/console/", ready: heading("Harbour") },
  {
    name: "room",
    as: "network",
    path: () => "/console/room/lobby",
    ready: (page) => page.getByText("Shipped. Thank you both").waitFor(),
  },
  {
    name: "thread",
    as: "network",
    path: () => "/console/room/lobby/thread/release-notes",
    ready: (page) => page.getByText("I have a draft").waitFor(),
  },
  {
    name: "threads",
    as: "network",
    path: () => "/console/room/lobby/threads",
    ready: (page) => page.getByText("Alpha: Who writes the release notes?").waitFor(),
  },
  {
    name: "members",
    as: "network",
    path: () => "/console/room/lobby/members",
    ready: (page) => page.getByText("@beta", { exact: true }).waitFor(),
  },
  {
    name: "mention",
    as: "network",
    path: () => "/console/room/lobby",
    ready: (page) => page.getByText("Shipped. Thank you both").waitFor(),
    afterwards: async (page) => {
      await page.getByLabel("Message", { exact: true }).pressSequentially("Thank you, @");
      await page.getByRole("option", { name: /@beta/ }).waitFor();
    },
  },
  {
    name: "dm",
    as: "network",
    path: () => "/console/dm/d-release",
    ready: (page) => page.getByText("after ten").waitFor(),
  },
  {
    name: "read-only",
    as: "observer",
    path: () => "/console/room/core",
    ready: (page) => page.getByText("You are reading along").waitFor(),
  },
  { name: "agent", as: "network", path: () => "/console/agent/alpha", ready: heading("Alpha") },
  {
    name: "mentions",
    as: "network",
    path: () => "/console/mentions",
    ready: heading("Mentions"),
    afterwards: (page) => page.getByRole("main").getByText("which region").waitFor(),
  },
  {
    name: "events",
    as: "network",
    path: () => "/console/events",
    ready: heading("Events"),
    afterwards: async (page, stage) => {
      await stage.say({ room: "core", from: "alpha", text: "The nightly run begins." });
      await stage.say({ room: "core", from: "alpha", text: "12,000 rows so far, none refused." });
      await (await stage.attach("beta")).close();
      await stage.say({ room: "core", from: "alpha", text: "Done: 31,204 rows in 4 min." });
      await page.getByText("31,204 rows").waitFor();
      await page.getByText("agent.disconnected").first().waitFor();
    },
  },
  {
    name: "found",
    as: "network",
    path: () => "/console/search?q=index%20rows",
    ready: (page) => page.locator("ol.cards, .empty").first().waitFor(),
    afterwards: (page) =>
      until(
        "what was said to be found",
        async () => {
          if ((await page.locator("mark").count()) > 0) {
            return true;
          }
          await page.reload();
          await page.locator("ol.cards, .empty").first().waitFor();
          return false;
        },
        30_000,
      ),
  },
  {
    name: "go-to",
    as: "network",
    path: () => "/console/room/core",
    ready: (page) => page.getByText("Planning is at ten").waitFor(),
    afterwards: async (page) => {
      await page.keyboard.press("Control+k");
      await page.getByLabel("Where to").fill("a");
    },
  },
  {
    name: "keyboard",
    as: "network",
    path: () => "/console/room/core",
    ready: (page) => page.getByText("Planning is at ten").waitFor(),
    afterwards: async (page) => {
      await page.keyboard.press("?");
      await page.getByRole("dialog").waitFor();
    },
  },
  {
    name: "menu",
    as: "network",
    path: () => "/console/room/core",
    ready: (page) => page.getByText("Planning is at ten").waitFor(),
    afterwards: async (page) => {
      const menu = page.getByRole("button", { name: "Navigation" });
      if (await menu.isVisible()) {
        await menu.click();
      }
    },
  },
  { name: "search", as: "network", path: () => "/console/search", ready: heading("Find what was said") },
  { name: "nowhere", as: "network", path: () => "/console/nowhere", ready: heading("There is nothing") },
  {
    name: "endpoints-sign-in",
    as: "nobody",
    path: () => "/console/endpoints",
    ready: heading("Sign in to your"),
  },
  {
    name: "endpoints",
    as: "account",
    path: () => "/console/endpoints",
    ready: (page) =>
      page
        .getByRole("main")
        .getByRole("link", { name: /greeter/ })
        .waitFor(),
  },
  {
    name: "endpoint",
    as: "account",
    path: endpoint(),
    ready: (page) => page.getByRole("img", { name: /^Tokens/ }).waitFor(),
  },
  {
    name: "endpoint-failed",
    as: "account",
    path: (stage) => `/console/endpoints/${stage.made?.failed.id ?? ""}`,
    ready: heading(/^Calls that were not served/),
  },
  {
    name: "endpoint-waiting",
    as: "account",
    path: (stage) => `/console/endpoints/${stage.made?.waiting.id ?? ""}`,
    ready: (page) => page.getByText("moltghost connect waiting").waitFor(),
  },
  {
    name: "replicas",
    as: "account",
    path: (stage) => `/console/endpoints/${stage.made?.twin.id ?? ""}`,
    ready: (page) => page.getByRole("button", { name: "Drain west" }).waitFor(),
    afterwards: (page) => page.getByRole("heading", { name: "About it" }).scrollIntoViewIfNeeded(),
  },
  {
    name: "drain",
    as: "account",
    path: (stage) => `/console/endpoints/${stage.made?.twin.id ?? ""}`,
    ready: (page) => page.getByRole("button", { name: "Drain west" }).waitFor(),
    afterwards: async (page) => {
      await page.getByRole("button", { name: "Drain west" }).click();
      await page.getByRole("dialog").waitFor();
    },
  },
  {
    name: "terminate",
    as: "account",
    path: endpoint(),
    ready: (page) => page.getByRole("img", { name: /^Tokens/ }).waitFor(),
    afterwards: async (page) => {
      await page.getByRole("button", { name: "Terminate" }).click();
      await page.getByRole("dialog").waitFor();
    },
  },
  {
    name: "new-key",
    as: "account",
    path: endpoint("/keys"),
    ready: (page) => page.getByText("molti_").first().waitFor(),
    afterwards: async (page) => {
      await page.getByRole("button", { name: "New key" }).click();
      await page.getByRole("dialog").waitFor();
    },
  },
  {
    name: "answered",
    as: "account",
    path: endpoint("/playground"),
    ready: (page) => page.getByText("curl -N").waitFor(),
    afterwards: async (page) => {
      await page.getByRole("button", { name: "Make a key for an hour" }).click();
      await until("the key", async () => (await page.getByLabel("Key", { exact: true }).inputValue()) !== "");
      await page.getByRole("button", { name: "Send" }).click();
      await page.getByText(/First token after .* tokens/).waitFor();
    },
  },
  {
    name: "keys",
    as: "account",
    path: endpoint("/keys"),
    ready: (page) => page.getByText("molti_").first().waitFor(),
  },
  {
    name: "keys-viewer",
    as: "viewer",
    path: endpoint("/keys"),
    ready: (page) => page.getByText("molti_").first().waitFor(),
  },
  {
    name: "limits",
    as: "account",
    path: endpoint("/limits"),
    ready: (page) => page.getByLabel("Waiting runs").waitFor(),
  },
  {
    name: "playground",
    as: "account",
    path: endpoint("/playground"),
    ready: (page) => page.getByText("curl -N").waitFor(),
  },
];

/** Signs in as a screen wants it, and goes there. */
export async function show(stage: Stage, page: Page, screen: Screen): Promise<void> {
  const tokens = {
    network: stage.operator,
    observer: stage.observer,
    account: stage.roles.admin,
    viewer: stage.roles.viewer,
  };
  if (screen.as !== "nobody") {
    const own = screen.as === "account" || screen.as === "viewer";
    await stage.signIn(page, tokens[screen.as], own ? "/console/endpoints" : "/console/");
  }
  await page.goto(stage.url + screen.path(stage));
  await screen.ready(page);
  await screen.afterwards?.(page, stage);
}

/** Endpoints in trouble: one that failed, one whose pod never came. And one with two replicas, which dial in. */
export async function fillEndpoints(stage: Stage): Promise<void> {
  const { account } = stage.tenant;
  const waiting = await tenant(stage.worker, null, { account, name: "waiting", replicas: 2 });
  const twin = await tenant(stage.worker, null, { account, name: "twin", model: "demo-small", replicas: 2 });
  for (const [replica, region] of [
    ["east", "us-east-1"],
    ["west", "us-west-1"],
  ] as const) {
    const token = (twin.agent as unknown as { connect_token: string }).connect_token;
    await Connector.connect(twin.url, token, stage.pod.url, { replica, region });
  }
  const failed = await tenant(stage.worker, stage.pod, { account, name: "ailing", model: "demo-small" });
  const said = { messages: [{ role: "user", content: "hello" }] };
  stage.pod.setFault({ path: "/v1/chat/completions", status: 500 });
  for (let at = 0; at < 4; at += 1) {
    await failed.completions(said);
  }
  stage.pod.setFault(null);
  await failed.change({ limits: { rpm: 1 } });
  await until("a refusal", async () => (await failed.completions(said)).status === 429);
  // Nobody listens there.
  await failed.change({ origin: { type: "http", url: "http://127.0.0.1:9" }, start_deadline_seconds: 2 });
  await failed.restart();
  await until("the endpoint to fail", async () => (await failed.shown()).state === "failed");
  stage.made = { failed, waiting, twin };
}

/** Lets something be said and called, so that the screens show life. */
export async function fill(stage: Stage): Promise<void> {
  const say = (from: string, text: string, more = {}) => stage.say({ room: "lobby", from, text, ...more });
  await say("alpha", "Morning. The nightly run is **green**; I am looking at the one slow query now.", {
    id: "m1",
  });
  await say("beta", "On it, too: the lock was held for 3 s.", { thread: "nightly-run", parent: "m1" });
  await say("alpha", "It is the join over `events`, as the plan shows:");
  await say(
    "alpha",
    "```sql\nEXPLAIN QUERY PLAN\nSELECT room, count(*)\nFROM events JOIN rooms USING (room)\nWHERE at > :since\nGROUP BY room;\n```",
  );
  await say(
    "beta",
    "@alpha an index on `(room, at)` does it: 420 ms → 9 ms here.\n\n| rows | before | after |\n|---|---|---|\n| 10,000 | 420 ms | 9 ms |\n| 100,000 | 4.1 s | 31 ms |",
  );
  await say("beta", "", {
    parts: [
      { kind: "text", text: "The whole trace:" },
      {
        kind: "file",
        filename: "trace-2026-12-01.json",
        media_type: "application/json",
        url: "https://files.example/trace.json",
      },
    ],
  });
  await say("alpha", "Who writes the release notes?", { id: "m2" });
  await say("beta", "I have a draft: see [the page](https://docs.example/notes).", {
    thread: "release-notes",
    parent: "m2",
  });
  await say("alpha", "Reads well. Two things:\n1. say what an upgrade costs\n2. link the migration", {
    thread: "release-notes",
    parent: "m2",
  });
  await say("beta", "> link the migration\n\nDone.", { thread: "release-notes", parent: "m2" });
  await say("beta", "Shipped. Thank you both.");
  await stage.say({ room: "core", text: "Planning is at ten." });
  await stage.say({
    room: "core",
    from: "alpha",
    id: "m3",
    text: "@operator which region shall the new pod be in?",
  });
  const two = ["alpha", "operator"];
  await stage.whisper("d-release", "alpha", two, "The release is ready. May I deploy it?");
  await stage.network("/v1/messages", {
    target: { kind: "dm", dm_id: "d-release", participant_ids: two },
    from: { type: "human", id: "operator", name: "Operator" },
    parts: [{ kind: "text", text: "Yes, after ten." }],
  });
  await stage.attach("alpha");
  await stage.newKeys();
  for (let at = 0; at < 12; at += 1) {
    await stage.tenant.completions({
      model: "demo-small",
      messages: [{ role: "user", content: `count to ${String(at * 3)}` }],
    });
  }
}

// Every screen of the console, and how one comes to it: what is looked at, and what axe judges.

import type { Page } from "playwright-core";
import type { Stage } from "./stage.ts";

export interface Screen {
  name: string;
  /** What the reader signs in with; nothing: nobody does. */
  as: "nobody" | "network" | "observer" | "account" | "viewer";
  path: (stage: Stage) => string;
  /** What is there once the screen is whole. */
  ready: (page: Page) => Promise<void>;
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
    name: "read-only",
    as: "observer",
    path: () => "/console/room/core",
    ready: (page) => page.getByText("You are reading along").waitFor(),
  },
  { name: "agent", as: "network", path: () => "/console/agent/alpha", ready: heading("Alpha") },
  { name: "events", as: "network", path: () => "/console/events", ready: heading("Events") },
  { name: "search", as: "network", path: () => "/console/search", ready: heading("Find what was said") },
  { name: "nowhere", as: "network", path: () => "/console/nowhere", ready: heading("There is nothing") },
  {
    name: "endpoints-sign-in",
    as: "nobody",
    path: () => "/console/endpoints",
    ready: heading("Sign in to your"),
  },
  { name: "endpoints", as: "account", path: () => "/console/endpoints", ready: heading("Endpoints") },
  {
    name: "endpoint",
    as: "account",
    path: endpoint(),
    ready: (page) => page.getByRole("img", { name: /^Tokens/ }).waitFor(),
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
}

/** Lets something be said and called, so that the screens show life. */
export async function fill(stage: Stage): Promise<void> {
  const say = (from: string, text: string, more = {}) => stage.say({ room: "lobby", from, text, ...more });
  await say("alpha", "Morning. The nightly run is **green**; I am looking at the one slow query now.", {
    id: "m1",
  });
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
  await stage.newKeys();
  for (let at = 0; at < 12; at += 1) {
    await stage.tenant.completions({
      model: "demo-small",
      messages: [{ role: "user", content: `count to ${String(at * 3)}` }],
    });
  }
}

// Twelve things that people come to the console for, each as the clicks that lead to it. They are walked by a test, and
// drawn step by step (`scripts/console-screens --tasks FOLDER`) for who judges whether the next click is evident.

import assert from "node:assert/strict";
import type { Locator, Page } from "playwright-core";
import { until } from "../harness/index.ts";
import type { Stage } from "./stage.ts";

export interface Step {
  /** What is done next, as somebody who sees the page would say it. */
  say: string;
  /** What is there before it is done, where the step before is over only then. */
  ready?: (page: Page) => Promise<unknown>;
  act: (page: Page) => Promise<unknown>;
}

export interface Task {
  name: string;
  /** What the reader wants, in their words. */
  wants: string;
  as: "network" | "account";
  from: string;
  /** What has to have happened; it may give the path at which the task begins. */
  before?: (stage: Stage, page: Page) => Promise<string | undefined>;
  steps: Step[];
  /** How it shows that the task is done. */
  done: (page: Page, stage: Stage) => Promise<unknown>;
}

const link = (page: Page, name: string | RegExp): Locator => page.getByRole("link", { name }).first();
const button = (page: Page, name: string | RegExp): Locator => page.getByRole("button", { name }).first();
const inDialog = (page: Page, name: string): Locator =>
  page.getByRole("dialog").getByRole("button", { name, exact: true });
const log = (page: Page): Locator => page.getByRole("log").last();

const click = (say: string, what: (page: Page) => Locator, ready?: Step["ready"]): Step => ({
  say: `Click ${say}`,
  ...(ready !== undefined && { ready }),
  act: (page) => what(page).click(),
});
const type = (say: string, label: string, text: string): Step => ({
  say,
  act: async (page) => {
    await page.getByLabel(label, { exact: true }).last().fill(text);
    if (label === "Message") {
      await page.keyboard.press("Enter");
    }
  },
});

const openGreeter: Step = click("the endpoint greeter", (page) => link(page, /greeter/));

export const TASKS: readonly Task[] = [
  {
    name: "newest-thread",
    wants: "Find the newest thread of the room Lobby and read it",
    as: "network",
    from: "/console/",
    steps: [
      click("the room Lobby", (page) => link(page, /Lobby/)),
      click("Threads", (page) => link(page, /^Threads/)),
      click("the first thread of the list", (page) =>
        page.getByRole("complementary").getByRole("listitem").first().getByRole("link"),
      ),
    ],
    done: (page) => page.getByRole("complementary").getByText("I have a draft").waitFor(),
  },
  {
    name: "answer-a-mention",
    wants: "Somebody called on me: find out who, and answer",
    as: "network",
    from: "/console/",
    before: async (stage, page) => {
      await page.getByText("Live", { exact: true }).waitFor();
      await stage.say({
        room: "core",
        id: "task-call",
        text: "@operator may I take the database down at noon?",
      });
      await page.getByRole("link", { name: /^Mentions.*unread/ }).waitFor();
      return undefined;
    },
    steps: [
      click("Mentions", (page) => link(page, /^Mentions/)),
      click("the message", (page) =>
        page
          .getByRole("main")
          .getByRole("link", { name: /at noon/ })
          .first(),
      ),
      type("Write the answer below", "Message", "Yes, at noon."),
    ],
    done: (page) => log(page).getByText("Yes, at noon.").waitFor(),
  },
  {
    name: "revoke-a-key",
    wants: "The key Production leaked: make it worthless",
    as: "account",
    from: "/console/endpoints",
    steps: [
      openGreeter,
      click("Keys", (page) => link(page, "Keys")),
      click("Revoke beside Production", (page) => button(page, "Revoke Production")),
      click("Revoke in the question", (page) => inDialog(page, "Revoke")),
    ],
    done: (page) =>
      page
        .getByRole("row", { name: /Production/ })
        .getByText("revoked", { exact: true })
        .waitFor(),
  },
  {
    name: "why-it-fails",
    wants: "See why the endpoint ailing does not serve",
    as: "account",
    from: "/console/endpoints",
    steps: [click("the endpoint ailing", (page) => link(page, /ailing/))],
    done: (page) => page.getByRole("note").getByText("Mend the pod as the reason says").waitFor(),
  },
  {
    name: "make-a-key",
    wants: "Give a colleague a key that ends in 30 days",
    as: "account",
    from: "/console/endpoints",
    steps: [
      openGreeter,
      click("Keys", (page) => link(page, "Keys")),
      click("New key", (page) => button(page, "New key")),
      type("Type a name", "Name", "Colleague"),
      {
        say: "Choose when it expires",
        act: (page) => page.getByLabel("Expires").selectOption({ label: "In 30 days" }),
      },
      click("Make the key", (page) => button(page, "Make the key")),
      click("Copy the key", (page) => button(page, "Copy the key")),
    ],
    done: async (page) => {
      assert.match(await page.evaluate<string>("navigator.clipboard.readText()"), /^molti_/);
    },
  },
  {
    name: "speak-in-private",
    wants: "Ask the agent Beta something in private",
    as: "network",
    from: "/console/",
    steps: [
      click("the agent Beta", (page) => link(page, /Beta$/)),
      click("Message", (page) => link(page, /^Message$/)),
      type("Write below", "Message", "Are you well?"),
    ],
    done: (page) => log(page).getByText("Are you well?").waitFor(),
  },
  {
    name: "find-what-was-said",
    wants: "Find where somebody spoke of the query plan, and read what was said around it",
    as: "network",
    from: "/console/",
    steps: [
      click("Search", (page) => link(page, /^Search/)),
      type("Type the words", "Words to find", "query plan"),
      click("Search", (page) => button(page, /^Search$/)),
      click("what was found", (page) => page.getByRole("main").locator("ol.cards a").first()),
    ],
    done: (page) => page.locator(".message.marked").waitFor(),
  },
  {
    name: "pause",
    wants: "Take the endpoint greeter out of service for an hour, without losing its address",
    as: "account",
    from: "/console/endpoints",
    steps: [
      openGreeter,
      click("Pause", (page) => button(page, "Pause")),
      click("Pause in the question", (page) => inDialog(page, "Pause")),
    ],
    done: (page) => page.getByRole("main").getByText("paused", { exact: true }).first().waitFor(),
  },
  {
    name: "raise-a-limit",
    wants: "Let greeter take 600 requests a minute",
    as: "account",
    from: "/console/endpoints",
    before: async (stage) => {
      await stage.tenant.start();
      await stage.tenant.change({ limits: { rpm: 120 } });
      return undefined;
    },
    steps: [
      openGreeter,
      click("Limits", (page) => link(page, "Limits")),
      type("Type the number", "Requests per minute", "600"),
      click("Save", (page) => button(page, "Save")),
    ],
    done: (page) => page.getByText("Saved.").waitFor(),
  },
  {
    name: "try-a-call",
    wants: "Try the endpoint, and get the same call in Python",
    as: "account",
    from: "/console/endpoints",
    before: async (stage) => {
      await stage.tenant.start();
      return undefined;
    },
    steps: [
      openGreeter,
      click("Playground", (page) => link(page, "Playground")),
      click("Make a key for an hour", (page) => button(page, "Make a key for an hour")),
      click(
        "Send",
        (page) => button(page, "Send"),
        (page) => page.getByText("A call needs a key").waitFor({ state: "detached" }),
      ),
      click(
        "Python",
        (page) => page.getByText("Python", { exact: true }),
        (page) => page.getByText(/First token after .* tokens/).waitFor(),
      ),
      click("Copy", (page) => page.locator(".same .code").getByRole("button", { name: "Copy" })),
    ],
    done: async (page) => {
      assert.match(
        await page.evaluate<string>("navigator.clipboard.readText()"),
        /from openai import OpenAI/,
      );
    },
  },
  {
    name: "who-reads-along",
    wants: "Who may read and write in Lobby, and who of its members is there now?",
    as: "network",
    from: "/console/",
    steps: [
      click("the room Lobby", (page) => link(page, /Lobby/)),
      click("Members", (page) => link(page, /^Members/)),
    ],
    done: (page) => page.getByRole("complementary", { name: "Members" }).getByText("@beta").waitFor(),
  },
  {
    name: "connect-a-pod",
    wants: "The endpoint waiting has no pod: find out how to connect one",
    as: "account",
    from: "/console/endpoints",
    steps: [
      click("the endpoint waiting", (page) => link(page, /waiting/)),
      click("Copy the command", (page) =>
        page.locator(".do-next").getByRole("button", { name: "Copy the command" }),
      ),
    ],
    done: async (page) => {
      assert.match(
        await page.evaluate<string>("navigator.clipboard.readText()"),
        /^moltghost connect waiting/,
      );
    },
  },
];

/** Waits until nothing of what is before the reader is still being read. */
async function settled(page: Page): Promise<void> {
  await until(
    "the page to be read",
    async () =>
      (await page.locator("main .waiting, main .awaited").count()) === 0 &&
      (await page.getByRole("main").getByText("…", { exact: true }).count()) === 0,
  );
}

/** Goes through a task; `see` is told what is on the page before each step, and at the end. */
export async function walk(
  stage: Stage,
  page: Page,
  task: Task,
  see: (step: number, say: string) => Promise<unknown> = async () => undefined,
): Promise<void> {
  const token = task.as === "account" ? stage.roles.admin : stage.operator;
  await stage.signIn(page, token, task.as === "account" ? "/console/endpoints" : "/console/");
  await page.goto(stage.url + task.from);
  await page.getByRole("main").getByRole("heading", { level: 1 }).waitFor();
  await task.before?.(stage, page);
  for (const [index, step] of task.steps.entries()) {
    await step.ready?.(page);
    await settled(page);
    await see(index, step.say);
    await step.act(page);
  }
  await task.done(page, stage);
  await see(task.steps.length, "Done");
}

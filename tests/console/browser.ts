// A real Chromium, installed by scripts/chromium where there is none.
//
// Invariant: every page collects what went wrong on it; `Page.errors` must be empty, but for what a test expects.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { ROOT } from "../harness/index.ts";

/** A phone's and a desk's view. */
export const PHONE = { width: 360, height: 740 };
export const DESK = { width: 1280, height: 800 };

export async function startBrowser(): Promise<Browser> {
  const executablePath = execFileSync(join(ROOT, "scripts/chromium"), {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  }).trim();
  return await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
}

export interface OpenOptions {
  theme?: "light" | "dark";
  size?: { width: number; height: number };
}

/** A page, its context, and what it complained of. */
export interface Opened {
  page: Page;
  context: BrowserContext;
  errors: string[];
  /** Paths of the requests that the page made, in order. */
  requests: string[];
}

/** Opens an empty page in a context of its own. */
export async function openPage(browser: Browser, options: OpenOptions = {}): Promise<Opened> {
  const context = await browser.newContext({
    viewport: options.size ?? DESK,
    colorScheme: options.theme ?? "light",
    reducedMotion: "reduce",
    locale: "en-GB",
  });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const errors: string[] = [];
  const requests: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    // A refused request is told by the page itself.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      errors.push(message.text());
    }
  });
  page.on("request", (request) => {
    const { pathname, search } = new URL(request.url());
    requests.push(pathname + search);
  });
  return { page, context, errors, requests };
}

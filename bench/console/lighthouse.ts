// Lighthouse, on pages that somebody is signed in to: it drives the browser that the suites use, in which the cookies
// already are.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { ROOT } from "../../tests/harness/paths.ts";
import { freePort } from "../../tests/harness/ports.ts";
import { discard, scratch } from "../../tests/harness/scratch.ts";
import { fromNpm } from "../peers/cache.ts";

const VERSION = "13.5.0";
/** How long a page is waited for: its streams stay open, so that it never comes to rest by itself. */
const WAIT_MS = 15_000;
const CATEGORIES = ["performance", "accessibility", "best-practices"] as const;

/** Scores from 0 to 100, and what cost any. */
export interface Scores {
  scores: Record<string, number>;
  faults: string[];
}

interface Audit {
  title: string;
  score: number | null;
  displayValue?: string;
}

interface Report {
  runtimeError?: { message: string };
  categories: Record<string, { score: number | null; auditRefs: { id: string; weight: number }[] }>;
  audits: Record<string, Audit>;
}

type Lighthouse = (url: string, flags: object, config?: object) => Promise<{ lhr: Report } | undefined>;

export interface Cookie {
  name: string;
  value: string;
}

/** Judges pages, each as a phone and as a desk. */
export async function judged(
  pages: { name: string; url: string; cookies: Cookie[] }[],
  each: (name: string, form: string, found: Scores) => void,
): Promise<void> {
  const folder = await fromNpm("lighthouse", VERSION);
  const { default: lighthouse, desktopConfig } = (await import(
    pathToFileURL(join(folder, "core", "index.js")).href
  )) as { default: Lighthouse; desktopConfig: object };
  const executablePath = execFileSync(join(ROOT, "scripts/chromium"), {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  }).trim();
  const port = await freePort();
  const profile = scratch("lighthouse");
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", `--remote-debugging-port=${String(port)}`],
  });
  try {
    for (const { name, url, cookies } of pages) {
      await context.clearCookies();
      await context.addCookies(cookies.map((cookie) => ({ ...cookie, url: new URL(url).origin })));
      for (const form of ["phone", "desk"] as const) {
        const flags = {
          port,
          onlyCategories: CATEGORIES,
          disableStorageReset: true,
          maxWaitForLoad: WAIT_MS,
          logLevel: "error",
        };
        const result = await lighthouse(url, flags, form === "desk" ? desktopConfig : undefined);
        each(name, form, read(result?.lhr));
      }
    }
  } finally {
    await context.close();
    discard(profile);
  }
}

function read(report: Report | undefined): Scores {
  if (report === undefined || report.runtimeError !== undefined) {
    throw new Error(`Lighthouse failed: ${report?.runtimeError?.message ?? "it told nothing"}`);
  }
  const scores: Record<string, number> = {};
  const faults: string[] = [];
  for (const name of CATEGORIES) {
    const category = report.categories[name];
    scores[name] = Math.round((category?.score ?? 0) * 100);
    for (const { id, weight } of category?.auditRefs ?? []) {
      const audit = report.audits[id];
      if (weight > 0 && audit !== undefined && audit.score !== null && audit.score < 0.9) {
        faults.push(`${id} ${audit.score.toFixed(2)} ${audit.displayValue ?? ""}`.trim());
      }
    }
  }
  return { scores, faults };
}

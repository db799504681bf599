// wrangler as a program that asks nothing, reports nothing home and looks for no update.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Program, start } from "./programs.ts";
import { ROOT, STATE } from "./step.ts";

export const WRANGLER_ENVIRONMENT = {
  CI: "1",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  // The banner is where it looks for an update.
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_NO_SKILLS_UPDATE_PROMPTS: "true",
  WRANGLER_WRITE_LOGS: "false",
  // One registry per checkout: Workers of the same name elsewhere are none of ours.
  WRANGLER_REGISTRY_PATH: join(STATE, "registry"),
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
} as const;

/** Starts wrangler under a name that its log gets, too. */
export function startWrangler(name: string, ...args: string[]): Program {
  const program = join(ROOT, "node_modules/wrangler/wrangler-dist/cli.js");
  return start(name, process.execPath, ["--no-warnings", program, ...args], WRANGLER_ENVIRONMENT);
}

/** Runs wrangler to its end; tells whether that was a good one, and all that it printed. */
export async function wrangler(name: string, ...args: string[]): Promise<{ good: boolean; output: string }> {
  const { how, log } = await startWrangler(name, ...args).ended;
  return { good: how === "0", output: readFileSync(log, "utf8") };
}

// How the scripts speak, and where they keep what they must not commit.

import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Local state: objects, D1, logs, the demo's credentials. Git ignores it; deleting it starts afresh.
 * `MOLTGHOST_STATE` names another folder: two runs side by side must not share one.
 */
export const STATE = process.env.MOLTGHOST_STATE ?? join(ROOT, ".wrangler");

/** The local Worker's secrets: where wrangler looks for them by itself, unless the state is elsewhere. */
export const SECRETS = join(process.env.MOLTGHOST_STATE ?? ROOT, ".dev.vars");
mkdirSync(STATE, { recursive: true });

/** A failure that its user can do something about. */
export class StepError extends Error {
  readonly next: string;

  constructor(message: string, next: string) {
    super(message);
    this.next = next;
  }
}

/** One line of progress, on stderr as from every script. */
export function say(line: string): void {
  process.stderr.write(`· ${line}\n`);
}

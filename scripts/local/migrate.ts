// D1's migrations on the local database, skipped when they are the ones applied last.

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, STATE, StepError, say } from "./step.ts";
import { wrangler } from "./wrangler.ts";

function digest(): string {
  const folder = join(ROOT, "migrations");
  const hash = createHash("sha256");
  for (const name of readdirSync(folder).sort()) {
    hash.update(`${name}\n`).update(readFileSync(join(folder, name)));
  }
  return hash.digest("hex");
}

/** Applies what is new. The stamp lies beside the data, so that deleting the data deletes it too. */
export async function migrate(): Promise<void> {
  const data = join(STATE, "state");
  const stamp = join(data, "migrated");
  const wanted = digest();
  try {
    if (readFileSync(stamp, "utf8") === wanted) {
      return;
    }
  } catch {
    // Never applied.
  }
  say("applying the D1 migrations to the local database");
  const what = ["d1", "migrations", "apply", "DB", "--local", "--persist-to", data];
  const { good, output } = await wrangler("d1 migrations", ...what);
  if (!good) {
    throw new StepError("the D1 migrations failed", output.trim());
  }
  mkdirSync(data, { recursive: true });
  writeFileSync(stamp, wanted);
}

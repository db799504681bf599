// D1's migrations on the local databases, skipped when they are the ones applied last.

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, STATE, StepError, say } from "./step.ts";
import { wrangler } from "./wrangler.ts";

function digest(): string {
  const folder = join(ROOT, "migrations");
  const hash = createHash("sha256");
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  for (const name of names.filter((name) => name.endsWith(".sql")).sort()) {
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
  say("applying the D1 migrations to the local databases");
  for (const database of ["DB", "SEARCH"]) {
    const what = ["d1", "migrations", "apply", database, "--local", "--persist-to", data];
    const { good, output } = await wrangler("d1 migrations", ...what);
    if (!good) {
      throw new StepError(`the D1 migrations of ${database} failed`, output.trim());
    }
  }
  mkdirSync(data, { recursive: true });
  writeFileSync(stamp, wanted);
}

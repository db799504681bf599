// Temporary folders of a suite.
//
// Invariant: what was made here is gone when the process ends, however many suites run side by side.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const made = new Set<string>();

/** A new, empty folder. */
export function scratch(purpose: string): string {
  if (made.size === 0) {
    process.once("exit", () => {
      for (const folder of made) {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }
  const folder = mkdtempSync(join(tmpdir(), `moltghost-${purpose}-`));
  made.add(folder);
  return folder;
}

/** Removes a folder of ours before the process ends. */
export function discard(folder: string): void {
  if (made.delete(folder)) {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

// Where the checkout's parts are, seen from the end-to-end suites.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** What `scripts/build-worker` leaves; the suites test this and nothing else. */
export const BUILD = join(ROOT, "build");

const fromHere = createRequire(import.meta.url);

/** The pinned workerd program. */
export function workerdProgram(): string {
  const found: unknown = fromHere("workerd");
  const path = (found as { default?: unknown }).default;
  if (typeof path !== "string") {
    throw new Error("the package workerd names no program: run scripts/node-tools");
  }
  return path;
}

// `make bench ARGS='tunnel PIECE'`: what the tunnel adds to an http origin, and what callers of it cost each other.
// Pieces: `overhead`, `streams`, `large`, `live`, `stalled`, `abort`. See docs/performance.md.
//
// Invariant: every program that is started here has ended when this one ends; it exits with 1 where a bar is missed.

import { missed } from "../live/verdict.ts";
import { buildLoad } from "../load.ts";
import { say } from "../step.ts";
import { abort, large, stalled } from "./callers.ts";
import { live } from "./memory.ts";
import { overhead, streams } from "./overhead.ts";
import { buildConnector } from "./setup.ts";

const PIECES: Record<string, () => Promise<void>> = { overhead, streams, large, live, stalled, abort };

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !(name in PIECES));
if (unknown.length > 0) {
  say(`unknown piece: ${unknown.join(", ")}; known: ${Object.keys(PIECES).join(", ")}`);
  process.exit(2);
}
await buildLoad();
await buildConnector();
for (const [name, piece] of Object.entries(PIECES)) {
  if (chosen.length === 0 || chosen.includes(name)) {
    process.stdout.write(`${name}\n`);
    await piece();
  }
}
process.exit(missed() > 0 ? 1 : 0);

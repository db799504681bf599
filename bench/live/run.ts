// `make bench ARGS='live PIECE'`: how much live delivery carries, how late, and what it loses, which must be nothing.
// Pieces: `fanout`, `several`, `latency`, `crowd`, `stalled`, `idle`, `resume`. See docs/performance.md.
//
// Invariant: every program that is started here has ended when this one ends; it exits with 1 where a bar is missed.

import { say } from "../step.ts";
import { crowd } from "./crowd.ts";
import { fanout, several } from "./fanout.ts";
import { idle } from "./idle.ts";
import { latency } from "./latency.ts";
import { resume } from "./resume.ts";
import { stopAll } from "./servers.ts";
import { stalled } from "./stalled.ts";
import { missed } from "./verdict.ts";

const PIECES: Record<string, () => Promise<void>> = {
  fanout,
  several,
  latency,
  crowd,
  stalled,
  idle,
  resume,
};

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !(name in PIECES));
if (unknown.length > 0) {
  say(`unknown piece: ${unknown.join(", ")}; known: ${Object.keys(PIECES).join(", ")}`);
  process.exit(2);
}
try {
  for (const [name, piece] of Object.entries(PIECES)) {
    if (chosen.length === 0 || chosen.includes(name)) {
      process.stdout.write(`${name}\n`);
      await piece();
    }
  }
} finally {
  await stopAll();
}
process.exit(missed() > 0 ? 1 : 0);

// All programs, in the order of the table.

import { floor } from "./floor.ts";
import { litellm } from "./litellm.ts";
import { ours } from "./ours.ts";
import { portkey } from "./portkey.ts";
import type { Program } from "./program.ts";
import { rolter } from "./rolter.ts";
import { twin } from "./twin.ts";
import { upstream } from "./upstream.ts";

export const PROGRAMS: Record<string, Program> = { upstream, floor, twin, ours, litellm, portkey, rolter };

/** Other people's programs: one that cannot be installed is left out. */
export const PEERS: readonly string[] = ["litellm", "portkey", "rolter"];

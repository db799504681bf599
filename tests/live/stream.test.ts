// The event stream, the same for the original and ours.

import { against } from "../network/against.ts";
import { BEARER, NONE, OPEN, PUBLIC } from "../network/setup.ts";
import { caps, framing, gates, kinds, publicStream, replay } from "./topics.ts";

against(NONE, [framing, kinds, replay]);
against(BEARER, [framing, kinds, replay, gates, caps]);
against(OPEN, [gates, publicStream]);
against(PUBLIC, [gates, publicStream]);

// Mode none: everybody may do everything.

import { against } from "./against.ts";
import { NONE } from "./setup.ts";
import { bodies } from "./topics/bodies.ts";
import { routing } from "./topics/routing.ts";

against(NONE, [routing, bodies]);

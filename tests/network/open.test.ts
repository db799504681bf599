// Mode open.

import { against } from "./against.ts";
import { OPEN } from "./setup.ts";
import { BEHAVIOUR } from "./topics.ts";

against(OPEN, [...BEHAVIOUR]);

// Mode bearer.

import { against } from "./against.ts";
import { BEARER } from "./setup.ts";
import { BEHAVIOUR } from "./topics.ts";

against(BEARER, [...BEHAVIOUR]);

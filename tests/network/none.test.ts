// Mode none: everybody may do everything.

import { against } from "./against.ts";
import { NONE } from "./setup.ts";
import { largePages } from "./topics/history-pages.ts";
import { BEHAVIOUR } from "./topics.ts";

against(NONE, [...BEHAVIOUR, largePages]);

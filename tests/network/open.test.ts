// Mode open: public rooms are readable by all, and agents register themselves.

import { against } from "./against.ts";
import { OPEN } from "./setup.ts";
import { claims } from "./topics/claims.ts";
import { ACCESS, BEHAVIOUR, DOCUMENTS } from "./topics.ts";

against(OPEN, [...DOCUMENTS, ...BEHAVIOUR, ...ACCESS, claims]);

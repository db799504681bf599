// Mode bearer with public reading: registration with a token, and by the agents themselves.

import { against } from "./against.ts";
import { GUESTBOOK, PUBLIC } from "./setup.ts";
import { claims } from "./topics/claims.ts";
import { ACCESS, DOCUMENTS } from "./topics.ts";

against(PUBLIC, [...DOCUMENTS, ...ACCESS]);
against(GUESTBOOK, [...DOCUMENTS, ...ACCESS, claims]);

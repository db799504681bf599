// Mode bearer: nothing without a token.

import { against } from "./against.ts";
import { BEARER, CLOSED } from "./setup.ts";
import { closed } from "./topics/closed.ts";
import { networkDocument } from "./topics/documents.ts";
import { ACCESS, BEHAVIOUR, DOCUMENTS } from "./topics.ts";

against(BEARER, [...DOCUMENTS, ...BEHAVIOUR, ...ACCESS]);
against(CLOSED, [networkDocument, closed]);

// Mode none: everybody may do everything.

import { against } from "./against.ts";
import { NONE } from "./setup.ts";
import { anonymous } from "./topics/anonymous.ts";
import { noCredentials } from "./topics/credentials.ts";
import { largePages } from "./topics/history-pages.ts";
import { pageSizes } from "./topics/page-sizes.ts";
import { BEHAVIOUR, DOCUMENTS } from "./topics.ts";

against(NONE, [...DOCUMENTS, ...BEHAVIOUR, noCredentials, anonymous, largePages, pageSizes]);

// What unmodified OpenAI SDKs must see, in one table for all of them. The request limit has a suite of its own, since
// its cases take a minute: limits.test.ts.

import type { Case } from "./case.ts";
import { CHATS } from "./table/chats.ts";
import { FAULTS } from "./table/faults.ts";
import { MODELS } from "./table/models.ts";
import { OTHERS } from "./table/others.ts";
import { REFUSALS } from "./table/refusals.ts";
import { STATES } from "./table/states.ts";

export const TABLE: Case[] = [...CHATS, ...MODELS, ...REFUSALS, ...OTHERS, ...FAULTS, ...STATES];

// The topics that several setups run.

import type { Topic } from "./against.ts";
import { apply, registration, roster } from "./topics/agents.ts";
import { bodies } from "./topics/bodies.ts";
import { registrars } from "./topics/claims.ts";
import { collectionPages } from "./topics/collection-pages.ts";
import { artifacts, dms, threads } from "./topics/conversations.ts";
import { credentials } from "./topics/credentials.ts";
import { discovery } from "./topics/discovery.ts";
import { networkDocument } from "./topics/documents.ts";
import { freshReads } from "./topics/fresh-reads.ts";
import { gates } from "./topics/gates.ts";
import { historyPages } from "./topics/history-pages.ts";
import { mentions } from "./topics/mentions.ts";
import { messages } from "./topics/messages.ts";
import { reading } from "./topics/reading.ts";
import { repeats } from "./topics/repeats.ts";
import { rooms } from "./topics/rooms.ts";
import { routing } from "./topics/routing.ts";
import { senders, writePolicies } from "./topics/sending.ts";

/** What does not depend on who asks. */
export const BEHAVIOUR: Topic[] = [
  routing,
  bodies,
  rooms,
  messages,
  threads,
  dms,
  artifacts,
  mentions,
  repeats,
  collectionPages,
  historyPages,
  registration,
  roster,
  apply,
  freshReads,
];

/** What a network says of itself. */
export const DOCUMENTS: Topic[] = [networkDocument, discovery];

/** Who may do what, where that is asked. */
export const ACCESS: Topic[] = [credentials, gates, reading, senders, writePolicies, registrars];

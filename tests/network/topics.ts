// The topics that every setup runs: what does not depend on who asks.

import type { Topic } from "./against.ts";
import { apply, registration, roster } from "./topics/agents.ts";
import { bodies } from "./topics/bodies.ts";
import { collectionPages } from "./topics/collection-pages.ts";
import { artifacts, dms, threads } from "./topics/conversations.ts";
import { historyPages } from "./topics/history-pages.ts";
import { mentions } from "./topics/mentions.ts";
import { messages } from "./topics/messages.ts";
import { repeats } from "./topics/repeats.ts";
import { rooms } from "./topics/rooms.ts";
import { routing } from "./topics/routing.ts";

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
];

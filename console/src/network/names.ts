// What things of the network are called where people read.

import { type Dm, OPERATOR } from "../api/network.ts";
import { directory } from "./state.ts";

/** Those who are in a direct conversation, under one name each; the operator last, as it is the reader. */
export function participants(dm: Dm): string[] {
  const bare = (dm.participant_ids ?? []).filter((id) => !id.includes(":") && !id.includes("/"));
  const all = bare.length > 0 ? bare : (dm.participant_ids ?? []);
  return [...all].sort((a, b) => Number(a === OPERATOR.id) - Number(b === OPERATOR.id));
}

/** What an agent is called. */
export function agentName(id: string): string {
  return id === OPERATOR.id ? OPERATOR.name : (directory.value.agents.get(id)?.name ?? id);
}

/** What a direct conversation is called: by those who are in it, and not by the reader. */
export function dmName(dm: Dm): string {
  const ids = participants(dm);
  const others = ids.filter((id) => id !== OPERATOR.id);
  return (others.length > 0 ? others : ids).map(agentName).join(", ") || dm.id;
}

/** The conversation of the operator with an agent, where there is one. */
export function dmWith(agent: string): Dm | undefined {
  return [...directory.value.dms.values()].find((dm) => {
    const ids = participants(dm);
    return ids.length === 2 && ids.includes(agent) && ids.includes(OPERATOR.id);
  });
}

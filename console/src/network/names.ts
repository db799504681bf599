// What things of the network are called where people read.

import { type Dm, OPERATOR } from "../api/network.ts";
import type { Place } from "../router.ts";
import { directory, network } from "./state.ts";

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

/** Whether the reader may begin a direct conversation. */
export function mayBegin(): boolean {
  const here = network.value;
  return (
    here?.capabilities.direct_messages === true &&
    here.capabilities.human_ingress &&
    here.console?.can_send_human === true
  );
}

/** Where a word in private with an agent is, or begins; nowhere where the reader may begin none. */
export function privateWith(agent: string): Place | undefined {
  const known = network.value?.capabilities.direct_messages ? dmWith(agent) : undefined;
  if (known !== undefined) {
    return { page: "dm", id: known.id };
  }
  return mayBegin() ? { page: "dm", id: `dm_${OPERATOR.id}_${agent}`, peer: agent } : undefined;
}

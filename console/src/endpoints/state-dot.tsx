// The state of an endpoint as a dot, and as a word.

import type { Endpoint, State } from "../api/control.ts";

/** Whether a pod is to dial in, and none has. */
export function lacksPod({ links, origin, state }: Endpoint): boolean {
  return origin.type === "tunnel" && state !== "terminated" && !links.some((link) => link.up);
}

/** Whether nothing goes on until somebody connects a first pod; the API calls it deploying. */
export function awaitsPod(endpoint: Endpoint): boolean {
  return endpoint.state === "deploying" && lacksPod(endpoint);
}

export function StateDot({ state }: { state: State }) {
  return (
    <span class={`state-dot ${state}`}>
      <span class="sr">{state} </span>
    </span>
  );
}

export function StateBadge({ endpoint }: { endpoint: Endpoint }) {
  return (
    <span class={`state ${endpoint.state}`}>{awaitsPod(endpoint) ? "needs a pod" : endpoint.state}</span>
  );
}

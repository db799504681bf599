// The state of an endpoint as a dot, and as a word.

import type { State } from "../api/control.ts";

export function StateDot({ state }: { state: State }) {
  return (
    <span class={`state-dot ${state}`}>
      <span class="sr">{state} </span>
    </span>
  );
}

export function StateBadge({ state }: { state: State }) {
  return <span class={`state ${state}`}>{state}</span>;
}

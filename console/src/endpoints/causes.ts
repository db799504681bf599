// What kept calls from being served, from the figures of an endpoint.

import type { MetricsStep } from "../api/control.ts";

export interface Cause {
  name: string;
  count: number;
  /** Whether it is a failure, and not only a refusal or the caller's own doing. */
  bad: boolean;
}

/** What went wrong, the most frequent first. */
export function causes(steps: readonly MetricsStep[]): Cause[] {
  const counts = new Map<string, Cause>();
  const add = (name: string, count: number, bad: boolean) => {
    if (count > 0) {
      counts.set(name, { name, bad, count: (counts.get(name)?.count ?? 0) + count });
    }
  };
  for (const { refused, endings } of steps) {
    for (const [code, count] of Object.entries(refused)) {
      add(code, count, false);
    }
    add("server_error", endings.server_error, true);
    add("lost", endings.lost, true);
    add("client_error", endings.client_error, false);
    add("cancelled", endings.cancelled, false);
  }
  return [...counts.values()].sort((a, b) => b.count - a.count);
}

// What happened to an endpoint since the page was opened.

import type { AccountEvent } from "../api/control.ts";
import { clockWithSeconds, full } from "../ui/time.ts";
import { happened } from "./state.ts";

const SHOWN = 10;

/** An event in words. */
export function told({ type, state, reason, replica, key }: AccountEvent): string {
  switch (type) {
    case "agent.state":
      return `It is ${state ?? "changed"}${reason ? `: ${reason}` : ""}`;
    case "replica.up":
      return `Replica ${replica ?? ""} is up`;
    case "replica.down":
      return `Replica ${replica ?? ""} is down`;
    default:
      return key === undefined ? type : `Key ${key.name} was ${type.replace("key.", "")}`;
  }
}

export function Happenings({ id }: { id: string }) {
  const all = happened.value.filter((event) => event.agent === id);
  return (
    <section aria-labelledby="happenings-title">
      <h2 id="happenings-title">
        Events <span class="count">since you opened this page</span>
      </h2>
      {all.length === 0 ? (
        <p class="muted">None yet. Changes of state, replicas and keys appear here as they happen.</p>
      ) : (
        <ol class="events short">
          {all.slice(0, SHOWN).map((event) => (
            <li key={event.id}>
              <time dateTime={event.created_at} title={full(event.created_at ?? "")}>
                {clockWithSeconds(event.created_at ?? "")}
              </time>
              <span>{told(event)}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

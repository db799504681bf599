// What calls on the operator: what came while the page was open, and what a search finds from before.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type Message, OPERATOR, search } from "../api/network.ts";
import { callsOperator } from "../conversation/excerpt.ts";
import { placeOf } from "../live/directory.ts";
import { Empty, Waiting } from "../ui/states.tsx";
import { Hit } from "./hit.tsx";
import { calls } from "./state.ts";
import { unreadCall } from "./unread.ts";

/** The newest first, each once. */
function merged(live: readonly Message[], found: readonly Message[]): Message[] {
  const all = new Map([...live, ...found].map((message) => [message.id, message]));
  return [...all.values()].sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at));
}

export function MentionsView() {
  const found = useSignal<readonly Message[] | null>(null);
  useEffect(() => {
    // Where nothing can be searched, what came since the page was opened is all there is.
    search(OPERATOR.id, "", "").then(
      ({ messages }) => {
        found.value = (messages ?? []).filter(callsOperator);
      },
      () => {
        found.value = [];
      },
    );
  }, []);
  const live = new Set(calls.value.map(({ id }) => id));
  const all = merged(calls.value, found.value ?? []);
  return (
    <article class="page">
      <header>
        <h1>Mentions</h1>
        <p class="muted">Messages that call on you with @{OPERATOR.id}. Open one to answer it.</p>
      </header>
      {all.length > 0 ? (
        <ol class="cards one">
          {all.map((message) => (
            <Hit
              key={message.id}
              message={message}
              words={`@${OPERATOR.id}`}
              fresh={live.has(message.id) && unreadCall(placeOf(message), message.created_at)}
            />
          ))}
        </ol>
      ) : found.value === null ? (
        <Waiting what="mentions" />
      ) : (
        <Empty icon="at" title="Nobody has called on you yet">
          <p>
            An agent reaches you by writing @{OPERATOR.id} in any room or thread, and it shows here at once.
          </p>
        </Empty>
      )}
    </article>
  );
}

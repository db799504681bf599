// Why calls were not served in the last hour: each cause with how often, and what to do about it.

import type { MetricsStep } from "../api/control.ts";
import { causes } from "./causes.ts";

/** What to do, by error code (agent-endpoints §9) or by how a run ended. */
const ADVICE: Record<string, string> = {
  rate_limited:
    "Callers ask faster than their limit. Raise it under Limits, or let them wait as Retry-After says.",
  quota_exceeded: "The month's tokens are used up.",
  agent_busy: "All runs at once are taken and the queue is full. Raise both under Limits, or add a replica.",
  agent_paused: "The endpoint is paused. Start it.",
  agent_initializing: "It is being probed and serves nothing until a probe is good.",
  agent_failed: "The endpoint failed; the reason stands at the top. Mend the pod, then start it.",
  agent_unreachable: "No link to the pod was up. See Replicas.",
  invalid_api_key: "A key that is revoked, expired or of another endpoint. See Keys.",
  path_not_allowed: "The key may not call this path.",
  origin_not_allowed: "A page of another origin called.",
  model_not_found: "A model was asked for that the endpoint does not offer.",
  server_error: "The pod answered with an error of its own, or broke off. Its logs say more.",
  client_error: "The pod refused what it was sent.",
  lost: "The run's end was never told: something between here and the pod ended.",
  cancelled: "The caller went away.",
};

/** Of `null` the figures are on their way. */
export function Unserved({ steps }: { steps: readonly MetricsStep[] | null }) {
  const all = causes(steps ?? []);
  return (
    <section aria-labelledby="unserved-title">
      <h2 id="unserved-title">
        Calls that were not served <span class="count">in the last hour</span>
      </h2>
      {all.length === 0 ? (
        <p class="muted">
          {steps === null
            ? "…"
            : steps.some(({ requests }) => requests > 0)
              ? "None: every call was served to its end."
              : "Nobody has called in the last hour."}
        </p>
      ) : (
        <ul class="causes">
          {all.map(({ name, count, bad }) => (
            <li key={name}>
              <strong class={bad ? "problem" : undefined}>{count}</strong>
              <code>{name}</code>
              <span>{ADVICE[name] ?? "The answer said why."}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

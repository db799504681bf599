// Limits of an endpoint, edited in place.

import { useSignal } from "@preact/signals";
import { words } from "../api/call.ts";
import { changeLimits, type Endpoint, type Limits } from "../api/control.ts";
import { keep, may } from "./state.ts";

interface Field {
  name: keyof Limits;
  label: string;
  hint: string;
  min: number;
  max?: number;
}

const FIELDS: Field[] = [
  {
    name: "rpm",
    label: "Requests per minute",
    hint: "For all keys together. Leave it empty to set no common limit: each key then makes 100 a minute, or what was set for that key.",
    min: 1,
  },
  {
    name: "concurrency",
    label: "Runs at once",
    hint: "Further calls wait until one of these has ended.",
    min: 1,
  },
  {
    name: "queue",
    label: "Waiting runs",
    hint: "When so many wait already, further calls are refused with 503 agent_busy.",
    min: 0,
  },
  {
    name: "body_bytes",
    label: "Largest request in bytes",
    hint: "At most 26,214,400 (25 MiB).",
    min: 1,
    max: 26_214_400,
  },
  {
    name: "max_timeout_seconds",
    label: "Longest run in seconds",
    hint: "At most 3,600.",
    min: 1,
    max: 3_600,
  },
];

export function LimitsForm({ endpoint }: { endpoint: Endpoint }) {
  const said = useSignal<{ words: string; good: boolean } | null>(null);
  const closed = !may.administer() || endpoint.state === "terminated";
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const limits: Partial<Limits> = {};
    for (const { name } of FIELDS) {
      const text = String(form.get(name) ?? "").trim();
      const value = text === "" && name === "rpm" ? null : Number(text);
      if (value !== endpoint.limits[name]) {
        Object.assign(limits, { [name]: value });
      }
    }
    try {
      keep(await changeLimits(endpoint.id, limits));
      said.value = { words: "Saved. It binds from the next call on.", good: true };
    } catch (error) {
      said.value = { words: words(error), good: false };
    }
  };
  return (
    <form class="limits" onSubmit={(event) => void submit(event)}>
      {closed && <p class="muted">Only an admin of the account changes limits.</p>}
      <fieldset disabled={closed}>
        <legend class="sr">Limits</legend>
        {FIELDS.map(({ name, label, hint, min, max }) => (
          <div key={name} class="field">
            <label for={`limit-${name}`}>{label}</label>
            <input
              id={`limit-${name}`}
              name={name}
              type="number"
              inputMode="numeric"
              min={min}
              {...(max !== undefined && { max })}
              required={name !== "rpm"}
              defaultValue={String(endpoint.limits[name] ?? "")}
              aria-describedby={`hint-${name}`}
            />
            <p id={`hint-${name}`} class="muted">
              {hint}
            </p>
          </div>
        ))}
        <button type="submit" class="primary">
          Save
        </button>
      </fieldset>
      <p class={said.value?.good === false ? "problem" : "muted"} role="status">
        {said.value?.words ?? ""}
      </p>
    </form>
  );
}

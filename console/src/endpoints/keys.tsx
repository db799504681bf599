// Keys of an endpoint: made and shown once, rotated, revoked.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { words } from "../api/call.ts";
import {
  createKey,
  type Endpoint,
  type Key,
  type NewKey,
  readKeys,
  revokeKey,
  rotateKey,
} from "../api/control.ts";
import { Copy } from "../ui/copy.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { Empty, Trouble, Waiting } from "../ui/states.tsx";
import { date, since } from "../ui/time.ts";
import { Confirm } from "./confirm.tsx";
import { keyChanges, may } from "./state.ts";

/** How long the old secret of a rotated key stays valid. */
const GRACE_SECONDS = 24 * 3_600;

/** What stands beside a key, and why. */
function standing(key: Key): { word: string; tone: string } {
  const now = Date.now();
  if (key.revoked_at !== null) {
    return { word: "revoked", tone: "off" };
  }
  if (key.expires_at !== null && Date.parse(key.expires_at) <= now) {
    return { word: "expired", tone: "off" };
  }
  if (key.old_secret_until !== null && Date.parse(key.old_secret_until) > now) {
    return { word: `old secret until ${date(key.old_secret_until)}`, tone: "warn" };
  }
  return key.rotate_due ? { word: "rotation due", tone: "warn" } : { word: "valid", tone: "good" };
}

function Shown({ made, onClose }: { made: Key; onClose: () => void }) {
  const copied = useSignal(false);
  return (
    <Dialog title="Copy the key now" onClose={onClose}>
      <div class="stack">
        <p>It is shown this once. Whoever holds it can call the endpoint.</p>
        <code class="secret" data-testid="secret">
          {made.key}
        </code>
        <div class="actions">
          <Copy
            text={made.key ?? ""}
            label="Copy the key"
            loud={!copied.value}
            onCopied={() => {
              copied.value = true;
            }}
          />
          <button type="button" class={copied.value ? "primary" : "quiet"} onClick={onClose}>
            Done
          </button>
        </div>
      </div>
    </Dialog>
  );
}

const LIFETIMES = [
  { label: "Never", days: 0 },
  { label: "In 7 days", days: 7 },
  { label: "In 30 days", days: 30 },
  { label: "In 90 days", days: 90 },
];

function Make({ onMake, onClose }: { onMake: (key: NewKey) => Promise<void>; onClose: () => void }) {
  const problem = useSignal("");
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const days = Number(form.get("days"));
    const rpm = Number(form.get("rpm"));
    try {
      await onMake({
        name: String(form.get("name")).trim(),
        ...(days > 0 && { expires_at: new Date(Date.now() + days * 86_400_000).toISOString() }),
        ...(rpm > 0 && { limits: { rpm } }),
      });
      onClose();
    } catch (error) {
      problem.value = words(error);
    }
  };
  return (
    <Dialog title="New key" onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <label for="key-name">Name</label>
        <input
          id="key-name"
          name="name"
          required
          maxLength={63}
          placeholder="Where it will be used"
          autocomplete="off"
        />
        <label for="key-days">Expires</label>
        <select id="key-days" name="days">
          {LIFETIMES.map(({ label, days }) => (
            <option key={days} value={days}>
              {label}
            </option>
          ))}
        </select>
        <label for="key-rpm">Requests per minute</label>
        <input id="key-rpm" name="rpm" type="number" min={1} placeholder="As the endpoint allows" />
        <p class="problem" aria-live="polite">
          {problem.value}
        </p>
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Make the key
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface Asking {
  what: "rotate" | "revoke";
  key: Key;
}

function Row({ one, onAsk }: { one: Key; onAsk: (asking: Asking) => void }) {
  const { word, tone } = standing(one);
  return (
    <tr class={tone}>
      <th scope="row">
        {one.name}
        <code class="muted">{one.masked}</code>
      </th>
      <td>
        <span class={`state ${tone}`}>{word}</span>
      </td>
      <td>{one.last_used_at === null ? "Never used" : `Used ${since(one.last_used_at)}`}</td>
      <td>
        {one.expires_at === null ? "No expiry" : `Expires ${date(one.expires_at)}`}
        {one.limits.rpm !== null && <span class="muted">{one.limits.rpm} requests a minute</span>}
        {one.allowed_paths !== null && <span class="muted">Only {one.allowed_paths.join(", ")}</span>}
      </td>
      <td class="end">
        {tone !== "off" && may.operate() && (
          <>
            <button type="button" class="small" onClick={() => onAsk({ what: "rotate", key: one })}>
              Rotate<span class="sr"> {one.name}</span>
            </button>{" "}
            <button type="button" class="small" onClick={() => onAsk({ what: "revoke", key: one })}>
              Revoke<span class="sr"> {one.name}</span>
            </button>
          </>
        )}
      </td>
    </tr>
  );
}

const newestFirst = (a: Key, b: Key) =>
  Number(a.revoked_at !== null) - Number(b.revoked_at !== null) || b.created_at.localeCompare(a.created_at);

export function Keys({ endpoint }: { endpoint: Endpoint }) {
  const keys = useSignal<Key[] | null>(null);
  const problem = useSignal("");
  const making = useSignal(false);
  const shown = useSignal<Key | null>(null);
  const asking = useSignal<Asking | null>(null);
  const read = async () => {
    try {
      keys.value = await readKeys(endpoint.id);
      problem.value = "";
    } catch (error) {
      problem.value = words(error);
    }
  };
  useEffect(() => void read(), [endpoint.id, keyChanges.value]);
  const done = async ({ what, key }: Asking) => {
    try {
      if (what === "rotate") {
        shown.value = await rotateKey(endpoint.id, key.id, GRACE_SECONDS);
      } else {
        await revokeKey(key.id);
      }
      await read();
    } catch (error) {
      problem.value = words(error);
    }
  };
  return (
    <section>
      <header class="row between">
        <h2>Keys</h2>
        {may.operate() && endpoint.state !== "terminated" && (
          <button
            type="button"
            class="primary"
            onClick={() => {
              making.value = true;
            }}
          >
            <Icon name="key" />
            New key
          </button>
        )}
      </header>
      {problem.value !== "" && (
        <Trouble title="That did not work" words={problem.value} onRetry={() => void read()} />
      )}
      {keys.value === null ? (
        problem.value === "" && <Waiting what="keys" />
      ) : keys.value.length === 0 ? (
        <Empty icon="key" title="No keys yet">
          <p>
            {may.operate()
              ? "Make one: a call of the endpoint needs it."
              : "Whoever runs this endpoint makes them."}
          </p>
        </Empty>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        <div class="keys" tabIndex={0}>
          <table>
            <caption class="sr">Keys of {endpoint.name}</caption>
            <tbody>
              {[...keys.value].sort(newestFirst).map((one) => (
                <Row
                  key={one.id}
                  one={one}
                  onAsk={(ask) => {
                    asking.value = ask;
                  }}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {making.value && (
        <Make
          onMake={async (wanted) => {
            shown.value = await createKey(endpoint.id, wanted);
            // Not waited for: the form makes place for the secret at once.
            void read();
          }}
          onClose={() => {
            making.value = false;
          }}
        />
      )}
      {asking.value !== null && (
        <Confirm
          title={
            asking.value.what === "rotate"
              ? `Rotate ${asking.value.key.name}?`
              : `Revoke ${asking.value.key.name}?`
          }
          question={
            asking.value.what === "rotate"
              ? "A new secret is made and shown once. The old one stays valid for 24 hours."
              : "The very next call with it is refused, and its running streams end. This cannot be taken back."
          }
          label={asking.value.what === "rotate" ? "Rotate" : "Revoke"}
          danger={asking.value.what === "revoke"}
          onYes={() => asking.value !== null && done(asking.value)}
          onClose={() => {
            asking.value = null;
          }}
        />
      )}
      {shown.value !== null && (
        <Shown
          made={shown.value}
          onClose={() => {
            shown.value = null;
          }}
        />
      )}
    </section>
  );
}

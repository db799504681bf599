// The ways to the pod: each replica with its link, and what to do where there is none.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { words } from "../api/call.ts";
import { drain, type Endpoint, type Link, type State } from "../api/control.ts";
import { Copy } from "../ui/copy.tsx";
import { full, since } from "../ui/time.ts";
import { Confirm } from "./confirm.tsx";
import { keep, may, readSoon } from "./state.ts";
import { lacksPod } from "./state-dot.tsx";

/** How often the calls under way are counted anew; oftener while a replica drains, whose end no event tells. */
const FRESH_MS = 10_000;
const FRESH_DRAINING_MS = 1_000;

/** What a pod serves besides chat, as the last probe found it. */
function served({ capabilities }: Link): string {
  const names = Object.entries(capabilities ?? {}).flatMap(([name, has]) => (has ? [name] : []));
  return ["chat", ...names].join(", ");
}

/** How a link is, in a word. */
function standing({ type, up, draining, breaker, last_error }: Link): { word: string; tone: string } {
  if (draining) {
    return { word: "draining", tone: "warn" };
  }
  if (up && breaker !== undefined && breaker !== "closed") {
    return { word: breaker === "open" ? "resting" : "on trial", tone: "warn" };
  }
  if (up) {
    return { word: "up", tone: "good" };
  }
  return type === "http" && last_error === null
    ? { word: "not in use", tone: "off" }
    : { word: "down", tone: "failed" };
}

interface WayProps {
  link: Link;
  url: string | undefined;
  state: State;
  onDrain: (replica: string) => void;
}

function Way({ link, url, state, onDrain }: WayProps) {
  const { replica } = link;
  return (
    <tr>
      <th scope="row">
        <span class={link.up ? "presence on" : "presence"} />
        <span>
          {link.replica ?? url ?? "Tunnel"}
          <span class="muted">
            {link.type === "tunnel" ? "tunnel" : "http origin"}
            {link.region !== undefined && ` · ${link.region}`}
            {link.weight !== undefined && link.weight !== 1 && ` · weight ${String(link.weight)}`}
          </span>
        </span>
      </th>
      <td>
        <span class={`state ${standing(link).tone}`}>{standing(link).word}</span>
      </td>
      <td class="wide">
        {link.draining ? (
          "Takes no more calls, and goes once those under way have ended"
        ) : link.breaker === "open" ? (
          <span class="problem">It did not take its last calls, and rests for up to 30 seconds</span>
        ) : link.last_error !== null ? (
          <span class="problem">{link.last_error}</span>
        ) : link.up ? (
          `Serves ${served(link)}`
        ) : (
          <span class="muted">{link.type === "http" ? `The endpoint is ${state}` : "No link is open"}</span>
        )}
      </td>
      <td>
        {link.in_flight === 0 ? <span class="muted">Idle</span> : `${String(link.in_flight)} under way`}
      </td>
      <td class="end muted">
        {link.since !== undefined && (
          <time dateTime={link.since} title={full(link.since)}>
            up {since(link.since)}
          </time>
        )}
        {link.up && replica !== undefined && may.operate() && (
          <button type="button" class="small" onClick={() => onDrain(replica)}>
            Drain<span class="sr"> {replica}</span>
          </button>
        )}
      </td>
    </tr>
  );
}

/** How a pod is connected, where none is. */
function Connect({ endpoint }: { endpoint: Endpoint }) {
  const command = `moltghost connect ${endpoint.alias ?? endpoint.name} --to http://127.0.0.1:8000`;
  return (
    <div class="do-next">
      <p>
        <strong>Run this where the pod runs:</strong>
      </p>
      <div class="code">
        <div>
          <span>shell</span>
          <Copy text={command} label="Copy the command" loud />
        </div>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
        <pre tabIndex={0}>{command}</pre>
      </div>
      <p class="muted">If the pod's server listens elsewhere, change the address behind --to.</p>
    </div>
  );
}

/** What draining a replica means for those who call. */
function question({ links }: Endpoint, replica: string): string {
  const others = links.some((link) => link.up && link.replica !== replica);
  return [
    others
      ? "It takes no more calls; they go to the other replicas."
      : "It is the only one: calls are refused until another connects.",
    "Calls under way may end, for 30 seconds at most. Then its connector ends; start it again to have the replica back.",
  ].join(" ");
}

export function Links({ endpoint }: { endpoint: Endpoint }) {
  const { id, links, origin } = endpoint;
  const up = links.filter((link) => link.up).length;
  const draining = links.some((link) => link.draining);
  // Without a pod the tunnel itself is listed, which tells nothing that the words above do not.
  const ways = lacksPod(endpoint) ? links.filter((link) => link.draining) : links;
  const asking = useSignal<string | null>(null);
  const problem = useSignal("");
  useEffect(() => {
    const read = () => document.visibilityState === "visible" && readSoon(id);
    const timer = setInterval(read, draining ? FRESH_DRAINING_MS : FRESH_MS);
    return () => clearInterval(timer);
  }, [id, draining]);
  const send = async (replica: string, now: boolean) => {
    problem.value = "";
    try {
      keep(await drain(id, replica, now));
    } catch (error) {
      problem.value = words(error);
    }
  };
  return (
    <section aria-labelledby="links-title">
      <h2 id="links-title">
        Replicas{" "}
        <span class="count">
          {up} of {Math.max(endpoint.replicas, up)} up
        </span>
      </h2>
      {problem.value !== "" && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      {lacksPod(endpoint) && <Connect endpoint={endpoint} />}
      {ways.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        <div class="keys links" tabIndex={0}>
          <table>
            <caption class="sr">Replicas of {endpoint.name} and their links</caption>
            <tbody>
              {ways.map((link, index) => (
                <Way
                  key={`${link.replica ?? String(index)} ${link.since ?? ""}`}
                  link={link}
                  url={origin.url}
                  state={endpoint.state}
                  onDrain={(replica) => {
                    asking.value = replica;
                  }}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {asking.value !== null && (
        <Confirm
          title={`Drain ${asking.value}?`}
          question={question(endpoint, asking.value)}
          option="End its calls at once"
          label="Drain"
          onYes={(now) => asking.value !== null && send(asking.value, now)}
          onClose={() => {
            asking.value = null;
          }}
        />
      )}
    </section>
  );
}

// The ways to the pod: each replica with its link, and what to do where there is none.

import type { Endpoint, Link } from "../api/control.ts";
import { Copy } from "../ui/copy.tsx";
import { full, since } from "../ui/time.ts";

/** What a pod serves besides chat, as the last probe found it. */
function served({ capabilities }: Link): string {
  const names = Object.entries(capabilities ?? {}).flatMap(([name, has]) => (has ? [name] : []));
  return ["chat", ...names].join(", ");
}

/** How a link is, in a word. */
function standing({ up, draining, breaker }: Link): { word: string; tone: string } {
  if (draining) {
    return { word: "draining", tone: "warn" };
  }
  if (up && breaker !== undefined && breaker !== "closed") {
    return { word: breaker === "open" ? "resting" : "on trial", tone: "warn" };
  }
  return up ? { word: "up", tone: "good" } : { word: "down", tone: "failed" };
}

function Way({ link, url }: { link: Link; url: string | undefined }) {
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
        {link.breaker === "open" ? (
          <span class="problem">It did not take its last calls, and rests for up to 30 seconds</span>
        ) : link.last_error !== null ? (
          <span class="problem">{link.last_error}</span>
        ) : link.up ? (
          `Serves ${served(link)}`
        ) : (
          <span class="muted">No link is open</span>
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
      </td>
    </tr>
  );
}

/** How a pod is connected, where none is. */
function Connect({ endpoint }: { endpoint: Endpoint }) {
  const command = `moltghost connect ${endpoint.alias ?? endpoint.name} --to http://127.0.0.1:8000`;
  return (
    <div class="do-next">
      <p class="muted">
        No pod is connected. Where the pod runs, with the address at which it serves chat completions:
      </p>
      <div class="code">
        <div>
          <span>shell</span>
          <Copy text={command} label="Copy" />
        </div>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
        <pre tabIndex={0}>{command}</pre>
      </div>
    </div>
  );
}

/** Whether a pod is to dial in, and none has. */
export function lacksPod({ links, origin, state }: Endpoint): boolean {
  return origin.type === "tunnel" && state !== "terminated" && !links.some((link) => link.up);
}

export function Links({ endpoint }: { endpoint: Endpoint }) {
  const { links, origin } = endpoint;
  const up = links.filter((link) => link.up).length;
  return (
    <section aria-labelledby="links-title">
      <h2 id="links-title">
        Replicas{" "}
        <span class="count">
          {up} of {Math.max(endpoint.replicas, up)} up
        </span>
      </h2>
      {lacksPod(endpoint) ? (
        <Connect endpoint={endpoint} />
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        <div class="keys links" tabIndex={0}>
          <table>
            <caption class="sr">Replicas of {endpoint.name} and their links</caption>
            <tbody>
              {links.map((link, index) => (
                <Way key={link.replica ?? String(index)} link={link} url={origin.url} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

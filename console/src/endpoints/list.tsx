// The endpoints of an account: what runs, what does not, and why.

import { type Endpoint, programBase } from "../api/control.ts";
import { address } from "../router.ts";
import { SignIn } from "../sign-in.tsx";
import { Icon } from "../ui/icon.tsx";
import { Empty, Trouble, Waiting } from "../ui/states.tsx";
import { switching } from "../ui/switcher.tsx";
import { moment } from "../ui/time.ts";
import { account, accounts, control, controlProblem, endpoints, enterControl } from "./state.ts";
import { lacksPod, StateBadge } from "./state-dot.tsx";

function Row({ endpoint }: { endpoint: Endpoint }) {
  const up = endpoint.links.filter((link) => link.up).length;
  return (
    <li>
      <a class="card endpoint" href={address({ page: "endpoint", id: endpoint.id, tab: "overview" })}>
        <span class="row">
          <strong>{endpoint.name}</strong>
          <StateBadge endpoint={endpoint} />
          <span class="muted">since {moment(endpoint.since)}</span>
        </span>
        <code class="muted clip-line">{programBase(endpoint)}</code>
        <span class="muted">
          {endpoint.model ?? "No default model"} · {up} of {Math.max(endpoint.replicas, up)} replicas up
        </span>
        {lacksPod(endpoint) && (
          <span class="todo">
            No pod is connected. See how to connect one
            <Icon name="go" />
          </span>
        )}
        {endpoint.reason && <span class="problem">{endpoint.reason}</span>}
      </a>
    </li>
  );
}

export function EndpointList() {
  switch (control.value) {
    case "unknown":
      return <Waiting what="your endpoints" />;
    case "out":
      return <SignIn area="endpoints" />;
    case "failed":
      return (
        <Trouble
          title="The endpoints do not answer"
          words={controlProblem.value}
          onRetry={() => void enterControl()}
        />
      );
  }
  const all = endpoints.value;
  if (all === null) {
    return <Waiting what="your endpoints" />;
  }
  const name = accounts.value.find(({ id }) => id === account.value)?.name ?? account.value;
  const order = (a: Endpoint, b: Endpoint) => a.name.localeCompare(b.name);
  const running = [...all.values()].filter(({ state }) => state === "running").length;
  return (
    <article class="page wide">
      <header class="row">
        <div>
          <h1>Endpoints</h1>
          <p class="muted">
            {name === "" ? "No account yet" : `Account ${name}`} · {running} of {all.size} running · each has
            keys of its own
          </p>
        </div>
        {all.size > 0 && (
          <button
            type="button"
            onClick={() => {
              switching.value = "keys";
            }}
          >
            <Icon name="key" />
            Find a key
          </button>
        )}
      </header>
      {all.size === 0 ? (
        <Empty icon="server" title="No endpoints yet">
          <p>
            Make one with <code>moltghost deploy NAME</code>, or with <code>POST /api/v1/agents</code>. It
            appears here at once.
          </p>
        </Empty>
      ) : (
        <ul class="cards wide">
          {[...all.values()].sort(order).map((endpoint) => (
            <Row key={endpoint.id} endpoint={endpoint} />
          ))}
        </ul>
      )}
    </article>
  );
}

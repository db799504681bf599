// One endpoint: its state and what may be done to it; figures, keys, limits and a playground behind tabs.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { words } from "../api/call.ts";
import { type Endpoint, order, programBase, terminate, type Verb } from "../api/control.ts";
import { address, type Tab } from "../router.ts";
import { SignIn } from "../sign-in.tsx";
import { Copy } from "../ui/copy.tsx";
import { Icon, type IconName } from "../ui/icon.tsx";
import { Empty, Trouble, Waiting } from "../ui/states.tsx";
import { full, moment } from "../ui/time.ts";
import { Confirm } from "./confirm.tsx";
import { Figures } from "./figures.tsx";
import { Happenings } from "./happenings.tsx";
import { Keys } from "./keys.tsx";
import { LimitsForm } from "./limits.tsx";
import { Links } from "./links.tsx";
import { Playground } from "./playground.tsx";
import { control, controlProblem, endpoints, enterControl, keep, may, readSoon } from "./state.ts";
import { awaitsPod, lacksPod, StateBadge } from "./state-dot.tsx";

const TABS: { tab: Tab; label: string }[] = [
  { tab: "overview", label: "Overview" },
  { tab: "keys", label: "Keys" },
  { tab: "limits", label: "Limits" },
  { tab: "playground", label: "Playground" },
];

interface Order {
  verb: Verb | "terminate";
  label: string;
  icon: IconName;
  /** What is asked before; nothing where nothing can be lost. */
  question?: string;
  /** What of it must not be overlooked. */
  warning?: string;
  /** What may be chosen besides. */
  option?: string;
}

const ORDERS: Order[] = [
  { verb: "start", label: "Start", icon: "play" },
  {
    verb: "pause",
    label: "Pause",
    icon: "pause",
    warning: "It stays paused until somebody clicks Start: it does not come back by itself.",
    question: "Until then new calls are refused. Runs in flight end normally; address and keys stay.",
    option: "End the runs in flight, too",
  },
  {
    verb: "restart",
    label: "Restart",
    icon: "restart",
    question: "It is probed anew and serves nothing until a probe is good. Address and keys stay.",
  },
  {
    verb: "terminate",
    label: "Terminate",
    icon: "stop",
    question:
      "This cannot be taken back: every run is aborted, every key dies, and the address is gone for ever.",
  },
];

/** What can be asked of an endpoint in its state. */
function possible({ state }: Endpoint, verb: Order["verb"]): boolean {
  switch (verb) {
    case "start":
      return state === "paused" || state === "failed" || state === "deploying";
    case "pause":
      return state === "running" || state === "initializing";
    case "restart":
      return state === "running" || state === "failed";
    default:
      return state !== "terminated";
  }
}

function Orders({ endpoint }: { endpoint: Endpoint }) {
  const asking = useSignal<Order | null>(null);
  const problem = useSignal("");
  const give = async ({ verb }: Order, option = false) => {
    problem.value = "";
    try {
      keep(await (verb === "terminate" ? terminate(endpoint.id) : order(endpoint.id, verb, option)));
    } catch (error) {
      problem.value = words(error);
    }
  };
  const offered = ORDERS.filter(
    ({ verb }) => (verb === "terminate" ? may.administer() : may.operate()) && possible(endpoint, verb),
  );
  return (
    <>
      <div class="row orders">
        {offered.map((one) => (
          <button
            key={one.verb}
            type="button"
            class={one.verb === "start" && !lacksPod(endpoint) ? "primary" : ""}
            onClick={() => {
              if (one.question === undefined) {
                void give(one);
              } else {
                asking.value = one;
              }
            }}
          >
            <Icon name={one.icon} />
            {one.label}
          </button>
        ))}
      </div>
      {problem.value !== "" && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      {asking.value !== null && (
        <Confirm
          title={`${asking.value.label} ${endpoint.name}?`}
          question={asking.value.question ?? ""}
          label={asking.value.label}
          danger={asking.value.verb === "terminate"}
          {...(asking.value.verb === "terminate" && { typed: endpoint.name })}
          {...(asking.value.warning !== undefined && { warning: asking.value.warning })}
          {...(asking.value.option !== undefined && { option: asking.value.option })}
          onYes={(option) => asking.value !== null && give(asking.value, option)}
          onClose={() => {
            asking.value = null;
          }}
        />
      )}
    </>
  );
}

/** What comes once a pod is connected. */
function onceConnected({ state }: Endpoint): string {
  switch (state) {
    case "deploying":
      return "the endpoint then starts by itself";
    case "paused":
    case "failed":
      return "then click Start";
    default:
      return "calls are served again once it answers";
  }
}

/** What is to be done next, by what this page offers where it offers it. */
function nextStep(endpoint: Endpoint): string | null {
  if (lacksPod(endpoint)) {
    return `No pod is connected. Connect one; ${onceConnected(endpoint)}.`;
  }
  return endpoint.state === "failed" && may.operate()
    ? "Mend the pod as the reason says, then click Start."
    : endpoint.next_step;
}

/** The state as a sentence begins with it. */
function stateWords(endpoint: Endpoint): string {
  return awaitsPod(endpoint)
    ? "Waiting for a pod"
    : `${endpoint.state[0]?.toUpperCase() ?? ""}${endpoint.state.slice(1)}`;
}

function Facts({ endpoint }: { endpoint: Endpoint }) {
  // The address that the head does not show.
  const byPath = programBase(endpoint) === endpoint.endpoint;
  return (
    <dl class="facts">
      <dt>Id</dt>
      <dd>
        <code>{endpoint.id}</code>
      </dd>
      <dt>{byPath ? "By path" : "By name"}</dt>
      <dd>
        <code>{byPath ? endpoint.path_endpoint : endpoint.endpoint}/v1</code>
      </dd>
      <dt>Pod</dt>
      <dd>{endpoint.origin.type === "tunnel" ? "Dials in by tunnel" : endpoint.origin.url}</dd>
      <dt>Model</dt>
      <dd>{endpoint.model ?? "None set"}</dd>
      <dt>Made</dt>
      <dd>{full(endpoint.created_at)}</dd>
    </dl>
  );
}

function Content({ endpoint, tab }: { endpoint: Endpoint; tab: Tab }) {
  switch (tab) {
    case "keys":
      return <Keys endpoint={endpoint} />;
    case "limits":
      return <LimitsForm endpoint={endpoint} key={endpoint.id} />;
    case "playground":
      return <Playground endpoint={endpoint} key={endpoint.id} />;
    default:
      return (
        <>
          {lacksPod(endpoint) && <Links endpoint={endpoint} key="links" />}
          <Figures id={endpoint.id} key={endpoint.id} />
          {!lacksPod(endpoint) && <Links endpoint={endpoint} key="links" />}
          <Happenings id={endpoint.id} />
          <section aria-labelledby="facts-title">
            <h2 id="facts-title">About it</h2>
            <Facts endpoint={endpoint} />
          </section>
        </>
      );
  }
}

export function EndpointView({ id, tab }: { id: string; tab: Tab }) {
  const there = control.value === "in" && endpoints.value?.has(id) === true;
  // No event tells of settings that were changed elsewhere.
  useEffect(() => {
    if (there) {
      readSoon(id);
    }
  }, [id, tab, there]);
  if (control.value === "out") {
    return <SignIn area="endpoints" />;
  }
  if (control.value === "failed") {
    return (
      <Trouble
        title="The endpoint does not answer"
        words={controlProblem.value}
        onRetry={() => void enterControl()}
      />
    );
  }
  if (control.value === "unknown" || endpoints.value === null) {
    return <Waiting what="the endpoint" />;
  }
  const endpoint = endpoints.value.get(id);
  if (endpoint === undefined) {
    return (
      <Empty whole icon="server" title="There is no such endpoint here">
        <p>It belongs to another account, or was terminated.</p>
        <a href={address({ page: "endpoints" })}>All endpoints</a>
      </Empty>
    );
  }
  return (
    <article class="page wide">
      <header class="row">
        <div>
          <span class="row">
            <h1>{endpoint.name}</h1>
            <StateBadge endpoint={endpoint} />
          </span>
          <p class="muted">
            {stateWords(endpoint)} since <time dateTime={endpoint.since}>{moment(endpoint.since)}</time>
          </p>
          <p class="address">
            <code class="clip-line">{programBase(endpoint)}/v1</code>
            <Copy text={`${programBase(endpoint)}/v1`} label="Copy" />
          </p>
        </div>
        <Orders endpoint={endpoint} />
      </header>
      {(endpoint.reason || nextStep(endpoint)) && (
        <div class={endpoint.state === "failed" ? "notice error" : "notice"} role="note">
          <Icon name="warning" />
          <div>
            {endpoint.reason && <strong>{endpoint.reason}</strong>}
            {nextStep(endpoint) && <p>{nextStep(endpoint)}</p>}
            {lacksPod(endpoint) && tab !== "overview" && (
              <a href={address({ page: "endpoint", id, tab: "overview" })}>How a pod is connected</a>
            )}
          </div>
        </div>
      )}
      <nav class="tabs" aria-label="About this endpoint">
        {TABS.map((one) => (
          <a
            key={one.tab}
            href={address({ page: "endpoint", id, tab: one.tab })}
            aria-current={one.tab === tab ? "page" : undefined}
          >
            {one.label}
          </a>
        ))}
      </nav>
      <Content endpoint={endpoint} tab={tab} />
    </article>
  );
}

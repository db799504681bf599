// The control API as the console uses it (agent-endpoints §10).

import { call } from "./call.ts";

export type State = "deploying" | "initializing" | "running" | "paused" | "failed" | "terminated";
export type Role = "viewer" | "operator" | "admin";

/** Who is signed in; the deployment's operator has no account. */
export interface Session {
  role: Role | "deployment";
  account: string | null;
  expires_at: string;
}

export interface Limits {
  rpm: number | null;
  concurrency: number;
  queue: number;
  body_bytes: number;
  max_timeout_seconds: number;
}

/** A way to the pod: its origin, or a tunnel that a replica dialled. */
export interface Link {
  type: "http" | "tunnel";
  up: boolean;
  replica?: string;
  weight?: number;
  region?: string;
  since?: string;
  in_flight: number;
  breaker?: "closed" | "open" | "half_open";
  draining?: boolean;
  last_error: string | null;
  capabilities: Record<string, boolean | null> | null;
}

export interface Endpoint {
  id: string;
  account: string;
  name: string;
  alias: string | null;
  model: string | null;
  state: State;
  since: string;
  reason: string | null;
  next_step: string | null;
  endpoint: string;
  path_endpoint: string;
  origin: { type: string; url?: string };
  links: Link[];
  replicas: number;
  timeout_seconds: number;
  limits: Limits;
  created_at: string;
}

/** The address that programs call, without `/v1`: most of them do not resolve names below `localhost`. */
export function programBase({ endpoint, path_endpoint }: Endpoint): string {
  return new URL(endpoint).hostname.endsWith(".localhost") ? path_endpoint : endpoint;
}

export interface Key {
  id: string;
  agent: string;
  name: string;
  masked: string;
  key?: string;
  created_at: string;
  last_used_at: string | null;
  revoked_at: string | null;
  expires_at: string | null;
  allowed_paths: string[] | null;
  limits: { rpm: number | null };
  old_secret_until: string | null;
  age_days: number;
  rotate_due: boolean;
}

export interface Durations {
  count: number;
  sum: number;
  counts: number[];
}

export interface MetricsStep {
  time: string;
  requests: number;
  refused: Record<string, number>;
  endings: { ok: number; client_error: number; server_error: number; cancelled: number; lost: number };
  prompt_tokens: number;
  completion_tokens: number;
  in_flight_max: number;
  latency_ms: Durations;
  time_to_first_token_ms: Durations;
}

export interface Metrics {
  from: string;
  to: string;
  step: number;
  bounds_ms: number[];
  data: MetricsStep[];
}

/** An event of an account's stream. */
export interface AccountEvent {
  id: string;
  type: string;
  agent?: string;
  state?: State;
  reason?: string | null;
  replica?: string;
  key?: { id: string; name: string };
  created_at?: string;
}

async function all<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  let cursor = "";
  do {
    const mark = path.includes("?") ? "&" : "?";
    const next = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await call<{ data: T[]; next_cursor: string | null }>(`${path}${mark}limit=200${next}`);
    items.push(...page.data);
    cursor = page.next_cursor ?? "";
  } while (cursor !== "" && items.length < 5_000);
  return items;
}

const agentPath = (agent: string, rest = ""): string => `/api/v1/agents/${encodeURIComponent(agent)}${rest}`;

export const readSession = (): Promise<Session> => call("/api/v1/session");
export const readAccounts = (): Promise<{ id: string; name: string }[]> => all("/api/v1/accounts");
export const readEndpoints = (account: string): Promise<Endpoint[]> =>
  all(`/api/v1/agents?account=${encodeURIComponent(account)}`);
export const readEndpoint = (id: string): Promise<Endpoint> => call(agentPath(id));

export type Verb = "start" | "pause" | "restart";
/** `now` of a pause: runs in flight are ended, too. */
export const order = (id: string, verb: Verb, now: boolean): Promise<Endpoint> =>
  call(agentPath(id, `/${verb}`), { method: "POST", ...(now && { body: { now } }) });
/** Sends the links of a replica away; `now`: without the 30 seconds in which its calls may end. */
export const drain = (id: string, replica: string, now: boolean): Promise<Endpoint> =>
  call(agentPath(id, `/replicas/${encodeURIComponent(replica)}/drain`), { method: "POST", body: { now } });
export const terminate = (id: string): Promise<Endpoint> => call(agentPath(id), { method: "DELETE" });
export const changeLimits = (id: string, limits: Partial<Limits>): Promise<Endpoint> =>
  call(agentPath(id), { method: "PATCH", body: { limits } });

/** All keys of an account, of whichever endpoint. */
export const readAccountKeys = (account: string): Promise<Key[]> =>
  all(`/api/v1/keys?account=${encodeURIComponent(account)}`);
export const readKeys = (id: string): Promise<Key[]> => all(agentPath(id, "/keys"));
export interface NewKey {
  name: string;
  expires_at?: string;
  limits?: { rpm: number };
}
export const createKey = (id: string, key: NewKey): Promise<Key> =>
  call(agentPath(id, "/keys"), { method: "POST", body: key });
/** The old secret stays valid for `grace` seconds. */
export const rotateKey = (id: string, key: string, grace: number): Promise<Key> =>
  call(agentPath(id, `/keys/${encodeURIComponent(key)}/rotate`), {
    method: "POST",
    body: { grace_seconds: grace, rotation_id: crypto.randomUUID() },
  });
export const revokeKey = (key: string): Promise<unknown> =>
  call(`/api/v1/keys/${encodeURIComponent(key)}`, { method: "DELETE" });

/** The last `minutes`, in steps of `step` seconds. */
export function readMetrics(id: string, minutes: number, step: number): Promise<Metrics> {
  const from = new Date(Date.now() - minutes * 60_000).toISOString();
  return call(agentPath(id, `/metrics?from=${encodeURIComponent(from)}&step=${step}`));
}

// An account with one agent and one key, as nearly every suite needs them.
//
// Invariant: every answer on the way is judged by the contract; two tenants of one Worker share nothing.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { type CheckedInit, type CheckedOptions, checkedFetch, checkedRequest } from "./openapi.ts";
import { type Answer, type OpenAnswer, open, type RequestOptions } from "./request.ts";
import { until } from "./until.ts";
import { type ControlOptions, OPERATOR_TOKEN } from "./worker.ts";

/** What a tenant needs of a Worker: its address. */
export interface Served {
  readonly url: string;
}

/** What a tenant needs of a pod: its address. */
export interface Upstream {
  readonly url: string;
}

/** The state of an agent. */
export type AgentState = "deploying" | "initializing" | "running" | "paused" | "failed" | "terminated";

/** Limits of an agent. */
export interface AgentLimits {
  rpm: number | null;
  concurrency: number;
  queue: number;
  body_bytes: number;
  max_timeout_seconds: number;
}

/** Limits that no suite meets by accident. */
const ROOMY = { rpm: 1_000_000, concurrency: 1_000 };

/** An agent as the control API shows it. */
export interface AgentDocument {
  id: string;
  account: string;
  name: string;
  alias: string | null;
  model: string | null;
  models: string[];
  early_headers: boolean;
  replicas: number;
  next_step: string | null;
  start_deadline_seconds: number;
  legacy_403: boolean;
  state: AgentState;
  since: string;
  reason: string | null;
  endpoint: string;
  pending_endpoint: string;
  path_endpoint: string;
  origin: { type: string; url?: string; header_names?: string[] };
  timeout_seconds: number;
  cors: { origins: string[] };
  forward_headers: string[];
  limits: AgentLimits;
  region: string | null;
  links: AgentLink[];
  created_at: string;
  updated_at: string;
}

/** A key as it is made; it is shown this once. */
export interface KeyDocument {
  id: string;
  key: string;
  masked: string;
}

/** One way to an agent's pods. */
export interface AgentLink {
  type: string;
  up: boolean;
  replica?: string;
  weight?: number;
  region?: string;
  since?: string;
  in_flight: number;
  breaker?: "closed" | "open" | "half_open";
  draining?: true;
  last_error: string | null;
  capabilities: Record<string, boolean | null> | null;
}

/** `GET /v1/status`. */
export interface AgentStatus {
  agent: string;
  state: AgentState;
  since: string;
  model: string | null;
  version: string;
  links: AgentLink[];
  region: string | null;
  in_flight: number;
  queued: number;
  limits: AgentLimits;
  requests: { limit: number; remaining: number; reset_ms: number; next_ms: number };
  usage: {
    month: string;
    requests: number;
    prompt_tokens: number;
    completion_tokens: number;
    total_tokens: number;
    by_source: { reported: number; counted: number; estimated: number };
  };
  availability: { from: string; up_seconds: number; down_seconds: number; ratio: number | null };
  timeout_seconds: number;
}

/** What differs from the usual tenant. */
export interface TenantOverrides {
  /** An account that exists already. Default: a new one. */
  account?: string;
  /** Whether the agent is started and awaited. Default: true where there is a pod. */
  start?: boolean;
  name?: string;
  alias?: string;
  model?: string;
  models?: string[];
  early_headers?: boolean;
  replicas?: number;
  start_deadline_seconds?: number;
  legacy_403?: boolean;
  region?: string;
  origin?: { type: "tunnel" } | { type: "http"; url: string; headers?: Record<string, string> };
  /** Headers of the `http` origin that leads to the pod. */
  originHeaders?: Record<string, string>;
  timeout_seconds?: number;
  cors?: { origins: string[] };
  forward_headers?: string[];
  /** What differs from limits that no suite meets by accident. */
  limits?: Partial<AgentLimits>;
}

/** A call of an endpoint; `key: null` sends none. */
export interface CallOptions extends CheckedOptions {
  key?: string | null;
}

/** A name that no other suite uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(5).toString("hex")}`;
}

/** A call of the control API whose answer is as documented. The token is the operator's unless another is given. */
export function control(served: Served, path: string, options: ControlOptions = {}): Promise<Answer> {
  const { token, ...rest } = options;
  const headers = { ...rest.headers };
  if (token !== null && headers.authorization === undefined) {
    headers.authorization = `Bearer ${token ?? OPERATOR_TOKEN}`;
  }
  return checkedRequest(new URL(`/api/v1${path}`, served.url), { ...rest, headers });
}

async function made<T>(served: Served, path: string, json: unknown): Promise<T> {
  const answer = await control(served, path, { json });
  assert.equal(answer.status, 201, answer.text);
  return answer.json<T>();
}

/** One agent, its account and a key of it. */
export class Tenant {
  readonly served: Served;
  readonly account: string;
  readonly agent: AgentDocument;
  /** The key in full, and its public id. */
  readonly key: string;
  readonly keyId: string;
  /** `/agents/<id>`, on any host that serves endpoints by path. */
  readonly path: string;
  /** The same with scheme, host and port: what an SDK's `base_url` begins with. */
  readonly url: string;
  /** The agent's own host, with the port. */
  readonly host: string;

  constructor(served: Served, agent: AgentDocument, key: KeyDocument) {
    this.served = served;
    this.account = agent.account;
    this.agent = agent;
    this.key = key.key;
    this.keyId = key.id;
    this.path = `/agents/${agent.id}`;
    this.url = new URL(this.path, served.url).href;
    this.host = `${agent.id}.agent.localhost:${new URL(served.url).port}`;
  }

  get id(): string {
    return this.agent.id;
  }

  #signed<T extends RequestOptions>(options: T & { key?: string | null }): T {
    const { key, ...rest } = options;
    const headers: Record<string, string | string[]> = { ...rest.headers };
    if (key !== null && headers.authorization === undefined) {
      headers.authorization = `Bearer ${key ?? this.key}`;
    }
    return { ...rest, headers } as unknown as T;
  }

  /** Any call by path, read whole: `call("/v1/models")`. */
  call(path: string, options: CallOptions = {}): Promise<Answer> {
    return checkedRequest(this.url + path, this.#signed(options));
  }

  /** Any call by path as `fetch` makes it; a stream is judged event by event as it is read. */
  fetch(path: string, init: CheckedInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${this.key}`, ...(init.headers as Record<string, string>) };
    return checkedFetch(this.url + path, { ...init, headers });
  }

  /** Any call by path whose answer is still coming; only the caller judges it. */
  open(path: string, options: RequestOptions & { key?: string | null } = {}): Promise<OpenAnswer> {
    return open(this.url + path, this.#signed(options));
  }

  /** `POST /v1/chat/completions`. */
  completions(json: unknown, options: CallOptions = {}): Promise<Answer> {
    return this.call("/v1/chat/completions", { ...options, json });
  }

  /** `POST /v1/chat`. */
  chat(json: unknown, options: CallOptions = {}): Promise<Answer> {
    return this.call("/v1/chat", { ...options, json });
  }

  /** `GET /v1/status`. */
  async status(): Promise<AgentStatus> {
    const answer = await this.call("/v1/status");
    assert.equal(answer.status, 200, answer.text);
    return answer.json<AgentStatus>();
  }

  /** How many calls wait for a slot. */
  async queued(): Promise<number> {
    return (await this.status()).queued;
  }

  /** The agent as the control API shows it now. */
  async shown(): Promise<AgentDocument> {
    const answer = await control(this.served, `/agents/${this.id}`);
    assert.equal(answer.status, 200, answer.text);
    return answer.json<AgentDocument>();
  }

  /** Changes settings. */
  async change(json: Record<string, unknown>): Promise<AgentDocument> {
    const answer = await control(this.served, `/agents/${this.id}`, { method: "PATCH", json });
    assert.equal(answer.status, 200, answer.text);
    return answer.json<AgentDocument>();
  }

  /** Asks the agent to run, and waits until it does. */
  async start(): Promise<void> {
    await until(`agent ${this.id} to run`, async () => {
      const answer = await control(this.served, `/agents/${this.id}/start`, { method: "POST" });
      assert.equal(answer.status, 200, answer.text);
      return answer.json<AgentDocument>().state === "running";
    });
  }

  /** Asks the agent to start anew; answers the agent as it is then. */
  async restart(): Promise<AgentDocument> {
    const answer = await control(this.served, `/agents/${this.id}/restart`, { method: "POST" });
    assert.equal(answer.status, 200, answer.text);
    return answer.json<AgentDocument>();
  }

  async pause(): Promise<void> {
    const answer = await control(this.served, `/agents/${this.id}/pause`, { method: "POST" });
    assert.equal(answer.status, 200, answer.text);
  }

  async terminate(): Promise<void> {
    const answer = await control(this.served, `/agents/${this.id}`, { method: "DELETE" });
    assert.equal(answer.status, 200, answer.text);
  }

  /** Another key of the agent. */
  newKey(name = uniqueName("key"), settings: Record<string, unknown> = {}): Promise<KeyDocument> {
    return made<KeyDocument>(this.served, `/agents/${this.id}/keys`, { name, ...settings });
  }

  /** Revokes a key by its id. */
  async revoke(keyId = this.keyId): Promise<void> {
    const answer = await control(this.served, `/keys/${keyId}`, { method: "DELETE" });
    assert.equal(answer.status, 200, answer.text);
  }
}

/** Makes an account, an agent whose origin is the pod, and a key; `null` for the pod leaves the agent on the tunnel. */
export async function tenant(
  served: Served,
  pod: Upstream | null,
  overrides: TenantOverrides = {},
): Promise<Tenant> {
  const { account: existing, start, originHeaders, ...settings } = overrides;
  const account =
    existing ?? (await made<{ id: string }>(served, "/accounts", { name: uniqueName("suite") })).id;
  const usual =
    pod === null
      ? { type: "tunnel" as const }
      : { type: "http" as const, url: pod.url, ...(originHeaders && { headers: originHeaders }) };
  const agent = await made<AgentDocument>(served, "/agents", {
    account,
    name: uniqueName("agent"),
    origin: usual,
    ...settings,
    limits: { ...ROOMY, ...settings.limits },
  });
  const key = await made<KeyDocument>(served, `/agents/${agent.id}/keys`, { name: "suite" });
  const tenant = new Tenant(served, agent, key);
  if (start ?? pod !== null) {
    await tenant.start();
  }
  return tenant;
}

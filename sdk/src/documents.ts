// What goes over the wire, as the contract of the endpoint names it.

/** A message as OpenAI defines it. */
export interface Message {
  role: "system" | "developer" | "user" | "assistant" | "tool" | (string & {});
  content?: string | null | readonly Record<string, unknown>[];
  [member: string]: unknown;
}

/** A function tool as OpenAI defines it, or the name of one of the agent's skills. */
export type Tool = string | Record<string, unknown>;

/** A call of a function that the agent asks for. */
export interface ToolCall {
  id?: string;
  type?: string;
  function: { name: string; arguments: string };
  [member: string]: unknown;
}

/** Tokens of a run. */
export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  /** The same as `total_tokens`. */
  tokens: number;
  /** Reported by the pod, else counted by pieces of content, else estimated by bytes. */
  source: "reported" | "counted" | "estimated";
  [member: string]: unknown;
}

/** One of the answers of a run; there is more than one only where `n` asks for it. */
export interface Choice {
  index: number;
  message: { role: string; content: string | null; tool_calls?: ToolCall[]; [member: string]: unknown };
  finish_reason: string | null;
  [member: string]: unknown;
}

/** The whole answer of `/v1/chat`, plain or put together from a stream. */
export interface ChatReply {
  id: string;
  object: "chat.completion";
  /** Seconds since the epoch. */
  created: number;
  model: string;
  choices: Choice[];
  /** What the first choice says; empty where it says nothing. */
  content: string;
  /** Why the first choice ended. */
  finish_reason: string | null;
  usage: Usage;
  /** Id of the answer, for questions to the operator. */
  requestId: string | null;
  /** Id of the run; `null` where the answer came over a socket. */
  runId: string | null;
  [member: string]: unknown;
}

/** What a chunk adds to a choice. */
export interface ChunkChoice {
  index: number;
  delta: {
    role?: string;
    content?: string | null;
    tool_calls?: {
      index: number;
      id?: string;
      type?: string;
      function?: { name?: string; arguments?: string };
    }[];
    [member: string]: unknown;
  };
  finish_reason?: string | null;
  [member: string]: unknown;
}

/** One event of a stream. */
export interface ChatChunk {
  id: string;
  object: "chat.completion.chunk";
  created: number;
  model: string;
  choices: ChunkChoice[];
  /** The piece of text; may be empty. */
  content: string;
  /** True on the last chunk alone, which has `usage`. */
  done: boolean;
  finish_reason?: string | null;
  usage?: Usage | null;
  [member: string]: unknown;
}

/** What came of the agent's skills. */
export interface ToolResult {
  id: string;
  object: "tool.result";
  content: string;
  tool_calls: { name: string; arguments: unknown; result: unknown }[];
  usage: Usage;
  requestId: string | null;
  runId: string | null;
  [member: string]: unknown;
}

/** A model of the agent. */
export interface Model {
  id: string;
  object: "model";
  created: number;
  owned_by: string;
}

/** Where an agent stands. */
export type AgentState = "deploying" | "initializing" | "running" | "paused" | "failed" | "terminated";

/** How the agent does. */
export interface Health {
  status: "ok" | "initializing" | "paused" | "degraded" | "failed";
  state?: AgentState;
  /** RFC 3339. */
  since?: string;
  replicas_up?: number;
  /** Version of the access layer. */
  version?: string;
}

/** Everything about the agent that a key may see. */
export interface Status {
  agent: string;
  state: AgentState;
  since: string;
  model: string | null;
  version: string;
  links: {
    type: string;
    up: boolean;
    replica?: string;
    in_flight: number;
    breaker?: "closed" | "open" | "half_open";
    draining?: true;
    last_error: string | null;
    [member: string]: unknown;
  }[];
  region: string | null;
  in_flight: number;
  queued: number;
  limits: Record<string, number | null>;
  requests: { limit: number; remaining: number; reset_ms: number; next_ms: number };
  usage: {
    month: string;
    requests: number;
    prompt_tokens: number;
    completion_tokens: number;
    total_tokens: number;
    by_source: { reported: number; counted: number; estimated: number };
  };
  /** Of the last 30 days; `ratio` is 0 to 1, null while nothing was counted. */
  availability: { from: string; up_seconds: number; down_seconds: number; ratio: number | null };
  timeout_seconds: number;
  [member: string]: unknown;
}

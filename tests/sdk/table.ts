// What unmodified OpenAI SDKs must see, in one table for all of them: what is called on which agent, while the pod does
// what, and what comes of it after how many attempts.
//
// Invariant: a case says nothing of a language; calls and outcomes are plain JSON, which the Python runner reads, too.

import type { Fault } from "../fixtures/pod/index.ts";

/**
 * `bare` has a pod with chat alone, `limited` allows one model and small bodies, `unreachable` runs without a link,
 * `unknown` was never made.
 */
export type AgentKind =
  | "running"
  | "bare"
  | "limited"
  | "initializing"
  | "paused"
  | "unreachable"
  | "terminated"
  | "unknown";

export interface Call {
  kind:
    | "chat"
    | "stream"
    | "text"
    | "text-stream"
    | "embeddings"
    | "response"
    | "response-stream"
    | "models"
    | "model";
  /** Members of the body beside the model. */
  body?: Record<string, unknown>;
  /** Members that are OpenAI's to ignore, given by the SDK's own way to send more. */
  extra?: Record<string, unknown>;
  /** For `model`. */
  id?: string;
  /** Another key than the agent's. */
  key?: string;
}

export interface ToolCall {
  name: string;
  arguments: string;
}

/** What a runner tells of one call. */
export interface Outcome {
  ok: boolean;
  content?: string;
  finish?: string | null;
  usage?: { prompt: number; completion: number; total: number } | null;
  tools?: ToolCall[];
  models?: string[];
  /** Lengths of the vectors. */
  vectors?: number[];
  chunks?: number;
  /** `x-request-id`, where the SDK shows it. */
  request?: string | null;
  error?: {
    class: string;
    status: number | null;
    code: string | null;
    type: string | null;
    message: string;
  };
}

export interface Case {
  name: string;
  agent: AgentKind;
  /** What the pod does wrong meanwhile. */
  fault?: Fault;
  call: Call;
  attempts: number;
  /** The outcome, as far as it is told; an error's class by language where it differs. */
  wanted: Omit<Partial<Outcome>, "error"> & {
    error?: {
      class: string | { node: string; python: string };
      status: number | null;
      code: string | null;
      type: string | null;
    };
  };
}

const CHAT = "/v1/chat/completions";
const say = (content: string) => ({ messages: [{ role: "user", content }] });
const tools = [
  {
    type: "function",
    function: {
      name: "look_up",
      description: "Looks something up",
      parameters: { type: "object", properties: { query: { type: "string" } } },
    },
  },
];
const gateway = { class: "InternalServerError", status: 502, code: "bad_gateway", type: "upstream_error" };

const brokeOff = { class: "APIError", status: null, code: "bad_gateway", type: "upstream_error" };
const late = { class: "APIError", status: null, code: "timeout", type: "timeout_error" };
const notFound = (code: string) => ({ class: "NotFoundError", status: 404, code, type: "not_found_error" });
const unavailable = (code: string) => ({
  class: "InternalServerError",
  status: 503,
  code,
  type: "service_unavailable",
});

/** The same call of an agent in every state in which it does not serve. */
function stateCases(kind: Call["kind"], body: Record<string, unknown> | undefined): Case[] {
  const call: Call = body === undefined ? { kind } : { kind, body };
  const gone = { class: { node: "APIError", python: "APIStatusError" }, status: 410 };
  const states: [AgentKind, number, Case["wanted"]["error"]][] = [
    ["initializing", 3, unavailable("agent_initializing")],
    ["paused", 1, unavailable("agent_paused")],
    ["unreachable", 3, unavailable("agent_unreachable")],
    ["terminated", 1, { ...gone, code: "agent_terminated", type: "gone" }],
    ["unknown", 1, notFound("agent_not_found")],
  ];
  // An SDK waits for seconds before it tries again: a chat, a text and a stream of events stand for all.
  const patient = kind === "chat" || kind === "text" || kind === "response-stream";
  const tried = states.filter(([, attempts]) => attempts === 1 || patient);
  return tried.map(([agent, attempts, error]) => ({
    name: `${kind} of an agent that is ${agent}`,
    agent,
    call,
    attempts,
    wanted: { ok: false, ...(error === undefined ? {} : { error }) },
  }));
}

export const TABLE: Case[] = [
  {
    name: "plain",
    agent: "running",
    call: { kind: "chat", body: say("Analyze Q4 sales") },
    attempts: 1,
    wanted: {
      ok: true,
      content: "You said: Analyze Q4 sales",
      finish: "stop",
      usage: { prompt: 4, completion: 5, total: 9 },
    },
  },
  {
    name: "streamed",
    agent: "running",
    call: { kind: "stream", body: say("Analyze Q4 sales") },
    attempts: 1,
    wanted: { ok: true, content: "You said: Analyze Q4 sales", finish: "stop", usage: null },
  },
  {
    name: "streamed, multi-byte text cut at every byte",
    agent: "running",
    fault: { split: "every", path: CHAT },
    call: { kind: "stream", body: say("unicode") },
    attempts: 1,
    wanted: { ok: true, finish: "stop", usage: null },
  },
  {
    name: "streamed with include_usage",
    agent: "running",
    call: { kind: "stream", body: { ...say("Analyze Q4 sales"), stream_options: { include_usage: true } } },
    attempts: 1,
    wanted: {
      ok: true,
      content: "You said: Analyze Q4 sales",
      finish: "stop",
      usage: { prompt: 4, completion: 5, total: 9 },
    },
  },
  {
    name: "streamed by a pod that comments, ends lines in CR LF and sends no [DONE]",
    agent: "running",
    fault: { comments: true, crlf: true, no_done: true, path: CHAT },
    call: { kind: "stream", body: say("Analyze Q4 sales") },
    attempts: 1,
    wanted: { ok: true, content: "You said: Analyze Q4 sales", finish: "stop" },
  },
  {
    name: "tool calls",
    agent: "running",
    call: { kind: "chat", body: { ...say("call the tool"), tools } },
    attempts: 1,
    wanted: { ok: true, finish: "tool_calls" },
  },
  {
    name: "tool calls, streamed",
    agent: "running",
    call: { kind: "stream", body: { ...say("call the tool"), tools } },
    attempts: 1,
    wanted: { ok: true, finish: "tool_calls" },
  },
  {
    name: "models",
    agent: "running",
    call: { kind: "models" },
    attempts: 1,
    wanted: { ok: true, models: ["demo-large", "demo-small"] },
  },
  {
    name: "one model",
    agent: "running",
    call: { kind: "model", id: "demo-small" },
    attempts: 1,
    wanted: { ok: true, models: ["demo-small"] },
  },
  {
    name: "a model that is not there",
    agent: "running",
    call: { kind: "model", id: "gpt-9" },
    attempts: 1,
    wanted: {
      ok: false,
      error: { class: "NotFoundError", status: 404, code: "model_not_found", type: "not_found_error" },
    },
  },
  {
    name: "a wrong key",
    agent: "running",
    call: { kind: "chat", body: say("hi"), key: "molti_acme_nonsense" },
    attempts: 1,
    wanted: {
      ok: false,
      error: {
        class: "AuthenticationError",
        status: 401,
        code: "invalid_api_key",
        type: "authentication_error",
      },
    },
  },
  {
    name: "a body that the agent cannot use",
    agent: "running",
    call: { kind: "chat", body: { messages: [] } },
    attempts: 1,
    wanted: {
      ok: false,
      error: {
        class: "BadRequestError",
        status: 400,
        code: "invalid_request",
        type: "invalid_request_error",
      },
    },
  },
  {
    name: "an error of the pod's own",
    agent: "running",
    fault: {
      status: 422,
      body: {
        error: { message: "too hot", type: "invalid_request_error", param: "temperature", code: "hot" },
      },
      path: CHAT,
    },
    call: { kind: "chat", body: say("hi") },
    attempts: 1,
    wanted: {
      ok: false,
      error: { class: "UnprocessableEntityError", status: 422, code: "hot", type: "invalid_request_error" },
    },
  },
  {
    name: "a pod that answers with HTML",
    agent: "running",
    fault: { html: true, path: CHAT },
    call: { kind: "chat", body: say("hi") },
    attempts: 1,
    wanted: { ok: false, error: gateway },
  },
  {
    name: "a pod that answers with HTML, streamed",
    agent: "running",
    fault: { html: true, path: CHAT },
    call: { kind: "stream", body: say("hi") },
    attempts: 1,
    wanted: { ok: false, error: gateway },
  },
  {
    name: "a pod that closes without an answer",
    agent: "running",
    fault: { no_headers_close: true, path: CHAT },
    call: { kind: "chat", body: say("hi") },
    attempts: 1,
    wanted: { ok: false, error: gateway },
  },
  {
    name: "a pod that dies in the middle of a stream",
    agent: "running",
    fault: { cut_after_bytes: 900, path: CHAT },
    call: { kind: "stream", body: say("count to 50") },
    attempts: 1,
    wanted: {
      ok: false,
      error: { class: "APIError", status: null, code: "bad_gateway", type: "upstream_error" },
    },
  },
  {
    name: "a pod that takes longer than asked for",
    agent: "running",
    fault: { stall_before_headers_ms: "forever", path: CHAT },
    call: { kind: "chat", body: say("hi"), extra: { timeout_seconds: 1 } },
    attempts: 1,
    wanted: {
      ok: false,
      error: { class: "InternalServerError", status: 504, code: "timeout", type: "timeout_error" },
    },
  },
  {
    name: "a stream that takes longer than asked for",
    agent: "running",
    fault: { stall_after_chunks: 2, path: CHAT },
    call: { kind: "stream", body: say("count to 50"), extra: { timeout_seconds: 1 } },
    attempts: 1,
    wanted: {
      ok: false,
      error: { class: "APIError", status: null, code: "timeout", type: "timeout_error" },
    },
  },
  {
    name: "a text completion",
    agent: "running",
    call: { kind: "text", body: { prompt: "Analyze Q4 sales" } },
    attempts: 1,
    wanted: {
      ok: true,
      content: "You said: Analyze Q4 sales",
      finish: "stop",
      usage: { prompt: 4, completion: 5, total: 9 },
    },
  },
  {
    name: "a text completion, streamed",
    agent: "running",
    call: { kind: "text-stream", body: { prompt: "Analyze Q4 sales" } },
    attempts: 1,
    wanted: { ok: true, content: "You said: Analyze Q4 sales", finish: "stop", usage: null },
  },
  {
    name: "a text completion, streamed with include_usage",
    agent: "running",
    call: {
      kind: "text-stream",
      body: { prompt: "Analyze Q4 sales", stream_options: { include_usage: true } },
    },
    attempts: 1,
    wanted: {
      ok: true,
      content: "You said: Analyze Q4 sales",
      usage: { prompt: 4, completion: 5, total: 9 },
    },
  },
  {
    name: "a text completion whose pod dies in the middle of its stream",
    agent: "running",
    fault: { cut_after_bytes: 900, path: "/v1/completions" },
    call: { kind: "text-stream", body: { prompt: "count to 50" } },
    attempts: 1,
    wanted: { ok: false, error: brokeOff },
  },
  {
    name: "embeddings",
    agent: "running",
    call: { kind: "embeddings", body: { input: ["one", "two"], dimensions: 8 } },
    attempts: 1,
    wanted: { ok: true, vectors: [8, 8], usage: { prompt: 2, completion: 0, total: 2 } },
  },
  {
    name: "a response",
    agent: "running",
    call: { kind: "response", body: { input: "Analyze Q4 sales" } },
    attempts: 1,
    wanted: {
      ok: true,
      content: "You said: Analyze Q4 sales",
      finish: "completed",
      usage: { prompt: 4, completion: 5, total: 9 },
    },
  },
  {
    name: "a response, streamed",
    agent: "running",
    call: { kind: "response-stream", body: { input: "Analyze Q4 sales" } },
    attempts: 1,
    wanted: {
      ok: true,
      content: "You said: Analyze Q4 sales",
      finish: "completed",
      usage: { prompt: 4, completion: 5, total: 9 },
    },
  },
  {
    name: "a response whose pod dies in the middle of its stream",
    agent: "running",
    fault: { cut_after_bytes: 1_500, path: "/v1/responses" },
    call: { kind: "response-stream", body: { input: "count to 50" } },
    attempts: 1,
    wanted: { ok: false, error: brokeOff },
  },
  {
    name: "a response that takes longer than asked for",
    agent: "running",
    fault: { stall_after_chunks: 2, path: "/v1/responses" },
    call: { kind: "response-stream", body: { input: "count to 50" }, extra: { timeout_seconds: 1 } },
    attempts: 1,
    wanted: { ok: false, error: late },
  },
  ...(
    [
      ["text", { prompt: "hi" }],
      ["text-stream", { prompt: "hi" }],
      ["embeddings", { input: "hi" }],
      ["response", { input: "hi" }],
      ["response-stream", { input: "hi" }],
    ] as const
  ).flatMap(([kind, body]): Case[] => [
    {
      name: `${kind} that the pod does not have`,
      agent: "bare",
      call: { kind, body },
      attempts: 1,
      wanted: { ok: false, error: notFound("unsupported_endpoint") },
    },
    ...stateCases(kind, body),
  ]),
  ...stateCases("chat", say("hi")),
  ...stateCases("stream", say("hi")),
  ...stateCases("models", undefined),
  {
    name: "a model that the owner does not allow",
    agent: "limited",
    call: { kind: "chat", body: { ...say("hi"), model: "gpt-9" } },
    attempts: 1,
    wanted: { ok: false, error: notFound("model_not_found") },
  },
  {
    name: "models that the owner allows",
    agent: "limited",
    call: { kind: "models" },
    attempts: 1,
    wanted: { ok: true, models: ["demo-small"] },
  },
  {
    name: "a body that is too large",
    agent: "limited",
    call: { kind: "chat", body: say("x".repeat(3_000)) },
    attempts: 1,
    wanted: {
      ok: false,
      error: {
        class: { node: "APIError", python: "APIStatusError" },
        status: 413,
        code: "request_too_large",
        type: "invalid_request_error",
      },
    },
  },
  {
    name: "names of skills among tools",
    agent: "running",
    call: { kind: "chat", body: { ...say("call the tool"), tools: ["crm_query", ...tools] } },
    attempts: 1,
    wanted: { ok: true, finish: "tool_calls" },
  },
  {
    name: "a skill that the agent does not have",
    agent: "running",
    call: { kind: "chat", body: { ...say("hi"), tools: ["nonsense"] } },
    attempts: 1,
    wanted: {
      ok: false,
      error: { class: "BadRequestError", status: 400, code: "unknown_tool", type: "invalid_request_error" },
    },
  },
  {
    name: "a pod that gets too many requests",
    agent: "running",
    fault: { status: 429, headers: { "retry-after": "1" }, path: CHAT },
    call: { kind: "chat", body: say("hi") },
    attempts: 3,
    wanted: {
      ok: false,
      error: { class: "RateLimitError", status: 429, code: "pod_fault", type: "pod_fault" },
    },
  },
  {
    name: "a conflict of the pod's",
    agent: "running",
    fault: { status: 409, path: CHAT },
    call: { kind: "chat", body: say("hi") },
    attempts: 1,
    wanted: {
      ok: false,
      error: { class: "ConflictError", status: 409, code: "pod_fault", type: "pod_fault" },
    },
  },
  {
    name: "a pod that is not ready",
    agent: "running",
    fault: { status: 503, path: CHAT },
    call: { kind: "chat", body: say("hi") },
    attempts: 3,
    wanted: { ok: false, error: gateway },
  },
  {
    name: "a proxy that gave up waiting for the pod",
    agent: "running",
    fault: { status: 524, html: true, path: CHAT },
    call: { kind: "chat", body: say("hi") },
    attempts: 1,
    wanted: { ok: false, error: { ...late, class: "InternalServerError", status: 504 } },
  },
  {
    name: "a pod that redirects",
    agent: "running",
    fault: { redirect: "https://elsewhere.example/", path: CHAT },
    call: { kind: "chat", body: say("hi") },
    attempts: 1,
    wanted: { ok: false, error: gateway },
  },
  {
    name: "an error of the pod in the middle of a stream",
    agent: "running",
    fault: { error_mid_stream: 2, path: CHAT },
    call: { kind: "stream", body: say("count to 50") },
    attempts: 1,
    wanted: {
      ok: false,
      error: { class: "APIError", status: null, code: "pod_fault", type: "pod_fault" },
    },
  },
  {
    name: "a stream whose pod is silent at first",
    agent: "running",
    fault: { stall_before_headers_ms: 10_500, path: CHAT },
    call: { kind: "stream", body: say("Analyze Q4 sales") },
    attempts: 1,
    wanted: { ok: true, content: "You said: Analyze Q4 sales", finish: "stop" },
  },
  {
    name: "a stream with a message of several kinds of parts",
    agent: "running",
    call: {
      kind: "stream",
      body: { messages: [{ role: "user", content: [{ type: "text", text: "Analyze Q4 sales" }] }] },
    },
    attempts: 1,
    wanted: { ok: true, content: "You said: Analyze Q4 sales" },
  },
];

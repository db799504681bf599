// What unmodified OpenAI SDKs must see, in one table for all of them: what is called on which agent, while the pod does
// what, and what comes of it after how many attempts.
//
// Invariant: a case says nothing of a language; calls and outcomes are plain JSON, which the Python runner reads, too.

import type { Fault } from "../fixtures/pod/index.ts";

export type AgentKind = "running" | "initializing" | "paused" | "terminated";

export interface Call {
  kind: "chat" | "stream" | "models" | "model";
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
    name: "a paused agent",
    agent: "paused",
    call: { kind: "chat", body: say("hi") },
    attempts: 1,
    wanted: {
      ok: false,
      error: { class: "InternalServerError", status: 503, code: "agent_paused", type: "service_unavailable" },
    },
  },
  {
    name: "a paused agent, streamed",
    agent: "paused",
    call: { kind: "stream", body: say("hi") },
    attempts: 1,
    wanted: {
      ok: false,
      error: { class: "InternalServerError", status: 503, code: "agent_paused", type: "service_unavailable" },
    },
  },
  {
    name: "an agent that starts",
    agent: "initializing",
    call: { kind: "chat", body: say("hi") },
    attempts: 3,
    wanted: {
      ok: false,
      error: {
        class: "InternalServerError",
        status: 503,
        code: "agent_initializing",
        type: "service_unavailable",
      },
    },
  },
  {
    name: "a terminated agent",
    agent: "terminated",
    call: { kind: "chat", body: say("hi") },
    attempts: 1,
    wanted: {
      ok: false,
      error: {
        class: { node: "APIError", python: "APIStatusError" },
        status: 410,
        code: "agent_terminated",
        type: "gone",
      },
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
];

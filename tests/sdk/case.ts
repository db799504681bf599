// One call by an OpenAI SDK: what is called on which agent, while the pod does what, and what comes of it after how
// many attempts.
//
// Invariant: a case says nothing of a language; calls and outcomes are plain JSON, which the Python runner reads, too.

import type { Fault } from "../fixtures/pod/index.ts";

/**
 * `bare` has a pod with chat alone, `limited` allows one model and small bodies, `unreachable` runs without a link,
 * `unknown` was never made, `patient` begins plain answers early, `busy` has one slot, taken, and no queue, `deserted`
 * has a pod that is gone.
 */
export type AgentKind =
  | "running"
  | "bare"
  | "limited"
  | "initializing"
  | "paused"
  | "failed"
  | "unreachable"
  | "terminated"
  | "unknown"
  | "patient"
  | "busy"
  | "deserted";

/** Another key than the agent's first: what became of it, or what it may do. */
export type KeyKind =
  | "revoked"
  | "expired"
  | "confined"
  | "foreign"
  /** The secret before a rotation, in its grace period, and after one without any. */
  | "rotated"
  | "retired";

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
  /** Another key than the agent's first. */
  key?: KeyKind;
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

// Text completions, embeddings and responses, which a pod need not have.

import type { Case } from "../case.ts";
import { BROKE_OFF, LATE, notFound } from "./errors.ts";

export const OTHERS: Case[] = [
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
    name: "a text completion whose pod dies in the middle of its stream",
    agent: "running",
    fault: { cut_after_bytes: 900, path: "/v1/completions" },
    call: { kind: "text-stream", body: { prompt: "count to 50" } },
    attempts: 1,
    wanted: { ok: false, error: BROKE_OFF },
  },
  {
    name: "a response whose pod dies in the middle of its stream",
    agent: "running",
    fault: { cut_after_bytes: 1_500, path: "/v1/responses" },
    call: { kind: "response-stream", body: { input: "count to 50" } },
    attempts: 1,
    wanted: { ok: false, error: BROKE_OFF },
  },
  {
    name: "a response that takes longer than asked for",
    agent: "running",
    fault: { stall_after_chunks: 2, path: "/v1/responses" },
    call: { kind: "response-stream", body: { input: "count to 50" }, extra: { timeout_seconds: 1 } },
    attempts: 1,
    wanted: { ok: false, error: LATE },
  },
  ...(
    [
      ["text", { prompt: "hi" }],
      ["text-stream", { prompt: "hi" }],
      ["embeddings", { input: "hi" }],
      ["response", { input: "hi" }],
      ["response-stream", { input: "hi" }],
    ] as const
  ).map(
    ([kind, body]): Case => ({
      name: `${kind} that the pod does not have`,
      agent: "bare",
      call: { kind, body },
      attempts: 1,
      wanted: { ok: false, error: notFound("unsupported_endpoint") },
    }),
  ),
];

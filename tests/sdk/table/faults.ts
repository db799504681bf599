// Pods that fail a chat.

import type { Case } from "../case.ts";
import { CHAT, say } from "./calls.ts";
import { BROKE_OFF, GATEWAY, LATE } from "./errors.ts";

export const FAULTS: Case[] = [
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
    wanted: { ok: false, error: GATEWAY },
  },
  {
    name: "a pod that answers with HTML, streamed",
    agent: "running",
    fault: { html: true, path: CHAT },
    call: { kind: "stream", body: say("hi") },
    attempts: 1,
    wanted: { ok: false, error: GATEWAY },
  },
  {
    name: "a pod that closes without an answer",
    agent: "running",
    fault: { no_headers_close: true, path: CHAT },
    call: { kind: "chat", body: say("hi") },
    attempts: 1,
    wanted: { ok: false, error: GATEWAY },
  },
  {
    name: "a pod that dies in the middle of a stream",
    agent: "running",
    fault: { cut_after_bytes: 900, path: CHAT },
    call: { kind: "stream", body: say("count to 50") },
    attempts: 1,
    wanted: {
      ok: false,
      error: BROKE_OFF,
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
      error: LATE,
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
    wanted: { ok: false, error: GATEWAY },
  },
  {
    name: "a proxy that gave up waiting for the pod",
    agent: "running",
    fault: { status: 524, html: true, path: CHAT },
    call: { kind: "chat", body: say("hi") },
    attempts: 1,
    wanted: { ok: false, error: { ...LATE, class: "InternalServerError", status: 504 } },
  },
  {
    name: "a pod that redirects",
    agent: "running",
    fault: { redirect: "https://elsewhere.example/", path: CHAT },
    call: { kind: "chat", body: say("hi") },
    attempts: 1,
    wanted: { ok: false, error: GATEWAY },
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
    name: "a pod that is gone",
    agent: "deserted",
    call: { kind: "chat", body: say("hi") },
    attempts: 1,
    wanted: { ok: false, error: GATEWAY },
  },
];

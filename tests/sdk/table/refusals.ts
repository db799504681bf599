// Keys and bodies that are refused before the pod is asked.

import type { Case } from "../case.ts";
import { say } from "./calls.ts";
import { badRequest, WRONG_KEY } from "./errors.ts";

export const REFUSALS: Case[] = [
  {
    name: "a wrong key",
    agent: "running",
    call: { kind: "chat", body: say("hi"), key: "molti_acme_nonsense" },
    attempts: 1,
    wanted: {
      ok: false,
      error: WRONG_KEY,
    },
  },
  {
    name: "a body that the agent cannot use",
    agent: "running",
    call: { kind: "chat", body: { messages: [] } },
    attempts: 1,
    wanted: {
      ok: false,
      error: badRequest("invalid_request"),
    },
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
    name: "a skill that the agent does not have",
    agent: "running",
    call: { kind: "chat", body: { ...say("hi"), tools: ["nonsense"] } },
    attempts: 1,
    wanted: {
      ok: false,
      error: badRequest("unknown_tool"),
    },
  },
  ...(["revoked", "expired", "retired", "foreign"] as const).map(
    (key): Case => ({
      name: `a key that is ${key}`,
      agent: "running",
      key,
      call: { kind: "chat", body: say("hi") },
      attempts: 1,
      wanted: { ok: false, error: WRONG_KEY },
    }),
  ),
  {
    name: "the old secret of a key that is being rotated",
    agent: "running",
    key: "rotated",
    call: { kind: "chat", body: say("Analyze Q4 sales") },
    attempts: 1,
    wanted: { ok: true, content: "You said: Analyze Q4 sales" },
  },
  {
    name: "a key that does not open the path",
    agent: "running",
    key: "confined",
    call: { kind: "chat", body: say("hi") },
    attempts: 1,
    wanted: {
      ok: false,
      error: {
        class: "PermissionDeniedError",
        status: 403,
        code: "path_not_allowed",
        type: "permission_error",
      },
    },
  },
  {
    name: "a key that opens the path",
    agent: "running",
    key: "confined",
    call: { kind: "models" },
    attempts: 1,
    wanted: { ok: true, models: ["demo-large", "demo-small"] },
  },
];

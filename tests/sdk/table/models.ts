// Lists of models, and models that are not on them.

import type { Case } from "../case.ts";
import { say } from "./calls.ts";
import { notFound } from "./errors.ts";

export const MODELS: Case[] = [
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
      error: notFound("model_not_found"),
    },
  },
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
];

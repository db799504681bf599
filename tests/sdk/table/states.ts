// The same calls of agents in every state in which they do not serve.

import type { AgentKind, Call, Case } from "../case.ts";
import { say } from "./calls.ts";
import { notFound, unavailable } from "./errors.ts";

/** Agents that do not serve, how often they are asked, and what they answer. */
const UNSERVING: [AgentKind, number, Case["wanted"]["error"]][] = [
  ["initializing", 3, unavailable("agent_initializing")],
  ["paused", 1, unavailable("agent_paused")],
  ["failed", 1, unavailable("agent_failed")],
  ["unreachable", 3, unavailable("agent_unreachable")],
  ["busy", 3, unavailable("agent_busy")],
  [
    "terminated",
    1,
    {
      class: { node: "APIError", python: "APIStatusError" },
      status: 410,
      code: "agent_terminated",
      type: "gone",
    },
  ],
  ["unknown", 1, notFound("agent_not_found")],
];

function ofKind(kind: Call["kind"], body: Record<string, unknown> | undefined): Case[] {
  const call: Call = body === undefined ? { kind } : { kind, body };
  // An SDK waits for seconds before it tries again: a chat, a text and a stream of events stand for all.
  const patient = kind === "chat" || kind === "text" || kind === "response-stream";
  // What runs nothing needs no slot.
  const runs = kind !== "models";
  return UNSERVING.filter(
    ([agent, attempts]) => (attempts === 1 || patient) && (agent !== "busy" || runs),
  ).map(([agent, attempts, error]) => ({
    name: `${kind} of an agent that is ${agent}`,
    agent,
    call,
    attempts,
    wanted: { ok: false, ...(error === undefined ? {} : { error }) },
  }));
}

export const STATES: Case[] = [
  ...ofKind("chat", say("hi")),
  ...ofKind("stream", say("hi")),
  ...ofKind("models", undefined),
  ...ofKind("text", { prompt: "hi" }),
  ...ofKind("text-stream", { prompt: "hi" }),
  ...ofKind("embeddings", { input: "hi" }),
  ...ofKind("response", { input: "hi" }),
  ...ofKind("response-stream", { input: "hi" }),
];

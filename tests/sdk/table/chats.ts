// Chat completions that go well.

import type { Case } from "../case.ts";
import { CHAT, say, TOOLS } from "./calls.ts";

export const CHATS: Case[] = [
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
    name: "a stream with a message of several kinds of parts",
    agent: "running",
    call: {
      kind: "stream",
      body: { messages: [{ role: "user", content: [{ type: "text", text: "Analyze Q4 sales" }] }] },
    },
    attempts: 1,
    wanted: { ok: true, content: "You said: Analyze Q4 sales" },
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
    name: "tool calls",
    agent: "running",
    call: { kind: "chat", body: { ...say("call the tool"), tools: TOOLS } },
    attempts: 1,
    wanted: { ok: true, finish: "tool_calls" },
  },
  {
    name: "tool calls, streamed",
    agent: "running",
    call: { kind: "stream", body: { ...say("call the tool"), tools: TOOLS } },
    attempts: 1,
    wanted: { ok: true, finish: "tool_calls" },
  },
  {
    name: "names of skills among tools",
    agent: "running",
    call: { kind: "chat", body: { ...say("call the tool"), tools: ["crm_query", ...TOOLS] } },
    attempts: 1,
    wanted: { ok: true, finish: "tool_calls" },
  },
  {
    name: "a stream whose pod is silent after its head",
    agent: "running",
    fault: { first_token_delay_ms: 10_500, path: CHAT },
    call: { kind: "stream", body: say("Analyze Q4 sales") },
    attempts: 1,
    wanted: { ok: true, content: "You said: Analyze Q4 sales", finish: "stop" },
  },
  {
    name: "a stream of numbered events with a silence in their midst",
    agent: "running",
    fault: { numbered: true, chunk_delay_ms: 10_500, chunks: 2, path: CHAT },
    call: { kind: "stream", body: say("Analyze Q4 sales") },
    attempts: 1,
    wanted: { ok: true, finish: "stop" },
  },
  {
    name: "a plain answer that begins with white space",
    agent: "patient",
    fault: { split: [1], split_delay_ms: 21_500, chunked: true, path: CHAT },
    call: { kind: "chat", body: say("Analyze Q4 sales") },
    attempts: 1,
    wanted: { ok: true, content: "You said: Analyze Q4 sales", finish: "stop" },
  },
];

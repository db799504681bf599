// Makes one call of the table with one version of the Node SDK, unmodified, and tells what came of it.

import type { Call, Outcome, ToolCall } from "./table.ts";

// The three versions share what is used here; none of their types fits all.
interface Chunk {
  choices: {
    message?: { content: string | null; tool_calls?: { function: ToolCall }[] };
    delta?: {
      content?: string | null;
      tool_calls?: { index: number; function?: { name?: string; arguments?: string } }[];
    };
    finish_reason: string | null;
  }[];
  usage?: { prompt_tokens: number; completion_tokens: number; total_tokens: number } | null;
  _request_id?: string | null;
}

interface Client {
  chat: { completions: { create(body: unknown): Promise<Chunk & AsyncIterable<Chunk>> } };
  models: {
    list(): Promise<{ data: { id: string }[] }>;
    retrieve(id: string): Promise<{ id: string; _request_id?: string | null }>;
  };
}

interface Thrown {
  constructor: { name: string };
  message: string;
  status?: number;
  code?: string | null;
  type?: string | null;
  request_id?: string | null;
  requestID?: string | null;
}

export type NodeVersion = "openai-v4" | "openai-v6" | "openai-v7";

/** Makes the call; `url` is the SDK's `baseURL`. */
export async function runNode(
  version: NodeVersion,
  url: string,
  key: string,
  call: Call,
  model: string,
): Promise<Outcome> {
  const { default: OpenAI } = (await import(version)) as unknown as {
    default: new (options: { apiKey: string; baseURL: string }) => Client;
  };
  const client = new OpenAI({ apiKey: call.key ?? key, baseURL: url });
  const outcome: Outcome = { ok: true };
  try {
    await make(client, call, model, outcome);
  } catch (thrown) {
    const error = thrown as Thrown;
    outcome.ok = false;
    outcome.request = error.requestID ?? error.request_id ?? null;
    outcome.error = {
      class: error.constructor.name,
      status: error.status ?? null,
      code: error.code ?? null,
      type: error.type ?? null,
      message: error.message,
    };
  }
  return outcome;
}

async function make(client: Client, call: Call, model: string, outcome: Outcome): Promise<void> {
  if (call.kind === "models") {
    outcome.models = (await client.models.list()).data.map(({ id }) => id).sort();
    return;
  }
  if (call.kind === "model") {
    const found = await client.models.retrieve(call.id ?? "");
    outcome.models = [found.id];
    outcome.request = found._request_id ?? null;
    return;
  }
  const body = { model, ...call.body, ...call.extra };
  if (call.kind === "chat") {
    const completion = await client.chat.completions.create(body);
    const choice = completion.choices[0];
    outcome.content = choice?.message?.content ?? "";
    outcome.finish = choice?.finish_reason ?? null;
    outcome.usage = usage(completion);
    outcome.tools = (choice?.message?.tool_calls ?? []).map((tool) => ({
      name: tool.function.name,
      arguments: tool.function.arguments,
    }));
    outcome.request = completion._request_id ?? null;
    return;
  }
  const stream = await client.chat.completions.create({ ...body, stream: true });
  Object.assign(outcome, { content: "", finish: null, usage: null, tools: [], chunks: 0 });
  const tools = outcome.tools ?? [];
  for await (const chunk of stream) {
    outcome.chunks = (outcome.chunks ?? 0) + 1;
    outcome.usage = usage(chunk) ?? outcome.usage ?? null;
    const choice = chunk.choices[0];
    outcome.content += choice?.delta?.content ?? "";
    outcome.finish = choice?.finish_reason ?? outcome.finish ?? null;
    for (const { index, function: part } of choice?.delta?.tool_calls ?? []) {
      tools[index] ??= { name: "", arguments: "" };
      tools[index].name += part?.name ?? "";
      tools[index].arguments += part?.arguments ?? "";
    }
  }
}

function usage({ usage }: Chunk): NonNullable<Outcome["usage"]> | null {
  return usage
    ? { prompt: usage.prompt_tokens, completion: usage.completion_tokens, total: usage.total_tokens }
    : null;
}

// Makes one call of the table with one version of the Node SDK, unmodified, and tells what came of it.

import type { Call, Outcome, ToolCall } from "./case.ts";

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

interface TextChunk {
  choices: { text: string; finish_reason: string | null }[];
  usage?: Chunk["usage"];
  _request_id?: string | null;
}

interface ResponseUsage {
  input_tokens: number;
  output_tokens: number;
  total_tokens: number;
}

interface ModelResponse {
  status: string;
  output_text: string;
  usage?: ResponseUsage | null;
  _request_id?: string | null;
}

interface ResponseEvent {
  type: string;
  delta?: string;
  response?: ModelResponse;
}

interface Client {
  completions: { create(body: unknown): Promise<TextChunk & AsyncIterable<TextChunk>> };
  embeddings: {
    create(body: unknown): Promise<{
      data: { embedding: number[] }[];
      usage: { prompt_tokens: number; total_tokens: number };
    }>;
  };
  responses: { create(body: unknown): Promise<ModelResponse & AsyncIterable<ResponseEvent>> };
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
  const other = OTHERS[call.kind];
  if (other !== undefined) {
    await other(client, body, outcome);
    return;
  }
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

/** What is not a chat. */
const OTHERS: { [K in Call["kind"]]?: (client: Client, body: object, outcome: Outcome) => Promise<void> } = {
  text: async (client, body, outcome) => {
    const completion = await client.completions.create(body);
    outcome.content = completion.choices[0]?.text ?? "";
    outcome.finish = completion.choices[0]?.finish_reason ?? null;
    outcome.usage = usage(completion);
    outcome.request = completion._request_id ?? null;
  },
  "text-stream": async (client, body, outcome) => {
    const stream = await client.completions.create({ ...body, stream: true });
    Object.assign(outcome, { content: "", finish: null, usage: null, chunks: 0 });
    for await (const chunk of stream) {
      outcome.chunks = (outcome.chunks ?? 0) + 1;
      outcome.usage = usage(chunk) ?? outcome.usage ?? null;
      outcome.content += chunk.choices[0]?.text ?? "";
      outcome.finish = chunk.choices[0]?.finish_reason ?? outcome.finish ?? null;
    }
  },
  embeddings: async (client, body, outcome) => {
    const { data, usage: used } = await client.embeddings.create(body);
    outcome.vectors = data.map(({ embedding }) => embedding.length);
    outcome.usage = { prompt: used.prompt_tokens, completion: 0, total: used.total_tokens };
  },
  response: async (client, body, outcome) => {
    const response = await client.responses.create(body);
    outcome.content = response.output_text;
    outcome.finish = response.status;
    outcome.usage = responseUsage(response);
    outcome.request = response._request_id ?? null;
  },
  "response-stream": async (client, body, outcome) => {
    const stream = await client.responses.create({ ...body, stream: true });
    Object.assign(outcome, { content: "", finish: null, usage: null, chunks: 0 });
    for await (const event of stream) {
      outcome.chunks = (outcome.chunks ?? 0) + 1;
      if (event.type === "response.output_text.delta") {
        outcome.content += event.delta ?? "";
      }
      if (event.response !== undefined) {
        outcome.finish = event.response.status;
        outcome.usage = responseUsage(event.response);
      }
    }
  },
};

function responseUsage({ usage }: ModelResponse): NonNullable<Outcome["usage"]> | null {
  return usage
    ? { prompt: usage.input_tokens, completion: usage.output_tokens, total: usage.total_tokens }
    : null;
}

function usage({ usage }: { usage?: Chunk["usage"] | undefined }): NonNullable<Outcome["usage"]> | null {
  return usage
    ? { prompt: usage.prompt_tokens, completion: usage.completion_tokens, total: usage.total_tokens }
    : null;
}

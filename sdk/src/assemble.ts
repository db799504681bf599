// Puts the chunks of a stream together to the answer that the same call gives without one.

import type { ChatChunk, ChatReply, Choice, ChunkChoice, ToolCall, Usage } from "./documents.ts";

/** An answer that grows by chunks. */
export class Assembly {
  #first: ChatChunk | null = null;
  #usage: Usage | null = null;
  readonly #choices: Choice[] = [];

  /** Whether the last chunk has come. */
  done = false;

  /** Adds one chunk. */
  add(chunk: ChatChunk): void {
    this.#first ??= chunk;
    this.#usage = chunk.usage ?? this.#usage;
    this.done ||= chunk.done === true;
    for (const part of chunk.choices ?? []) {
      this.#grow(part);
    }
  }

  #grow({ index, delta, finish_reason }: ChunkChoice): void {
    let choice = this.#choices.find((other) => other.index === index);
    if (choice === undefined) {
      choice = { index, message: { role: "assistant", content: null }, finish_reason: null };
      this.#choices.push(choice);
    }
    const { message } = choice;
    choice.finish_reason = finish_reason ?? choice.finish_reason;
    for (const [member, value] of Object.entries(delta ?? {})) {
      if (member === "tool_calls") {
        message.tool_calls = tools(message.tool_calls ?? [], delta.tool_calls ?? []);
      } else if (typeof value === "string" && member !== "role") {
        const before = message[member];
        message[member] = typeof before === "string" ? before + value : value;
      } else if (value !== null && value !== undefined) {
        message[member] = value;
      }
    }
  }

  /** The answer; `null` before the first chunk and without usage. */
  reply(marks: { requestId: string | null; runId: string | null }): ChatReply | null {
    if (this.#first === null || this.#usage === null) {
      return null;
    }
    const { id, created, model } = this.#first;
    const choices = [...this.#choices].sort((one, other) => one.index - other.index);
    return {
      id,
      object: "chat.completion",
      created,
      model,
      choices,
      content: choices[0]?.message.content ?? "",
      finish_reason: choices[0]?.finish_reason ?? null,
      usage: this.#usage,
      ...marks,
    };
  }
}

function tools(before: ToolCall[], parts: NonNullable<ChunkChoice["delta"]["tool_calls"]>): ToolCall[] {
  const calls = [...before];
  for (const { index, id, type, function: part } of parts) {
    const call = calls[index] ?? { function: { name: "", arguments: "" } };
    calls[index] = {
      ...call,
      ...(id === undefined ? {} : { id }),
      ...(type === undefined ? {} : { type }),
      function: {
        name: call.function.name + (part?.name ?? ""),
        arguments: call.function.arguments + (part?.arguments ?? ""),
      },
    };
  }
  return calls;
}

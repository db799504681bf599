// A chat that streams: its chunks one by one, and in the end the whole answer.
//
// It is read as fast as it comes, whoever listens: the whole answer is kept anyway, and so no slow reader holds the run.

import { Assembly } from "./assemble.ts";
import type { Deadline } from "./deadline.ts";
import type { ChatChunk, ChatReply } from "./documents.ts";

/** Where chunks come from. */
export interface ChunkSource {
  chunks(): AsyncIterable<ChatChunk>;
  /** What is known of the answer; asked after the last chunk. */
  marks(): { requestId: string | null; runId: string | null };
  /** What to throw if the chunks end before the last one. */
  cut(): Error;
}

/** Called for each piece of text. */
export type OnChunk = (text: string, chunk: ChatChunk) => void;

/**
 * A running chat: a promise of the whole answer, and an async iterable of its chunks. Leaving the loop early ends the
 * run.
 */
export class ChatStream implements Promise<ChatReply>, AsyncIterable<ChatChunk> {
  readonly [Symbol.toStringTag] = "ChatStream";
  readonly #chunks: ChatChunk[] = [];
  readonly #deadline: Deadline;
  readonly #reply: Promise<ChatReply>;
  #waiting: (() => void)[] = [];
  #ended = false;

  constructor(source: Promise<ChunkSource>, deadline: Deadline, onChunk: OnChunk | undefined) {
    this.#deadline = deadline;
    this.#reply = this.#read(source, onChunk);
  }

  async #read(opening: Promise<ChunkSource>, onChunk: OnChunk | undefined): Promise<ChatReply> {
    const assembly = new Assembly();
    try {
      const source = await opening;
      for await (const chunk of source.chunks()) {
        assembly.add(chunk);
        this.#chunks.push(chunk);
        this.#wake();
        if (chunk.content) {
          onChunk?.(chunk.content, chunk);
        }
      }
      const reply = assembly.done ? assembly.reply(source.marks()) : null;
      if (reply === null) {
        throw source.cut();
      }
      return reply;
    } catch (error) {
      this.#deadline.abort(error);
      throw error;
    } finally {
      this.#ended = true;
      this.#deadline.done();
      this.#wake();
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) {
      wake();
    }
  }

  /** Ends the run. */
  abort(reason: unknown = new DOMException("the call was aborted", "AbortError")): void {
    this.#deadline.abort(reason);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ChatChunk, void, undefined> {
    // Whoever iterates hears of a failure here.
    this.#reply.catch(() => undefined);
    let whole = false;
    try {
      for (let at = 0; ; at += 1) {
        while (at >= this.#chunks.length && !this.#ended) {
          await new Promise<void>((resolve) => this.#waiting.push(resolve));
        }
        const chunk = this.#chunks[at];
        if (chunk === undefined) {
          break;
        }
        yield chunk;
      }
      await this.#reply;
      whole = true;
    } finally {
      if (!whole) {
        this.abort();
      }
    }
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise
  then<T = ChatReply, E = never>(
    kept?: ((reply: ChatReply) => T | PromiseLike<T>) | null,
    broken?: ((reason: unknown) => E | PromiseLike<E>) | null,
  ): Promise<T | E> {
    return this.#reply.then(kept, broken);
  }

  catch<E = never>(broken?: ((reason: unknown) => E | PromiseLike<E>) | null): Promise<ChatReply | E> {
    return this.#reply.catch(broken);
  }

  finally(settled?: (() => void) | null): Promise<ChatReply> {
    return this.#reply.finally(settled);
  }
}

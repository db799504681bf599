// The chunks of a chat out of the body of an answer.

import type { Deadline } from "./deadline.ts";
import type { ChatChunk } from "./documents.ts";
import { ConnectionError } from "./errors.ts";
import { EventParser } from "./sse.ts";
import type { ChunkSource } from "./stream.ts";
import { marks, problem } from "./transport.ts";

/**
 * Reads the events of an answer. The server breaks each silence after 10 s, so one of `idleMs` means that the line is
 * dead.
 */
export function chunkSource(response: Response, deadline: Deadline, idleMs: number): ChunkSource {
  const known = marks(response.headers);
  const broken = (message: string, cause?: unknown): ConnectionError =>
    new ConnectionError({
      message,
      code: "stream_broken",
      type: "connection_error",
      ...known,
      ...(cause === undefined ? {} : { cause }),
    });
  return {
    marks: () => known,
    cut: () => broken("the stream ended before its last chunk"),
    async *chunks() {
      if (
        response.body === null ||
        !/^text\/event-stream\b/.test(response.headers.get("content-type") ?? "")
      ) {
        throw broken("the answer is no stream");
      }
      const reader = response.body.getReader();
      const parser = new EventParser();
      try {
        for (;;) {
          const bytes = await read(reader, deadline, idleMs, broken);
          if (bytes === null) {
            return;
          }
          for (const { data } of parser.push(bytes)) {
            if (data === "[DONE]") {
              return;
            }
            yield chunk(data, { status: null, ...known }, broken);
          }
        }
      } finally {
        // Also where the loop was left: lets the server know at once.
        reader.cancel().catch(() => undefined);
      }
    },
  };
}

type Broken = (message: string, cause?: unknown) => ConnectionError;

async function read(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  deadline: Deadline,
  idleMs: number,
  broken: Broken,
): Promise<Uint8Array | null> {
  const timer = setTimeout(() => deadline.abort(broken(`nothing came for ${idleMs} ms`)), idleMs);
  try {
    const { done, value } = await reader.read();
    deadline.check();
    return done ? null : value;
  } catch (cause) {
    deadline.check();
    throw broken(`the stream broke off: ${cause instanceof Error ? cause.message : "unknown reason"}`, cause);
  } finally {
    clearTimeout(timer);
  }
}

function chunk(
  data: string,
  known: { status: null; requestId: string | null; runId: string | null },
  broken: Broken,
): ChatChunk {
  let document: ChatChunk & { error?: unknown };
  try {
    document = JSON.parse(data);
  } catch (cause) {
    throw broken("an event of the stream is no JSON", cause);
  }
  if (typeof document.error === "object" && document.error !== null) {
    throw problem(document.error as Record<string, unknown>, known);
  }
  return document;
}

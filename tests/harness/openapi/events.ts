// Judges a stream of server-sent events as it passes: each event by its schema, and the stream as a whole.
//
// Invariant: a stream that is not ended by `[DONE]`, by an error event, after a `finish_reason` or with the last event of
// a response was cut, and cutting is what the contract forbids; nothing follows the end.

import assert from "node:assert/strict";
import { mismatch, type Schema } from "./document.ts";

/** Types of the events that end a response. */
const LAST = /^response\.(completed|incomplete|failed|cancelled)$/;

/** Takes a stream piece by piece, in whatever pieces it comes. */
export class EventCheck {
  readonly #schema: Schema;
  readonly #label: string;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  #rest = "";
  #data: string[] = [];
  #events = 0;
  #ended: string | null = null;
  #finished = false;

  constructor(schema: Schema, label: string, endless = false) {
    this.#schema = schema;
    this.#label = label;
    // Such a stream may end after any event.
    this.#finished = endless;
  }

  /** Judges the events that these bytes complete. */
  push(bytes: Uint8Array): void {
    this.#take(this.#decoder.decode(bytes, { stream: true }));
  }

  /** Judges the end of the stream. */
  end(): void {
    this.#take(this.#decoder.decode());
    const open = this.#rest !== "" || this.#data.length > 0;
    assert.ok(!open, `${this.#label}: the stream ends in the middle of an event`);
    assert.ok(
      this.#ended !== null || this.#finished,
      `${this.#label}: the stream was cut after ${this.#events} events`,
    );
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      this.#line(line.endsWith("\r") ? line.slice(0, -1) : line);
    }
  }

  #line(line: string): void {
    if (line.startsWith("data:")) {
      this.#data.push(line.slice(line[5] === " " ? 6 : 5));
    } else if (line === "" && this.#data.length > 0) {
      this.#event(this.#data.join("\n"));
      this.#data = [];
    }
  }

  #event(data: string): void {
    const where = `${this.#label}, event ${this.#events}`;
    this.#events += 1;
    assert.equal(this.#ended, null, `${where}: ${data} follows ${this.#ended}`);
    if (data === "[DONE]") {
      this.#ended = data;
      return;
    }
    const event = parse(data, where);
    const wrong = mismatch(this.#schema, event);
    assert.equal(wrong, null, `${where} is not as documented:\n  ${wrong}\n  ${data}`);
    if (event.error !== undefined || event.type === "error") {
      this.#ended = "an error event";
    }
    this.#finished ||= LAST.test(String(event.type));
    const choices = Array.isArray(event.choices) ? event.choices : [];
    this.#finished ||= choices.some((choice) => typeof choice?.finish_reason === "string");
  }
}

function parse(data: string, where: string): Record<string, unknown> {
  try {
    return JSON.parse(data) as Record<string, unknown>;
  } catch {
    return assert.fail(`${where} is not JSON: ${data}`);
  }
}

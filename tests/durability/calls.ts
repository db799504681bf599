// Calls of one agent without pause, and a strict account of them: how many were sent, how many answered in full.
//
// Invariant: an answer counts as acknowledged only when its last byte has arrived; a Worker that dies under a call
// fails that call and not the suite.

import { ask, type OpenAnswer, open } from "../harness/index.ts";

export interface Callee {
  /** Where `/v1/…` begins. */
  readonly url: string;
  readonly key: string;
}

const plain = { messages: [{ role: "user", content: "hi" }] };

/** A number of loops that call an agent. */
export class Calls {
  /** Calls whose request was sent, or begun to be. */
  sent = 0;
  /** Calls whose whole 200 was received. */
  acknowledged = 0;
  /** Answers that were no 200, by status: none is expected. */
  readonly refused: string[] = [];
  /** Calls that had no whole answer. */
  cut = 0;
  #running = false;
  #loops: Promise<void>[] = [];
  readonly #callee: Callee;

  constructor(callee: Callee) {
    this.#callee = callee;
  }

  /** One plain call, or a streamed one. */
  async once(stream = false): Promise<boolean> {
    this.sent += 1;
    const answer = await ask(`${this.#callee.url}/v1/chat/completions`, {
      json: { ...plain, stream },
      headers: { authorization: `Bearer ${this.#callee.key}` },
    });
    if (answer.status !== 200) {
      this.refused.push(`${answer.status} ${answer.text.slice(0, 300)}`);
      return false;
    }
    const whole = !stream || answer.text.trimEnd().endsWith("data: [DONE]");
    this.acknowledged += whole ? 1 : 0;
    return whole;
  }

  /** A stream that goes on while the test does something else. */
  async stream(): Promise<OpenAnswer> {
    this.sent += 1;
    return open(`${this.#callee.url}/v1/chat/completions`, {
      json: { messages: [{ role: "user", content: "count to 10000" }], stream: true },
      headers: { authorization: `Bearer ${this.#callee.key}` },
    });
  }

  /** Begins `loops` loops, each of which makes one call after the other, every third of them a stream. */
  begin(loops: number): void {
    this.#running = true;
    this.#loops = Array.from({ length: loops }, async (_, n) => {
      for (let at = n; this.#running; at += 1) {
        try {
          await this.once(at % 3 === 0);
        } catch {
          // The Worker was killed under the call: there is nothing to call any more.
          this.cut += 1;
          return;
        }
      }
    });
  }

  /** Ends the loops after the calls that are under way. */
  async end(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#loops);
  }
}

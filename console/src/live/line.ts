// One stream of events that comes back by itself: with the id of what it saw last, so that nothing is missed.
//
// Invariant: at most one connection at a time; after `close` no callback is called.

import { refusal } from "../api/call.ts";
import { EventParser, type ServerEvent } from "./sse.ts";

export type LineState = "connecting" | "open" | "lost" | "refused";

export interface LineOptions {
  url: string;
  onEvent: (event: ServerEvent) => void;
  onState: (state: LineState) => void;
  /** The token is gone or never was: there is no use in trying on. */
  onRefused: () => void;
}

/** Servers send a comment every 15 s: silence of this length is a dead line. */
const SILENCE_MS = 40_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

export class Line {
  readonly #options: LineOptions;
  #last = "";
  #abort = new AbortController();
  #closed = false;
  #wait = FIRST_WAIT_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: LineOptions) {
    this.#options = options;
    // The browser knows when there is a network again.
    addEventListener("online", this.#now);
    void this.#run();
  }

  close(): void {
    this.#closed = true;
    removeEventListener("online", this.#now);
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  #now = (): void => {
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      void this.#run();
    }
  };

  async #run(): Promise<void> {
    this.#options.onState("connecting");
    this.#abort = new AbortController();
    try {
      if (!(await this.#read(this.#abort))) {
        return;
      }
    } catch {
      // The line is down, or was cut: told below.
    }
    if (this.#closed) {
      return;
    }
    this.#options.onState("lost");
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#run();
    }, this.#wait);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }

  /** Reads until the end; false where trying again is of no use. */
  async #read(abort: AbortController): Promise<boolean> {
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (this.#last !== "") {
      headers["last-event-id"] = this.#last;
    }
    const answer = await fetch(this.#options.url, { headers, signal: abort.signal, cache: "no-store" });
    if (answer.status === 401 || answer.status === 403) {
      this.#options.onState("refused");
      this.#options.onRefused();
      return false;
    }
    if (!answer.ok || answer.body === null) {
      throw await refusal(answer);
    }
    this.#wait = FIRST_WAIT_MS;
    this.#options.onState("open");
    const parser = new EventParser();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const silence = setTimeout(() => abort.abort(), SILENCE_MS);
      const { value, done } = await reader.read().finally(() => clearTimeout(silence));
      if (done || this.#closed) {
        return true;
      }
      for (const event of parser.push(value)) {
        if (event.id !== "") {
          this.#last = event.id;
        }
        this.#options.onEvent(event);
      }
    }
  }
}

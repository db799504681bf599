// How long a call may take in all, and who may end it.
//
// `AbortSignal.any` and `AbortSignal.timeout` would do most of this, but Node 18 lacks the one, and the other keeps
// counting after the call.

import { TimeoutError } from "./errors.ts";

/** The longest time that a timer can hold, in milliseconds. */
const LONGEST_MS = 2_147_483_647;

/** The end of one call: by its caller, by time, or by itself. */
export class Deadline {
  /** For `fetch`: aborted when the call must end. */
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #ends: number;
  readonly #timer: ReturnType<typeof setTimeout>;
  #failure: unknown;

  /** `ms` from now on; `caller` may end it before. */
  constructor(caller: AbortSignal | undefined, ms: number) {
    this.signal = this.#controller.signal;
    this.#caller = caller;
    this.#ends = Date.now() + ms;
    const late = (): void =>
      this.abort(
        new TimeoutError({
          message: `no whole answer within ${ms} ms`,
          code: "client_timeout",
          type: "timeout_error",
        }),
      );
    this.#timer = setTimeout(late, Math.min(ms, LONGEST_MS));
    if (caller?.aborted) {
      this.#leave();
    } else {
      caller?.addEventListener("abort", this.#leave, { once: true });
    }
  }

  readonly #leave = (): void => this.abort(this.#caller?.reason);

  /** Ends the call; what it throws is `reason`. The first reason counts. */
  abort(reason: unknown): void {
    if (!this.signal.aborted) {
      this.#failure = reason;
      this.#controller.abort(reason);
      this.done();
    }
  }

  /** Throws if the call was ended. */
  check(): void {
    if (this.signal.aborted) {
      throw this.#failure;
    }
  }

  /** Milliseconds that are left. */
  left(): number {
    return this.#ends - Date.now();
  }

  /** Waits; throws as soon as the call is ended. */
  async wait(ms: number): Promise<void> {
    this.check();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(finish, ms);
      const { signal } = this;
      function finish(): void {
        clearTimeout(timer);
        signal.removeEventListener("abort", finish);
        resolve();
      }
      signal.addEventListener("abort", finish);
    });
    this.check();
  }

  /** The call is over: lets go of the timer and of the caller's signal. */
  done(): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener("abort", this.#leave);
  }
}

// Those who follow a network through whatever happens to it: observers and attached agents that come back with what they
// saw last whenever they are cut off.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../harness/index.ts";
import type { Server } from "../network/server.ts";
import { Attached } from "./attached.ts";
import { type NetworkEvent, type Observer, observe } from "./observer.ts";

/** Longest that one of them stays without a break. */
const LONGEST_MS = 600_000;

const PAUSE_MS = 50;

abstract class Returning {
  /** How often it was there. */
  comebacks = 0;
  /** Whether it is there now. */
  there = false;
  /** Why it was not there the last time that it was not. */
  why: unknown;
  protected running = true;
  #done: Promise<void> = Promise.resolve();

  protected begin(): this {
    this.#done = this.#follow();
    // Whoever ends it is told.
    this.#done.catch(() => undefined);
    return this;
  }

  /** Follows until it is cut off or ended. */
  protected abstract stay(): Promise<void>;

  async #follow(): Promise<void> {
    while (this.running) {
      try {
        await this.stay();
        this.there = false;
        this.comebacks += 1;
      } catch (error) {
        this.there = false;
        this.why = error;
        if (error instanceof assert.AssertionError) {
          throw error;
        }
        await sleep(PAUSE_MS);
      }
    }
  }

  async end(): Promise<void> {
    this.running = false;
    await this.#done;
  }
}

/** An observer of the event stream. */
export class Follower extends Returning {
  readonly events: NetworkEvent[] = [];
  readonly #server: Server;
  readonly #start: string;

  private constructor(server: Server, start: string) {
    super();
    this.#server = server;
    this.#start = start;
  }

  static follow(server: Server, after: string): Follower {
    return new Follower(server, after).begin();
  }

  protected async stay(): Promise<void> {
    const observer = await this.#observe();
    this.there = true;
    await until("the stream's end", () => observer.ended || !this.running, LONGEST_MS);
    observer.close();
    if (observer.failure instanceof assert.AssertionError) {
      throw observer.failure;
    }
    this.events.push(...observer.events);
  }

  async #observe(): Promise<Observer> {
    try {
      return await observe(this.#server, { after: this.events.at(-1)?.id ?? this.#start });
    } catch (error) {
      // An object that is reset while it is asked answers nothing: it comes back.
      if (error instanceof assert.AssertionError && error.message.includes('"service_unavailable"')) {
        throw new Error("not observing", { cause: error });
      }
      throw error;
    }
  }
}

/** An attached agent that acknowledges everything. */
export class AttachedFollower extends Returning {
  /** Ids of events as they came; one may come again where the hub lost its memory before it was acknowledged. */
  readonly ids: string[] = [];
  /** How each attachment ended that the server ended. */
  readonly codes: number[] = [];
  readonly #server: Server;
  readonly #agent: string;
  #cursor: string;

  private constructor(server: Server, agent: string, start: string) {
    super();
    this.#server = server;
    this.#agent = agent;
    this.#cursor = start;
  }

  static follow(server: Server, agent: string, after: string): AttachedFollower {
    return new AttachedFollower(server, agent, after).begin();
  }

  protected async stay(): Promise<void> {
    const attached = await this.#attach();
    attached.answers = true;
    this.there = true;
    while (attached.closed === undefined && this.running) {
      await until(
        "a frame",
        () => attached.frames.length > 0 || attached.closed !== undefined || !this.running,
        LONGEST_MS,
      );
      for (const { op, cursor, event } of attached.frames.splice(0)) {
        if (op === "EVENT" && cursor !== undefined && event !== undefined) {
          this.ids.push(event.id);
          this.#cursor = cursor;
          attached.ack(cursor);
        }
      }
    }
    if (attached.closed === undefined) {
      await attached.close();
    } else {
      this.codes.push(attached.closed);
    }
  }

  async #attach(): Promise<Attached> {
    try {
      return await Attached.ready(this.#server, this.#agent, { cursor: this.#cursor });
    } catch (error) {
      // Whatever refuses it while the server is being disturbed, it comes back.
      throw new Error("not attached", { cause: error });
    }
  }
}

// Agents break off at random, some with what is under way unread, and come back with the cursor of what they saw last,
// while messages go on. Each must have seen every message once and in order.

import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { dry } from "./load.ts";
import { Attachment } from "./receiver.ts";
import { ours, post, type Target } from "./servers.ts";
import { judge, tell } from "./verdict.ts";

const DISCONNECTS = Number(process.env.DISCONNECTS ?? 10_000);
const AGENTS = 50;

/** One agent over all its attachments. */
class Returning {
  readonly numbers: number[] = [];
  #cursor = "";
  attachment: Attachment;
  readonly #target: Target;
  readonly #agent: string;

  private constructor(target: Target, agent: string, attachment: Attachment) {
    this.#target = target;
    this.#agent = agent;
    this.attachment = attachment;
  }

  static async open(target: Target, agent: string): Promise<Returning> {
    const attachment = await Attachment.open(target.url, { agent, wanted: true });
    return new Returning(target, agent, attachment);
  }

  take(): void {
    this.numbers.push(...this.attachment.numbers.splice(0));
    this.#cursor = this.attachment.cursor;
  }

  async comeBack(): Promise<void> {
    this.attachment.cut();
    this.take();
    for (;;) {
      try {
        const cursor = this.#cursor;
        const opening = { agent: this.#agent, cursor, wanted: true };
        this.attachment = await Attachment.open(this.#target.url, opening);
        return;
      } catch {
        // Where nobody proves who they are an agent comes back once its last attachment is known to have ended.
        await sleep(5);
      }
    }
  }
}

export async function resume(): Promise<void> {
  const target = await ours();
  const agents = await Promise.all(
    Array.from({ length: AGENTS }, (_, n) => Returning.open(target, `returning-${n}`)),
  );
  let [breaks, posts, open] = [0, 0, true];
  const writer = async (): Promise<void> => {
    while (open) {
      posts += 1;
      await post(target.url, posts);
      await sleep(10);
    }
  };
  // Everybody has a cursor before the first breaks off.
  await post(target.url, 0);
  await dry(agents.map(({ attachment }) => attachment));
  const began = performance.now();
  const writing = writer();
  await Promise.all(
    agents.map(async (agent) => {
      while (breaks < DISCONNECTS) {
        breaks += 1;
        await sleep(randomInt(0, 60));
        await agent.comeBack();
      }
    }),
  );
  open = false;
  await writing;
  await dry(agents.map(({ attachment }) => attachment));
  const seconds = (performance.now() - began) / 1_000;
  const all = Array.from({ length: posts + 1 }, (_, n) => n);
  let whole = 0;
  for (const agent of agents) {
    agent.take();
    whole += String(agent.numbers) === String(all) ? 1 : 0;
    agent.attachment.cut();
  }
  tell("disconnects with resume", `${breaks} in ${seconds.toFixed(0)} s, over ${posts} messages`);
  judge("agents that saw everything once, in order", String(whole), String(AGENTS), whole === AGENTS);
}

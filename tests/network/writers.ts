// Writers who post to a few conversations without pause, and what was acknowledged to them.
//
// Invariant: what is remembered as acknowledged was answered in full. A message that had no answer is sent again after
// the restart under the same id, as a client does; until then it may be there or not.

import assert from "node:assert/strict";
import type { Answer } from "../harness/index.ts";
import { refused, type Server } from "./server.ts";
import type { MessagePage } from "./topics/messages.ts";

interface Conversation {
  /** Where its messages are read. */
  history: string;
  target: Record<string, unknown>;
}

/** What one writer knows. */
interface Writer {
  name: string;
  conversation: Conversation;
  /** Ids in the order in which they were acknowledged. */
  acknowledged: string[];
  /** Sent last, and not answered. */
  open: string | null;
  sent: number;
}

/** A number of writers, over all restarts of their server. */
export class Writers {
  readonly #server: Server;
  readonly #writers: Writer[];
  readonly #conversations: Conversation[];
  /** What was read before, by conversation: nothing of it may ever move. */
  readonly #read = new Map<string, string[]>();
  #running = false;
  #loops: Promise<void>[] = [];

  private constructor(server: Server, conversations: Conversation[], count: number) {
    this.#server = server;
    this.#conversations = conversations;
    this.#writers = Array.from({ length: count }, (_, index) => ({
      name: `writer-${index}`,
      conversation: conversations[index % conversations.length] as Conversation,
      acknowledged: [],
      open: null,
      sent: 0,
    }));
  }

  /** Two rooms, a thread in the first, and a direct conversation. */
  static async of(server: Server, count: number): Promise<Writers> {
    const [one, two] = [await server.room(), await server.room()];
    const thread = `thread-of-${one}`;
    const dm = `dm-of-${one}`;
    const participants = Array.from({ length: count }, (_, index) => `writer-${index}`);
    return new Writers(
      server,
      [
        { history: `/v1/rooms/${one}/messages`, target: { kind: "room", room_id: one } },
        { history: `/v1/rooms/${two}/messages`, target: { kind: "room", room_id: two } },
        {
          history: `/v1/threads/${thread}/messages`,
          target: { kind: "thread", room_id: one, thread_id: thread },
        },
        {
          history: `/v1/dms/${dm}/messages`,
          target: { kind: "dm", dm_id: dm, participant_ids: participants },
        },
      ],
      count,
    );
  }

  get acknowledged(): number {
    return this.#writers.reduce((sum, writer) => sum + writer.acknowledged.length, 0);
  }

  /** Every id that was read, sorted. */
  get ids(): string[] {
    return [...this.#read.values()].flat().sort();
  }

  /** Lets them write until they are ended, or their server is killed. */
  begin(): void {
    this.#running = true;
    this.#loops = this.#writers.map(async (writer) => {
      while (this.#running) {
        try {
          await this.#write(writer);
        } catch (error) {
          if (error instanceof assert.AssertionError) {
            throw error;
          }
          // The server was killed.
          return;
        }
      }
    });
  }

  async end(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#loops);
  }

  #post(writer: Writer, id: string, parts: unknown): Promise<Answer> {
    const { target } = writer.conversation;
    return this.#server.post({ id, target, from: { type: "human", id: writer.name }, parts });
  }

  async #write(writer: Writer): Promise<void> {
    writer.sent += 1;
    if (writer.sent % 7 === 0) {
      // What is refused must never be there.
      refused(await this.#post(writer, `${writer.name}-refused-${writer.sent}`, []), 422);
    }
    writer.open = `${writer.name}-${writer.sent}`;
    await this.#acknowledge(writer);
  }

  async #acknowledge(writer: Writer): Promise<void> {
    if (writer.open !== null) {
      const id = writer.open;
      const answer = await this.#post(writer, id, [{ kind: "text", text: id }]);
      assert.equal(answer.status, 202, answer.text);
      writer.acknowledged.push(id);
      writer.open = null;
    }
  }

  /** Reads everything: each acknowledged message is there once, in its place, and nothing else is. */
  async verify(): Promise<void> {
    for (const conversation of this.#conversations) {
      const found = await this.#all(conversation);
      const before = this.#read.get(conversation.history) ?? [];
      assert.deepEqual(found.slice(0, before.length), before, "what was read before has moved");
      this.#read.set(conversation.history, found);
      const writers = this.#writers.filter((writer) => writer.conversation === conversation);
      for (const writer of writers) {
        const own = found.filter((id) => id.startsWith(`${writer.name}-`));
        const maybe = writer.open !== null && own.at(-1) === writer.open ? [writer.open] : [];
        assert.deepEqual(own, [...writer.acknowledged, ...maybe], writer.name);
      }
    }
    await Promise.all(this.#writers.map((writer) => this.#acknowledge(writer)));
  }

  async #all({ history }: Conversation): Promise<string[]> {
    const found: string[] = [];
    let before = "";
    for (;;) {
      const answer = await this.#server.ask(`${history}?limit=500&before=${before}`);
      if (answer.status === 404) {
        return found;
      }
      assert.equal(answer.status, 200, answer.text);
      const { messages, page } = answer.json<MessagePage>();
      found.unshift(...(messages ?? []).map(({ id }) => id));
      if (!page.has_more) {
        return found;
      }
      before = page.next_before ?? assert.fail("a page without a cursor to the rest");
    }
  }
}

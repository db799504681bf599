// The messages of one conversation, as far as they were read: one unbroken stretch, in blocks, that grows at both ends.
//
// Invariant: no message stands twice and none is missing between the oldest and the newest that are there. What comes
// live is added only where the stretch reaches the newest message; else `hasNewer` leads there.

import { batch, signal } from "@preact/signals";
import { words } from "../api/call.ts";
import { type Conversation, type Message, type MessagePage, readMessages } from "../api/network.ts";
import { painted } from "../ui/painted.ts";

/** Messages that are drawn, measured and left out of the page together. */
export interface Block {
  key: string;
  messages: readonly Message[];
}

const BLOCK = 40;
const PAGE = 80;
/** Messages that are drawn in one go, where the view has some already. */
const SLICE = 20;
/** A message is at least this high, in pixels. */
const LEAST_HEIGHT = 24;
/** What came while the line was down is read in order up to here; after more than that the newest page is read anew. */
const RESUME_PAGES = 8;

export class Timeline {
  readonly conversation: Conversation;
  readonly blocks = signal<readonly Block[]>([]);
  readonly hasOlder = signal(false);
  readonly hasNewer = signal(false);
  readonly state = signal<"loading" | "ready" | "failed">("loading");
  readonly problem = signal("");
  #ids = new Set<string>();
  #waiting: Message[] = [];
  #busy = false;

  constructor(conversation: Conversation) {
    this.conversation = conversation;
  }

  get newest(): Message | undefined {
    return this.blocks.value.at(-1)?.messages.at(-1);
  }

  get oldest(): Message | undefined {
    return this.blocks.value[0]?.messages[0];
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Reads the newest page, or the stretch around a message. */
  async open(at?: string): Promise<void> {
    await this.#exclusively(async () => {
      this.state.value = "loading";
      const page = at === undefined ? await this.#page({ limit: PAGE }) : await this.#around(at);
      // What fills the view first: the rest of a page costs more to draw than its reader should wait for.
      const later = at === undefined ? page.messages.slice(0, -Math.ceil(innerHeight / LEAST_HEIGHT)) : [];
      batch(() => {
        this.#ids = new Set();
        this.blocks.value = [];
        this.#append(page.messages.slice(later.length));
        this.hasOlder.value = page.older || later.length > 0;
        this.hasNewer.value = page.newer;
        this.state.value = "ready";
      });
      while (later.length > 0) {
        await painted();
        this.#prepend(later.splice(-SLICE));
      }
      batch(() => {
        this.hasOlder.value = page.older;
        this.#addWaiting();
      });
    });
  }

  /** Of a conversation that begins with the next message: there is nothing to read. */
  begin(): void {
    batch(() => {
      this.state.value = "ready";
      this.problem.value = "";
    });
  }

  async older(): Promise<void> {
    const before = this.oldest?.id;
    if (!this.hasOlder.value || before === undefined) {
      return;
    }
    await this.#exclusively(async () => {
      const page = await readMessages(this.conversation, { before, limit: PAGE });
      batch(() => {
        this.#prepend(page.messages ?? []);
        this.hasOlder.value = page.page.has_more;
      });
    });
  }

  async newer(): Promise<void> {
    const after = this.newest?.id;
    if (!this.hasNewer.value || after === undefined) {
      return;
    }
    await this.#exclusively(async () => {
      const page = await readMessages(this.conversation, { after, limit: PAGE });
      batch(() => {
        this.#append(page.messages ?? []);
        this.hasNewer.value = page.page.has_more;
        this.#addWaiting();
      });
    });
  }

  /** A message that has just come. */
  add(message: Message): void {
    if (this.#busy) {
      this.#waiting.push(message);
    } else if (this.state.value === "ready" && !this.hasNewer.value) {
      this.#append([message]);
    }
  }

  /** Reads on after a gap, without losing the place. */
  async resume(): Promise<void> {
    const after = this.newest?.id;
    if (this.state.value !== "ready" || this.hasNewer.value) {
      return;
    }
    if (after === undefined) {
      await this.open();
      return;
    }
    this.hasNewer.value = true;
    for (let pages = 0; pages < RESUME_PAGES && this.hasNewer.value; pages += 1) {
      await this.newer();
      if (this.problem.value !== "") {
        return;
      }
    }
  }

  async #page(cut: { before?: string; after?: string; limit: number }) {
    const page = await readMessages(this.conversation, cut);
    return { messages: page.messages ?? [], older: page.page.has_more, newer: false };
  }

  /** A cursor names the message beside which a page begins, so the message itself comes with the page after its elder. */
  async #around(at: string) {
    const half = PAGE / 2;
    const before = await readMessages(this.conversation, { before: at, limit: half });
    const elders = before.messages ?? [];
    const elder = elders.at(-1);
    if (elder !== undefined) {
      const after = await readMessages(this.conversation, { after: elder.id, limit: half });
      return {
        messages: [...elders, ...(after.messages ?? [])],
        older: before.page.has_more,
        newer: after.page.has_more,
      };
    }
    const after: MessagePage = await readMessages(this.conversation, { after: at, limit: half });
    const next = after.messages?.[0];
    if (next === undefined) {
      return await this.#page({ limit: 1 });
    }
    const first = await readMessages(this.conversation, { before: next.id, limit: 1 });
    return {
      messages: [...(first.messages ?? []), ...(after.messages ?? [])],
      older: false,
      newer: after.page.has_more,
    };
  }

  async #exclusively(work: () => Promise<void>): Promise<void> {
    if (this.#busy) {
      return;
    }
    this.#busy = true;
    try {
      await work();
      this.problem.value = "";
    } catch (error) {
      this.problem.value = words(error);
      if (this.blocks.value.length === 0) {
        this.state.value = "failed";
      }
    } finally {
      this.#busy = false;
      this.#addWaiting();
    }
  }

  #addWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (this.state.value === "ready" && !this.hasNewer.value && waiting.length > 0) {
      this.#append(waiting);
    }
  }

  #fresh(messages: readonly Message[]): Message[] {
    const fresh = messages.filter(({ id }) => !this.#ids.has(id));
    for (const { id } of fresh) {
      this.#ids.add(id);
    }
    return fresh;
  }

  #append(messages: readonly Message[]): void {
    const fresh = this.#fresh(messages);
    if (fresh.length === 0) {
      return;
    }
    const blocks = [...this.blocks.value];
    const last = blocks.at(-1);
    if (last !== undefined && last.messages.length < BLOCK) {
      const room = BLOCK - last.messages.length;
      blocks[blocks.length - 1] = { ...last, messages: [...last.messages, ...fresh.splice(0, room)] };
    }
    this.blocks.value = [...blocks, ...cut(fresh)];
  }

  #prepend(messages: readonly Message[]): void {
    const fresh = this.#fresh(messages);
    if (fresh.length > 0) {
      this.blocks.value = [...cut(fresh), ...this.blocks.value];
    }
  }
}

function cut(messages: readonly Message[]): Block[] {
  const blocks: Block[] = [];
  for (let at = 0; at < messages.length; at += BLOCK) {
    const some = messages.slice(at, at + BLOCK);
    blocks.push({ key: some[0]?.id ?? "", messages: some });
  }
  return blocks;
}

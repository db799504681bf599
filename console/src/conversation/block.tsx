// Some messages that are drawn together, or the empty room that they take while they are far from what is seen.

import { useSignal } from "@preact/signals";
import { memo } from "preact/compat";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Conversation, Message } from "../api/network.ts";
import { day, dayKey } from "../ui/time.ts";
import { MessageView } from "./message.tsx";
import type { Block } from "./timeline.ts";

interface BlockProps {
  block: Block;
  /** The message before the first. */
  before: Message | undefined;
  /** What was read before the reader came. */
  unreadAfter: string | undefined;
  /** The message that the address names. */
  marked: string | undefined;
  conversation: Conversation;
}

/** Messages of one sender within this stand under one name. */
const TOGETHER_MS = 5 * 60_000;

function continues(before: Message | undefined, message: Message): boolean {
  return (
    before !== undefined &&
    before.from.id === message.from.id &&
    before.from.network_id === message.from.network_id &&
    Date.parse(message.created_at) - Date.parse(before.created_at) < TOGETHER_MS
  );
}

function isFirstUnread(after: string | undefined, before: Message | undefined, message: Message): boolean {
  const read = after === undefined ? Number.NaN : Date.parse(after);
  return (
    Date.parse(message.created_at) > read && (before === undefined || Date.parse(before.created_at) <= read)
  );
}

const observed = new WeakMap<Element, (seen: boolean) => void>();
let observer: IntersectionObserver | undefined;

function watch(element: Element, tell: (seen: boolean) => void): () => void {
  observer ??= new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        observed.get(entry.target)?.(entry.isIntersecting);
      }
    },
    { rootMargin: "2000px 0px" },
  );
  observed.set(element, tell);
  observer.observe(element);
  return () => observer?.unobserve(element);
}

export const BlockView = memo(({ block, before, unreadAfter, marked, conversation }: BlockProps) => {
  const element = useRef<HTMLDivElement>(null);
  const height = useSignal<number | null>(null);
  useLayoutEffect(() => {
    const own = element.current;
    if (own === null) {
      return;
    }
    return watch(own, (seen) => {
      // A block that has grown since is drawn again before it is measured again.
      height.value = seen ? null : own.offsetHeight;
    });
  }, []);
  // What was added to a block that is left out has no height yet.
  useLayoutEffect(() => {
    height.value = null;
  }, [block.messages]);
  useLayoutEffect(() => {
    if (element.current !== null) {
      element.current.style.height = height.value === null ? "" : `${height.value}px`;
    }
  }, [height.value]);
  if (height.value !== null) {
    return <div class="block" ref={element} />;
  }
  return (
    <div class="block" ref={element}>
      {block.messages.map((message, index) => {
        const previous = index === 0 ? before : block.messages[index - 1];
        const newDay = previous === undefined || dayKey(previous.created_at) !== dayKey(message.created_at);
        const unread = isFirstUnread(unreadAfter, previous, message);
        return (
          <>
            {newDay && <h2 class="day">{day(message.created_at)}</h2>}
            {unread && <p class="unread-line">New</p>}
            <MessageView
              key={message.id}
              message={message}
              continued={!newDay && !unread && continues(previous, message)}
              marked={message.id === marked}
              conversation={conversation}
            />
          </>
        );
      })}
    </div>
  );
});

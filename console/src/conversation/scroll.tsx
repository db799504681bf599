// The messages of a conversation as a reader scrolls through them: blocks far from what is seen are left out and keep
// their height, what is added above or below moves nothing that is being read.
//
// Invariant: after each change of layout the message that was at the top of the view is where it was, or, where the
// reader was at the end, the end is.

import { useSignal } from "@preact/signals";
import { useCallback, useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { type Conversation, keyOf } from "../api/network.ts";
import { looking, timelineOf } from "../network/state.ts";
import { markRead, readUpTo } from "../network/unread.ts";
import { Icon } from "../ui/icon.tsx";
import { Empty, Trouble, Waiting } from "../ui/states.tsx";
import { BlockView } from "./block.tsx";
import type { Timeline } from "./timeline.ts";

/** How far beyond the view pages are read, in pixels. */
const BEYOND = 3_000;
/** Within this of the end the reader is at the end. */
const AT_END = 40;

interface Anchor {
  element: Element;
  top: number;
}

/** The block, or the message in it, that is at the top of the view. */
function anchorOf(view: HTMLElement): Anchor | null {
  const { top } = view.getBoundingClientRect();
  const block = [...view.querySelectorAll(".block")].find((one) => one.getBoundingClientRect().bottom > top);
  const messages = block === undefined ? [] : [...block.querySelectorAll("[data-message]")];
  const element = messages.find((one) => one.getBoundingClientRect().bottom > top) ?? block;
  return element === undefined ? null : { element, top: element.getBoundingClientRect().top };
}

function useKeptPlace(timeline: Timeline, at: string | undefined) {
  const view = useRef<HTMLDivElement>(null);
  const inner = useRef<HTMLDivElement>(null);
  const anchor = useRef<Anchor | null>(null);
  const end = useRef(at === undefined);
  const away = useSignal(false);
  const shown = useRef("");

  const restore = useCallback(() => {
    const box = view.current;
    // Before there are messages there is no place to keep, and asking for it would cost a layout.
    if (box === null || timeline.state.peek() === "loading") {
      return;
    }
    if (end.current) {
      box.scrollTop = box.scrollHeight;
    } else if (anchor.current?.element.isConnected) {
      box.scrollTop += anchor.current.element.getBoundingClientRect().top - anchor.current.top;
    }
    anchor.current = anchorOf(box);
  }, [timeline]);

  /** Notes whether the reader is where the newest message is. */
  const settle = useCallback(() => {
    const box = view.current;
    if (box !== null && timeline.state.peek() === "ready") {
      const below = box.scrollHeight - box.scrollTop - box.clientHeight;
      end.current = !timeline.hasNewer.peek() && below < AT_END;
      away.value = !end.current;
    }
  }, [timeline]);

  // The first time, the message that the address names is brought into view.
  const reveal = useCallback(() => {
    if (at === undefined || shown.current === at || view.current === null) {
      return;
    }
    const message = view.current.querySelector(`[data-message="${CSS.escape(at)}"]`);
    if (message !== null) {
      shown.current = at;
      end.current = false;
      message.scrollIntoView({ block: "center" });
      anchor.current = anchorOf(view.current);
      settle();
    }
  }, [at, settle]);

  useLayoutEffect(() => {
    const content = inner.current;
    if (content === null) {
      return;
    }
    const observer = new ResizeObserver(() => {
      restore();
      reveal();
    });
    observer.observe(content);
    if (view.current !== null) {
      observer.observe(view.current);
    }
    return () => observer.disconnect();
  }, [restore, reveal, timeline.state.value]);

  useLayoutEffect(() => {
    restore();
    reveal();
  });

  const onScroll = useCallback(() => {
    const box = view.current;
    if (box === null) {
      return;
    }
    settle();
    anchor.current = anchorOf(box);
    if (box.scrollTop < BEYOND) {
      void timeline.older();
    }
    if (box.scrollHeight - box.scrollTop - box.clientHeight < BEYOND) {
      void timeline.newer();
    }
  }, [timeline, settle]);

  const toEnd = useCallback(() => {
    end.current = true;
    away.value = false;
    restore();
  }, [restore]);

  return { view, inner, onScroll, toEnd, away };
}

interface ScrollProps {
  conversation: Conversation;
  at?: string | undefined;
  /** Whether it begins with the next message. */
  fresh?: boolean;
}

export function Scroll({ conversation, at, fresh = false }: ScrollProps) {
  const key = keyOf(conversation);
  const timeline = timelineOf(conversation);
  const { view, inner, onScroll, toEnd, away } = useKeptPlace(timeline, at);
  // What was unread when the reader came stays marked while they are here.
  const readBefore = useRef(readUpTo.peek().get(key));

  useEffect(() => {
    looking.value = new Set([...looking.value, key]);
    if (fresh) {
      timeline.begin();
    } else if (timeline.state.peek() !== "ready" || (at !== undefined && !timeline.has(at))) {
      void timeline.open(at);
    }
    return () => {
      const rest = new Set(looking.value);
      rest.delete(key);
      looking.value = rest;
    };
  }, [timeline, at]);

  const blocks = timeline.blocks.value;
  const newest = timeline.newest;
  useEffect(() => {
    const read = () => {
      if (newest !== undefined && !away.value && document.visibilityState === "visible") {
        markRead(key, newest.created_at);
      }
    };
    read();
    // What came while another window was before this one is read when its reader comes back.
    document.addEventListener("visibilitychange", read);
    return () => document.removeEventListener("visibilitychange", read);
  }, [newest?.id, away.value]);

  if (timeline.state.value === "failed") {
    return (
      <div class="scroll">
        <Trouble
          title="The messages cannot be read"
          words={timeline.problem.value}
          onRetry={() => void timeline.open(at)}
        />
      </div>
    );
  }
  const jump = async () => {
    if (timeline.hasNewer.value) {
      await timeline.open();
    }
    toEnd();
  };
  return (
    <div class="scroll-frame">
      <div
        ref={view}
        class="scroll"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
        role="log"
        aria-label="Messages"
        aria-busy={timeline.state.value === "loading"}
        onScroll={onScroll}
      >
        <div ref={inner} class="scroll-inner">
          {timeline.state.value === "loading" && blocks.length === 0 && <Waiting what="messages" />}
          {timeline.state.value === "ready" && blocks.length === 0 && (
            <Empty
              icon={conversation.kind === "room" ? "hash" : conversation.kind === "dm" ? "agent" : "thread"}
              title="Nothing was said here yet"
            >
              <p>The first message appears here as soon as it is sent.</p>
            </Empty>
          )}
          {timeline.hasOlder.value && <Waiting what="older messages" />}
          {blocks.map((block, index) => (
            <BlockView
              key={block.key}
              block={block}
              before={blocks[index - 1]?.messages.at(-1)}
              unreadAfter={readBefore.current}
              marked={at}
              conversation={conversation}
            />
          ))}
          {timeline.hasNewer.value && <Waiting what="newer messages" />}
          {timeline.problem.value !== "" && (
            <p class="problem" role="alert">
              {timeline.problem.value}
            </p>
          )}
        </div>
      </div>
      {away.value && timeline.state.value === "ready" && blocks.length > 0 && (
        <button type="button" class="jump" onClick={() => void jump()}>
          <Icon name="down" />
          To the newest
        </button>
      )}
    </div>
  );
}

// Where one writes as the operator, and why one may not. What fails to be sent stays in the field.

import { useSignal } from "@preact/signals";
import { useId, useRef } from "preact/hooks";
import { words } from "../api/call.ts";
import { type Conversation, keyOf, OPERATOR, type Room, sendText, type Target } from "../api/network.ts";
import { agentName } from "../network/names.ts";
import { directory } from "../network/state.ts";
import { Icon } from "../ui/icon.tsx";
import { Presence } from "../ui/presence.tsx";
import { whyClosed } from "./writing.ts";

interface ComposeProps {
  conversation: Conversation;
  target: Target;
  room?: Room | undefined;
  /** Where it goes, as the empty field says it. */
  where: string;
}

/** The mention that is being written, up to the caret. */
function begun(text: string, caret: number): string | undefined {
  return /(?:^|\s)@([A-Za-z0-9._:-]*)$/.exec(text.slice(0, caret))?.[1];
}

const MOST_OFFERED = 6;

function candidates(beginning: string, room: Room | undefined, target: Target): string[] {
  const members = room?.members ?? target.participant_ids ?? [];
  const all = members.length > 0 ? members : [...directory.value.agents.keys()];
  const begins = (text: string) => text.toLowerCase().startsWith(beginning.toLowerCase());
  return all
    .filter((id) => id !== OPERATOR.id && !id.includes("/") && (begins(id) || begins(agentName(id))))
    .sort((a, b) => Number(begins(b)) - Number(begins(a)))
    .slice(0, MOST_OFFERED);
}

const drafts = new Map<string, string>();

export function Compose({ conversation, target, room, where }: ComposeProps) {
  const key = keyOf(conversation);
  const text = useSignal(drafts.get(key) ?? "");
  const offered = useSignal<string[]>([]);
  const chosen = useSignal(0);
  const problem = useSignal("");
  const busy = useSignal(false);
  const field = useRef<HTMLTextAreaElement>(null);
  /** One id for a text, so that sending it again after a lost answer stores it once. */
  const pending = useRef<{ id: string; text: string } | null>(null);
  const list = useId();
  const why = whyClosed(room);
  if (why !== "") {
    return <p class="compose closed">{why}</p>;
  }

  const set = (value: string) => {
    text.value = value;
    drafts.set(key, value);
  };
  const offer = () => {
    const beginning = begun(text.value, field.current?.selectionStart ?? 0);
    offered.value = beginning === undefined ? [] : candidates(beginning, room, target);
    chosen.value = 0;
  };
  const take = (id: string) => {
    const caret = field.current?.selectionStart ?? text.value.length;
    const head = text.value.slice(0, caret).replace(/@[A-Za-z0-9._:-]*$/, `@${id} `);
    set(head + text.value.slice(caret));
    offered.value = [];
    const element = field.current;
    if (element !== null) {
      element.value = text.value;
      element.focus();
      element.setSelectionRange(head.length, head.length);
    }
  };
  const send = async () => {
    const said = text.value.trim();
    if (said === "" || busy.value) {
      return;
    }
    busy.value = true;
    problem.value = "";
    if (pending.current?.text !== said) {
      pending.current = { id: `msg_${crypto.randomUUID()}`, text: said };
    }
    try {
      await sendText(pending.current.id, target, said, []);
      pending.current = null;
      set("");
    } catch (error) {
      problem.value = `Not sent. ${words(error)}`;
    } finally {
      busy.value = false;
      field.current?.focus();
    }
  };
  const onKey = (event: KeyboardEvent) => {
    const { length } = offered.value;
    if (length > 0 && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      chosen.value = (chosen.value + (event.key === "ArrowDown" ? 1 : length - 1)) % length;
    } else if (length > 0 && (event.key === "Enter" || event.key === "Tab")) {
      event.preventDefault();
      take(offered.value[chosen.value] ?? "");
    } else if (length > 0 && event.key === "Escape") {
      event.stopPropagation();
      offered.value = [];
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      void send();
    }
  };
  const open = offered.value.length > 0;
  return (
    <form
      class="compose"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {open && (
        <div class="offers" id={list} role="listbox" aria-label="Members to mention">
          {offered.value.map((id, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the field's, which keeps the focus.
            <div
              key={id}
              id={`${list}-${String(index)}`}
              role="option"
              tabIndex={-1}
              aria-selected={index === chosen.value}
              onClick={() => take(id)}
            >
              <Presence connected={directory.value.agents.get(id)?.connected ?? false} />
              <span>@{id}</span>
              {agentName(id) !== id && <span class="muted">{agentName(id)}</span>}
            </div>
          ))}
        </div>
      )}
      <textarea
        ref={field}
        rows={Math.min(8, text.value.split("\n").length)}
        value={text.value}
        placeholder={`Message ${where} as ${OPERATOR.name}`}
        aria-label="Message"
        aria-autocomplete="list"
        aria-controls={open ? list : undefined}
        aria-activedescendant={open ? `${list}-${String(chosen.value)}` : undefined}
        onInput={(event) => {
          set(event.currentTarget.value);
          offer();
        }}
        onKeyDown={onKey}
        onBlur={() => {
          setTimeout(() => {
            offered.value = [];
          }, 150);
        }}
      />
      <button type="submit" class="primary" disabled={busy.value || text.value.trim() === ""}>
        <Icon name="send" />
        <span class="sr">Send</span>
      </button>
      <p class="hint muted">
        <kbd>Enter</kbd> sends, <kbd>Shift</kbd> <kbd>Enter</kbd> begins a line, <kbd>@</kbd> mentions
      </p>
      {problem.value !== "" && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
    </form>
  );
}

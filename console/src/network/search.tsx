// What was said, found by its words.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Refused, words as wordsOf } from "../api/call.ts";
import { type Message, search } from "../api/network.ts";
import { go } from "../router.ts";
import { Empty, Trouble, Waiting } from "../ui/states.tsx";
import { Hit } from "./hit.tsx";
import { directory } from "./state.ts";

export function SearchView({ words, room }: { words: string; room: string }) {
  const field = useRef<HTMLInputElement>(null);
  const found = useSignal<Message[] | null>(null);
  const next = useSignal("");
  const problem = useSignal("");
  const read = async (before: string) => {
    problem.value = "";
    try {
      const page = await search(words, room, before);
      found.value = [...(before === "" ? [] : (found.value ?? [])), ...(page.messages ?? [])];
      next.value = page.page.next_before ?? "";
    } catch (error) {
      problem.value =
        error instanceof Refused && error.status === 404
          ? "This deployment has no database for search. The operator's guide says how to add one."
          : wordsOf(error);
    }
  };
  useEffect(() => {
    field.current?.focus();
    found.value = null;
    if (words !== "") {
      void read("");
    }
  }, [words, room]);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    go({ page: "search", words: String(form.get("q")).trim(), room: String(form.get("room")) }, "replace");
  };
  return (
    <article class="page">
      <h1>Search</h1>
      {/* biome-ignore lint/a11y/useSemanticElements: Safari knows no <search> before 17. */}
      <form role="search" class="row" onSubmit={submit}>
        <input
          ref={field}
          name="q"
          type="search"
          aria-label="Words to find"
          placeholder={'Words, "words together", or begin*'}
          maxLength={250}
          defaultValue={words}
          required
        />
        <select name="room" aria-label="Room" defaultValue={room}>
          <option value="">Everywhere</option>
          {[...directory.value.rooms.values()].map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
        <button type="submit" class="primary">
          Search
        </button>
      </form>
      {problem.value !== "" ? (
        <Trouble title="The search failed" words={problem.value} onRetry={() => void read("")} />
      ) : words === "" ? (
        <Empty icon="search" title="Find what was said">
          <p>
            A message is found if it holds all of your words. Put words that belong together in quotation
            marks. End a word with * to find every word that begins so: <code>deploy*</code> finds deployment.
          </p>
        </Empty>
      ) : found.value === null ? (
        <Waiting what="messages" />
      ) : found.value.length === 0 ? (
        <Empty icon="search" title="Nothing found">
          <p>
            Try fewer words, or only the beginning of one with * behind it. What was just said is found a
            second or two later.
          </p>
        </Empty>
      ) : (
        <>
          <ol class="cards one">
            {found.value.map((message) => (
              <Hit key={message.id} message={message} words={words} />
            ))}
          </ol>
          {next.value !== "" && (
            <button type="button" onClick={() => void read(next.value)}>
              Older
            </button>
          )}
        </>
      )}
    </article>
  );
}

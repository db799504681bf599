// A call of the endpoint from here: the answer as it streams, and the same call to paste elsewhere.

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { refusal, words } from "../api/call.ts";
import { createKey, type Endpoint, programBase } from "../api/control.ts";
import { Formatted } from "../conversation/formatted.tsx";
import { EventParser } from "../live/sse.ts";
import { Copy } from "../ui/copy.tsx";
import { Icon } from "../ui/icon.tsx";
import { clock } from "../ui/time.ts";
import { duration } from "./figures.tsx";
import { LANGUAGES, type Language, snippet } from "./snippets.ts";
import { may } from "./state.ts";

const HOUR_MS = 3_600_000;
/** A key, and until when it is valid where it was made here. */
interface Held {
  key: string;
  until: string | null;
}

/** Keys of this page, by endpoint; they are kept nowhere else. */
const held = new Map<string, Held>();

interface Chunk {
  choices?: { delta?: { content?: string | null } }[];
  usage?: { total_tokens?: number } | null;
  error?: { message: string };
}

/** The address that this page may call. */
function reachable(endpoint: Endpoint): string {
  const own = new URL(endpoint.path_endpoint).origin === location.origin;
  return own ? endpoint.path_endpoint : endpoint.endpoint;
}

interface Call {
  base: string;
  key: string;
  body: unknown;
  signal: AbortSignal;
  onChunk: (chunk: Chunk) => void;
}

async function stream({ base, key, body, signal, onChunk }: Call): Promise<void> {
  const answer = await fetch(`${base}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    credentials: "omit",
    signal,
  });
  if (!answer.ok || answer.body === null) {
    throw await refusal(answer);
  }
  const parser = new EventParser();
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    for (const { data } of parser.push(step.value)) {
      if (data !== "[DONE]") {
        onChunk(JSON.parse(data) as Chunk);
      }
    }
  }
}

export function Playground({ endpoint }: { endpoint: Endpoint }) {
  const key = useSignal<Held>(held.get(endpoint.id) ?? { key: "", until: null });
  const prompt = useSignal("Say hello in one sentence.");
  const model = useSignal(endpoint.model ?? "");
  const answer = useSignal("");
  const told = useSignal("");
  const problem = useSignal("");
  const running = useSignal(false);
  const language = useSignal<Language>("curl");
  const abort = useRef<AbortController | null>(null);

  const setKey = (value: string, until: string | null) => {
    key.value = { key: value.trim(), until };
    held.set(endpoint.id, key.value);
  };
  const makeKey = async () => {
    try {
      const expires_at = new Date(Date.now() + HOUR_MS).toISOString();
      const made = await createKey(endpoint.id, { name: "Console playground", expires_at });
      setKey(made.key ?? "", made.expires_at);
      problem.value = "";
    } catch (error) {
      problem.value = words(error);
    }
  };
  const run = async (event: Event) => {
    event.preventDefault();
    abort.current = new AbortController();
    running.value = true;
    answer.value = "";
    problem.value = "";
    told.value = "Waiting for the first token…";
    const begun = performance.now();
    let first = 0;
    let tokens = 0;
    try {
      await stream({
        base: reachable(endpoint),
        key: key.value.key,
        signal: abort.current.signal,
        body: {
          ...(model.value !== "" && { model: model.value }),
          messages: [{ role: "user", content: prompt.value }],
          stream: true,
          stream_options: { include_usage: true },
        },
        onChunk: (chunk) => {
          if (chunk.error !== undefined) {
            problem.value = chunk.error.message;
          }
          const piece = chunk.choices?.[0]?.delta?.content ?? "";
          if (piece !== "" && first === 0) {
            first = performance.now() - begun;
            told.value = `First token after ${duration(first)}`;
          }
          answer.value += piece;
          tokens = chunk.usage?.total_tokens ?? tokens;
        },
      });
      const all = duration(performance.now() - begun);
      told.value = `First token after ${duration(first)} · all after ${all}${tokens > 0 ? ` · ${tokens} tokens` : ""}`;
    } catch (error) {
      const left = abort.current?.signal.aborted;
      told.value = left ? "Stopped." : "";
      problem.value = left ? "" : words(error);
    } finally {
      running.value = false;
    }
  };
  const lacksKey = key.value.key === "";
  const code = snippet(language.value, {
    base: programBase(endpoint),
    model: model.value,
    prompt: prompt.value,
  });
  return (
    <section class="playground">
      <div class="asking">
        <form onSubmit={(event) => void run(event)}>
          <label for="play-key">Key</label>
          <div class="row">
            <input
              id="play-key"
              type="password"
              autocomplete="off"
              spellcheck={false}
              required
              placeholder="molti_…"
              value={key.value.key}
              onInput={(event) => setKey(event.currentTarget.value, null)}
            />
            {may.operate() && (
              <button type="button" class={lacksKey ? "primary" : ""} onClick={() => void makeKey()}>
                <Icon name="key" />
                Make a key for an hour
              </button>
            )}
          </div>
          {key.value.until !== null && (
            <p class="muted">This key ends by itself at {clock(key.value.until)}.</p>
          )}
          <label for="play-model">Model</label>
          <input
            id="play-model"
            value={model.value}
            placeholder="The endpoint's own"
            onInput={(event) => {
              model.value = event.currentTarget.value;
            }}
          />
          <label for="play-prompt">Message</label>
          <textarea
            id="play-prompt"
            rows={4}
            required
            value={prompt.value}
            onInput={(event) => {
              prompt.value = event.currentTarget.value;
            }}
          />
          <div class="row">
            {running.value ? (
              <button type="button" onClick={() => abort.current?.abort()}>
                <Icon name="stop" />
                Stop
              </button>
            ) : (
              <button type="submit" class="primary" disabled={lacksKey}>
                <Icon name="play" />
                Send
              </button>
            )}
            <span class="muted" role="status">
              {lacksKey
                ? may.operate()
                  ? "A call needs a key: make one, or paste one."
                  : "Paste a key first."
                : told.value}
            </span>
          </div>
        </form>
        {problem.value !== "" && (
          <p class="problem" role="alert">
            {problem.value}
          </p>
        )}
        {answer.value !== "" && (
          <section class="answer" aria-labelledby="answer-title">
            <h2 id="answer-title">Answer</h2>
            <div class="card body" data-testid="answer">
              <Formatted text={answer.value} />
            </div>
          </section>
        )}
      </div>
      <section class="same" aria-labelledby="same-title">
        <h2 id="same-title">The same call as a program</h2>
        <p class="muted">
          It reads the key from the variable <code>MOLTGHOST_KEY</code>. Set it first, in the same shell:
        </p>
        <div class="row between">
          <code>export MOLTGHOST_KEY=…</code>
          {lacksKey ? (
            <span class="muted">Make or paste a key to copy this with it</span>
          ) : (
            <Copy text={`export MOLTGHOST_KEY=${key.value.key}`} label="Copy with the key" />
          )}
        </div>
        <div class="code">
          <div>
            <fieldset class="languages">
              <legend class="sr">The same call as</legend>
              {LANGUAGES.map((one) => (
                <label key={one}>
                  <input
                    type="radio"
                    name="language"
                    class="sr"
                    checked={language.value === one}
                    onChange={() => {
                      language.value = one;
                    }}
                  />
                  {one}
                </label>
              ))}
            </fieldset>
            <Copy text={code} label="Copy" />
          </div>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
          <pre tabIndex={0}>{code}</pre>
        </div>
      </section>
    </section>
  );
}

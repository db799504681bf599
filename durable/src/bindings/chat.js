// A chat that a socket of an object asks for: sent to the Worker's own entry, its stream told event by event. The
// JavaScript half of `chat.rs`.

/** What is told. Mirrored by `chat.rs`. */
const EVENT = 0;
const REFUSED = 1;
const END = 2;
const LOST = 3;

/** What may be on its way to a slow socket before no more is read for it, and how often it is looked at then. */
const MOST_BUFFERED = 1024 * 1024;
const LOOK_MS = 20;

export class Chat {
  #stop = new AbortController();

  /** Each `tell(number, kind, text)`; the last is of another kind than EVENT, unless the chat was ended. */
  constructor(state, socket, url, name, value, body, number, tell) {
    const say = (kind, text) => {
      if (this.#stop.signal.aborted) return;
      // An instance that is gone throws: nobody listens any more.
      try {
        tell(number, kind, text);
      } catch {
        this.#stop.abort();
      }
    };
    const init = { method: "POST", headers: { [name]: value }, body, signal: this.#stop.signal };
    this.#run(state.exports.default.fetch(url, init), socket, say).catch(() => say(LOST, ""));
  }

  /** Ends the run, as a caller does who goes away. */
  end() {
    this.#stop.abort();
  }

  async #run(asking, socket, say) {
    const response = await asking;
    const { headers, body } = response;
    if (!headers.get("content-type")?.startsWith("text/event-stream")) {
      const wait = headers.get("retry-after-ms") ?? "";
      return say(REFUSED, `${wait}\n${await response.text()}`);
    }
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of body) {
      const events = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
      rest = events.pop();
      for (const event of events) {
        const at = event.startsWith("data: ") ? 0 : event.indexOf("\ndata: ") + 1;
        if (at > 0 || event.startsWith("data: ")) say(EVENT, event.slice(at + 6));
      }
      while ((socket.bufferedAmount ?? 0) > MOST_BUFFERED && !this.#stop.signal.aborted) {
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
    }
    say(END, "");
  }
}

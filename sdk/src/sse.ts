// Server-sent events out of any split of their bytes (WHATWG HTML, "Server-sent events").

/** One event. */
export interface ServerEvent {
  /** `message` unless the server named it. */
  event: string;
  data: string;
}

/** An event larger than this is not one of ours. */
const LONGEST = 32 * 1024 * 1024;

/** Cuts bytes into events. A character, a line end or an event may be split anywhere. */
export class EventParser {
  readonly #decoder = new TextDecoder("utf-8");
  /** The unfinished line. */
  #line = "";
  /** Whether the text so far ended in CR, whose LF may come next. */
  #afterReturn = false;
  #event = "";
  #data: string[] = [];
  #size = 0;

  /** Events that these bytes complete. @throws RangeError if one grows beyond 32 MiB. */
  push(bytes: Uint8Array): ServerEvent[] {
    return this.#text(this.#decoder.decode(bytes, { stream: true }));
  }

  #text(text: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    let start = 0;
    if (text !== "" && this.#afterReturn) {
      start = text.startsWith("\n") ? 1 : 0;
      this.#afterReturn = false;
    }
    for (;;) {
      const end = lineEnd(text, start);
      if (end === -1) {
        this.#line += text.slice(start);
        this.#grow(text.length - start);
        return events;
      }
      const line = this.#line + text.slice(start, end);
      this.#line = "";
      this.#grow(end - start);
      const event = this.#take(line);
      if (event !== null) {
        events.push(event);
      }
      start = end + 1;
      if (text.charCodeAt(end) === 13) {
        this.#afterReturn = start === text.length;
        start += text.charCodeAt(start) === 10 ? 1 : 0;
      }
    }
  }

  #grow(by: number): void {
    this.#size += by;
    if (this.#size > LONGEST) {
      throw new RangeError("an event of the stream is larger than 32 MiB");
    }
  }

  #take(line: string): ServerEvent | null {
    if (line === "") {
      const data = this.#data;
      const event = this.#event === "" ? "message" : this.#event;
      this.#data = [];
      this.#event = "";
      this.#size = 0;
      return data.length === 0 ? null : { event, data: data.join("\n") };
    }
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") {
      this.#data.push(value);
    } else if (field === "event") {
      this.#event = value;
    }
    return null;
  }
}

/** Where the line that begins at `start` ends; -1 if it does not yet. */
function lineEnd(text: string, start: number): number {
  const ends = /[\r\n]/g;
  ends.lastIndex = start;
  return ends.exec(text)?.index ?? -1;
}

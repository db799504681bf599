// Server-sent events from bytes (HTML, "Server-sent events", parsing). Read by `fetch` rather than by `EventSource`,
// which hides the status: a lost token must be told from a lost line.

export interface ServerEvent {
  id: string;
  type: string;
  data: string;
}

/** Takes text as it comes, in any split, and gives whole events. */
export class EventParser {
  #rest = "";

  push(text: string): ServerEvent[] {
    const parts = (this.#rest + text).split("\n\n");
    this.#rest = parts.pop() ?? "";
    return parts.flatMap((part) => event(part) ?? []);
  }
}

function event(part: string): ServerEvent | undefined {
  const found: ServerEvent = { id: "", type: "message", data: "" };
  let any = false;
  for (const line of part.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) {
      continue;
    }
    const value = line.slice(colon + 1).replace(/^ /, "");
    const name = line.slice(0, colon);
    if (name === "data") {
      found.data = any ? `${found.data}\n${value}` : value;
      any = true;
    } else if (name === "id") {
      found.id = value;
    } else if (name === "event") {
      found.type = value;
    }
  }
  return any ? found : undefined;
}

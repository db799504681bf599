// One call of our own HTTP API, by the cookie that the browser holds. No token is ever in script's reach after sign-in.

/** A refusal: the server's own words, or what kept us from reaching it. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

interface NetworkError {
  code: string;
  error: string;
}

interface ControlError {
  error: { code: string; message: string };
}

/** Reads a refusal of either surface; anything else (HTML from a proxy, say) is told by its status alone. */
export async function refusal(answer: Response): Promise<Refused> {
  const text = await answer.text().catch(() => "");
  try {
    const body = JSON.parse(text) as NetworkError | ControlError;
    return typeof body.error === "string"
      ? new Refused(answer.status, (body as NetworkError).code, body.error)
      : new Refused(answer.status, body.error.code, body.error.message);
  } catch {
    return new Refused(answer.status, "unreadable", `The server answered with status ${answer.status}.`);
  }
}

export interface CallOptions {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  body?: unknown;
  /** Sent as `Authorization: Bearer`; only signing in uses it. */
  bearer?: string;
  signal?: AbortSignal;
}

/** Sends a call and reads its JSON; `undefined` for an answer without a body. */
export async function call<T>(path: string, options: CallOptions = {}): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (options.bearer !== undefined) {
    headers.authorization = `Bearer ${options.bearer}`;
  }
  const init: RequestInit = { method: options.method ?? "GET", headers, credentials: "same-origin" };
  if (init.method !== "GET") {
    headers["content-type"] = "application/json";
    init.body = JSON.stringify(options.body ?? {});
  }
  if (options.signal !== undefined) {
    init.signal = options.signal;
  }
  let answer: Response;
  try {
    answer = await fetch(path, init);
  } catch (error) {
    if (options.signal?.aborted) {
      throw error;
    }
    throw new Refused(0, "unreachable", "The server cannot be reached. Check the connection and try again.");
  }
  if (!answer.ok) {
    throw await refusal(answer);
  }
  const text = await answer.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

/** What went wrong, in words for its reader. */
export function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

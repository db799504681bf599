// What a suite's process and the process that owns its Miniflare say to each other.

/** How a Worker is started; everything has a default that suits most suites. */
export interface WorkerOptions {
  /** Folder of the objects' and D1's data. Without one: a temporary folder, removed by `stop`. */
  persist?: string;
  /** Variables and secrets beside or instead of the usual ones; `undefined` takes one away. */
  vars?: Record<string, string | undefined>;
  /** `down`: every D1 statement fails. */
  d1?: "ok" | "down";
  /** `host:port` to which all outbound requests go, whatever their URL; the Host header tells which. */
  outbound?: string;
  /** A module that stands before the build, which it imports as `./index.js`. Default: the build alone. */
  entry?: string;
  /** Port of `url`, for a restart at the same address. Default: a free one. */
  port?: number;
}

/** The options as they travel: nothing is left to be defaulted. */
export interface HostOptions {
  persist: string;
  vars: Record<string, string>;
  d1: "ok" | "down";
  outbound: string | null;
  entry: string | null;
  port: number;
}

/** What the host can be asked to do once its Worker runs. */
export interface HostCalls {
  evict: { className: string; name: string; webSockets: "close" | "hibernate" };
  objects: { className: string };
  d1: { database: string; query: string; values: unknown[] };
  message: { binding: string; name: string; text: string };
  stop: Record<string, never>;
}

export type ToHost =
  | { type: "start"; options: HostOptions }
  | { [C in keyof HostCalls]: { type: "call"; id: number; call: C; args: HostCalls[C] } }[keyof HostCalls];

export type FromHost =
  | { type: "ready"; url: string; front: string }
  | { type: "failed"; message: string }
  | { type: "answer"; id: number; value?: unknown; error?: string }
  | { type: "log"; level: string; message: string };

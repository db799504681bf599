// The process that owns one Miniflare. It is a process of its own, because Miniflare restarts a workerd
// that dies: a kill test must be able to end both at once.
//
// Invariant: when the suite's process goes away, so do this one and its workerd.

import { convertV4MiniflareOptions, Miniflare, type WorkerdStructuredLog } from "miniflare";
import type { FromHost, HostCalls, ToHost } from "./host-protocol.ts";
import { migrate } from "./migrate.ts";
import { bindings, miniflareOptions, WORKER_NAME } from "./worker-options.ts";

/** What of a namespace is used; Miniflare's own type leaves it out. */
interface Namespace {
  idFromName(name: string): unknown;
  get(id: unknown): { fetch(url: string, init: { method: string; body: string }): Promise<Response> };
}

let miniflare: Miniflare | undefined;

function tell(message: FromHost): void {
  if (process.connected) {
    process.send?.(message);
  }
}

async function end(): Promise<void> {
  await miniflare?.dispose();
  process.exit(0);
}

async function start(options: Extract<ToHost, { type: "start" }>["options"]): Promise<void> {
  const from = await bindings();
  const converted = convertV4MiniflareOptions(miniflareOptions(from, options));
  miniflare = new Miniflare({
    ...converted,
    handleStructuredLogs: ({ level, message }: WorkerdStructuredLog) => tell({ type: "log", level, message }),
  });
  const front = await miniflare.ready;
  if (options.d1 === "ok") {
    for (const database of Object.keys(from.d1Databases)) {
      const own = from.migrations.filter((migration) => migration.database === database);
      await migrate(await miniflare.getD1Database(database, WORKER_NAME), own);
    }
  }
  const url = await miniflare.unsafeGetDirectURL(WORKER_NAME);
  tell({ type: "ready", url: url.origin, front: front.origin });
}

/** One entry for each call of the protocol. */
const answers: { [C in keyof HostCalls]: (owner: Miniflare, args: HostCalls[C]) => Promise<unknown> } = {
  evict: (owner, { className, name, webSockets }) =>
    owner.unsafeEvictDurableObject(WORKER_NAME, className, { name, webSockets }),
  objects: (owner, { className }) => owner.listDurableObjectIds(className, WORKER_NAME),
  d1: async (owner, { database, query, values }) => {
    const { results } = await (await owner.getD1Database(database, WORKER_NAME))
      .prepare(query)
      .bind(...values)
      .all();
    return results;
  },
  message: async (owner, { binding, name, text }) => {
    const namespace = (await owner.getDurableObjectNamespace(binding, WORKER_NAME)) as unknown as Namespace;
    const object = namespace.get(namespace.idFromName(name));
    const answer = await object.fetch("https://object/", { method: "POST", body: text });
    return await answer.text();
  },
  stop: async () => undefined,
};

async function call<C extends keyof HostCalls>(id: number, name: C, args: HostCalls[C]): Promise<void> {
  try {
    if (miniflare === undefined) {
      throw new Error("the Worker has not been started");
    }
    const value = await answers[name](miniflare, args);
    tell({ type: "answer", id, value });
  } catch (error) {
    tell({ type: "answer", id, error: error instanceof Error ? error.message : String(error) });
  }
  if (name === "stop") {
    await end();
  }
}

process.on("message", (message: ToHost) => {
  if (message.type === "call") {
    void call(message.id, message.call, message.args);
  } else {
    start(message.options).catch((error: unknown) => {
      tell({
        type: "failed",
        message: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      process.exitCode = 1;
      void end();
    });
  }
});
process.on("disconnect", () => void end());
// An interrupt reaches the whole process group; the suite decides when this one ends.
process.on("SIGINT", () => undefined);

// The built Worker as Miniflare takes it. Bindings come from wrangler.toml, so that suites and
// deployments cannot drift apart.
//
// Invariant: local secrets (.dev.vars) never reach a suite. What wrangler reads (its configuration, the
// migrations' statements) is kept beside the build under the files' digest, as loading wrangler costs more
// than starting the Worker.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { V4MiniflareOptions, V4WorkerOptions } from "miniflare";
import type { HostOptions } from "./host-protocol.ts";
import { BUILD, ROOT } from "./paths.ts";

/** The Worker's name in wrangler.toml, which Miniflare's object calls ask for. */
export const WORKER_NAME = "moltghost";

/** A port of the loopback address on which nothing ever listens. */
const NOWHERE = "http://127.0.0.1:1";

/** One file of `migrations/`, cut into its statements. */
export interface Migration {
  /** The binding of the database that it is for. */
  database: string;
  name: string;
  statements: string[];
}

export interface Bindings {
  compatibilityDate: string;
  compatibilityFlags: string[];
  vars: Record<string, string>;
  durableObjects: Record<string, { className: string; useSQLite?: boolean }>;
  d1Databases: Record<string, { id: string }>;
  ratelimits: Record<string, { namespace_id: string; simple: { limit: number; period?: 10 | 60 } }>;
  serviceBindings: Record<string, { name: string }>;
  assets: { binding: string; directory: string };
  versionMetadata: string;
  migrations: Migration[];
}

const CONFIGURATION = join(ROOT, "wrangler.toml");

interface MigrationFile {
  database: string;
  name: string;
  sql: string;
}

function migrationFiles(): MigrationFile[] {
  const of = (database: string, folder: string): MigrationFile[] => {
    const names = readdirSync(folder).filter((name) => name.endsWith(".sql"));
    return names.sort().map((name) => ({ database, name, sql: readFileSync(join(folder, name), "utf8") }));
  };
  const folder = join(ROOT, "migrations");
  return [...of("DB", folder), ...of("SEARCH", join(folder, "search"))];
}

async function readWithWrangler(files: MigrationFile[]): Promise<Bindings> {
  const wrangler = await import("wrangler");
  const { workerOptions } = wrangler.unstable_getMiniflareWorkerOptions(CONFIGURATION);
  const { vars } = wrangler.unstable_readConfig({ config: CONFIGURATION });
  const migrations = files.map(({ database, name, sql }) => ({
    database,
    name,
    statements: wrangler.unstable_splitSqlQuery(sql),
  }));
  return { ...(workerOptions as unknown as Bindings), vars: vars as Record<string, string>, migrations };
}

/** What wrangler.toml and migrations/ say. */
export async function bindings(): Promise<Bindings> {
  const files = migrationFiles();
  const digest = createHash("sha256")
    .update(ROOT)
    .update(readFileSync(CONFIGURATION))
    .update(JSON.stringify(files))
    .digest("hex");
  const kept = join(BUILD, `.bindings-${digest.slice(0, 16)}.json`);
  try {
    return JSON.parse(readFileSync(kept, "utf8")) as Bindings;
  } catch {
    const read = await readWithWrangler(files);
    const unfinished = `${kept}.${process.pid}`;
    writeFileSync(unfinished, JSON.stringify(read));
    renameSync(unfinished, kept);
    return read;
  }
}

/** Options of one Miniflare with our Worker, a socket of the real workerd straight to it, and no front between. */
export function miniflareOptions(from: Bindings, options: HostOptions): V4MiniflareOptions {
  const databases = Object.entries(from.d1Databases).map(([name, database]) => [
    name,
    options.d1 === "ok" ? database : { id: database.id, remoteProxyConnectionString: new URL(NOWHERE) },
  ]);
  const entry =
    options.entry === null
      ? []
      : [
          {
            type: "ESModule" as const,
            path: join(BUILD, basename(options.entry)),
            contents: readFileSync(options.entry, "utf8"),
          },
        ];
  const worker: V4WorkerOptions = {
    name: WORKER_NAME,
    modulesRoot: BUILD,
    modules: [
      ...entry,
      { type: "ESModule", path: join(BUILD, "index.js") },
      { type: "CompiledWasm", path: join(BUILD, "index_bg.wasm") },
    ],
    compatibilityDate: from.compatibilityDate,
    compatibilityFlags: from.compatibilityFlags,
    bindings: { ...from.vars, ...options.vars },
    durableObjects: from.durableObjects,
    d1Databases: Object.fromEntries(databases),
    ratelimits: Object.fromEntries(
      Object.entries(from.ratelimits).map(([name, { namespace_id, simple }]) => [
        name,
        { namespace_id, simple },
      ]),
    ),
    // As a folder, not as assets: before those Miniflare puts a proxy, and the socket would not be the Worker's own.
    serviceBindings: {
      ...from.serviceBindings,
      [from.assets.binding]: { disk: { path: from.assets.directory } },
    },
    versionMetadata: from.versionMetadata,
    unsafeDirectSockets: [{ host: "127.0.0.1", port: options.port }],
  };
  if (options.outbound !== null) {
    worker.outboundService = { external: { address: options.outbound, http: {} } };
  }
  return {
    host: "127.0.0.1",
    port: 0,
    cf: false,
    telemetry: { enabled: false },
    logRequests: false,
    resourcePersistencePath: options.persist,
    workers: [worker],
  };
}

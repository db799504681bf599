// Applies migrations/ to a suite's D1 and keeps the same record as `wrangler d1 migrations apply`.
//
// Invariant: a migration and its record are one batch, hence one transaction; a restart on the same
// folder applies nothing twice.

import type { Miniflare } from "miniflare";
import type { Migration } from "./worker-options.ts";

type Database = Awaited<ReturnType<Miniflare["getD1Database"]>>;

const RECORD = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

export async function migrate(database: Database, migrations: Migration[]): Promise<void> {
  await database.prepare(RECORD).run();
  const { results } = await database.prepare("SELECT name FROM d1_migrations").all<{ name: string }>();
  const applied = new Set(results.map((row: { name: string }) => row.name));
  for (const { name, statements } of migrations) {
    if (!applied.has(name)) {
      await database.batch([
        ...statements.map((statement) => database.prepare(statement)),
        database.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name),
      ]);
    }
  }
}

// What an object has stored, read from its file. The runtime makes a file for every object that is asked anything, so
// that a file alone says nothing: only tables do.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Names of the tables that the object of this id (64 hexadecimal digits) has made below the data folder. */
export function tablesOf(persist: string, objectId: string): string[] {
  const rows = rowsOf(persist, objectId, "SELECT name FROM sqlite_master WHERE type = 'table'");
  return rows.map((row) => String(row.name)).filter((name) => !name.startsWith("_cf_"));
}

/** What a query finds in the object's database; nothing where it has none. */
export function rowsOf(
  persist: string,
  objectId: string,
  query: string,
  ...values: string[]
): Record<string, unknown>[] {
  const files = readdirSync(persist, { recursive: true, encoding: "utf8" });
  const file = files.find((name) => name.endsWith(`${objectId}.sqlite`));
  if (file === undefined) {
    return [];
  }
  const database = new DatabaseSync(join(persist, file), { readOnly: true });
  try {
    return database.prepare(query).all(...values);
  } finally {
    database.close();
  }
}

// What the objects have left on disk, read from a copy, so that a running Worker is not disturbed.
//
// Invariant: a database is read with its write-ahead log; nothing here writes to the Worker's folder.

import { cpSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { discard, scratch } from "../harness/index.ts";

/** Every file below a folder. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

/** The database files of the objects of one class; the runtime's own are left out. */
export function databasesOf(persist: string, className: string): string[] {
  return filesBelow(persist).filter(
    (path) => path.includes(`-${className}/`) && /^[0-9a-f]{64}\.sqlite$/.test(basename(path)),
  );
}

/** Names of the tables in a database. */
export function tablesOf(database: string): string[] {
  const copy = scratch("copy");
  for (const suffix of ["", "-wal"]) {
    if (statSync(database + suffix, { throwIfNoEntry: false }) !== undefined) {
      cpSync(database + suffix, join(copy, `copy.sqlite${suffix}`));
    }
  }
  const opened = new DatabaseSync(join(copy, "copy.sqlite"));
  try {
    return opened
      .prepare("SELECT name FROM sqlite_master")
      .all()
      .map(({ name }) => String(name));
  } finally {
    opened.close();
    discard(copy);
  }
}

/** Databases of a class that hold anything at all. */
export function filledDatabases(persist: string, className: string): string[] {
  return databasesOf(persist, className)
    .filter((database) => tablesOf(database).length > 0)
    .sort();
}

/** Changes a stopped Worker's data, as if time had passed: runs on every database of the class that has the table. */
export function rewrite(persist: string, className: string, table: string, statement: string): number {
  let changed = 0;
  for (const database of databasesOf(persist, className)) {
    const opened = new DatabaseSync(database);
    try {
      const found = opened.prepare("SELECT 1 FROM sqlite_master WHERE name = ?").get(table);
      if (found !== undefined) {
        changed += Number(opened.prepare(statement).run().changes);
      }
    } finally {
      opened.close();
    }
  }
  return changed;
}

/** Files below a folder whose bytes hold the text. Those that go meanwhile, as a database's own do, hold nothing. */
export function filesWith(folder: string, text: string): string[] {
  const bytes = Buffer.from(text);
  const holds = (path: string): boolean => {
    try {
      return readFileSync(path).includes(bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") {
        return false;
      }
      throw error;
    }
  };
  return filesBelow(folder).filter(holds);
}

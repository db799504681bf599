// Databases filled in seconds instead of by a million posts: the files are written while no Worker runs, by the
// schemas that the Worker has made.
//
// Invariant: what is written is what posts would have left; every mark says that consumers have it, so that nothing is
// sent to D1 while something else is measured.

import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Opens the one file below a folder that has all the tables. */
function opened(persist: string, ...tables: string[]): DatabaseSync {
  for (const name of readdirSync(persist, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".sqlite")) {
      continue;
    }
    const database = new DatabaseSync(join(persist, name));
    const find = database.prepare("SELECT 1 FROM sqlite_master WHERE name = ? AND type = 'table'");
    if (tables.every((table) => find.get(table) !== undefined)) {
      return database;
    }
    database.close();
  }
  throw new Error(`no database below ${persist} has the tables ${tables.join(", ")}`);
}

/** Moves the one mark of a conversation. */
function moved(database: DatabaseSync, update: string, total: number, name: string): void {
  const { changes } = database.prepare(update).run(total, name);
  if (changes !== 1) {
    throw new Error(`${name} has ${changes} marks where one was to move: ${update}`);
  }
}

// A number of JavaScript is bound as a float.
const NUMBERS =
  "WITH RECURSIVE number (n) AS (SELECT CAST(?1 AS INTEGER) UNION ALL SELECT n + 1 FROM number WHERE n < ?2)";

/** Has a room hold `total` entries: copies of its last message, each with an id of its own. */
export function fillRoom(persist: string, network: string, room: string, total: number): void {
  const log = opened(persist, "conversation", "log");
  const last = log.prepare("SELECT offset, body FROM log ORDER BY offset DESC LIMIT 1").get();
  const { offset, body } = last as { offset: number; body: string };
  log.exec("BEGIN");
  log
    .prepare(
      `${NUMBERS} INSERT INTO log (offset, kind, thread, id, sender, at, artifacts, size, body)
       SELECT n, l.kind, l.thread, 'filled-' || n, l.sender, l.at, 0, l.size, json_set(l.body, '$.id', 'filled-' || n)
       FROM number, log l WHERE l.offset = ?1 - 1`,
    )
    .run(offset + 1, total);
  log.exec(`UPDATE mark SET history = ${total}, search = ${total}, hub = ${total}; COMMIT`);
  log.close();
  const name = `room:${network}:${room}`;
  const hub = opened(persist, "conversation", "event");
  moved(hub, "UPDATE conversation SET position = ? WHERE name = ?", total, name);
  hub.close();
  const history = opened(persist, "history_mark");
  history.exec("BEGIN");
  history
    .prepare(
      `${NUMBERS} INSERT INTO history (conversation, offset, network, kind, thread, id, at, body)
       SELECT ?3, n, ?4, 'message.created', '', 'filled-' || n, 0, ?5 FROM number`,
    )
    .run(offset + 1, total, name, network, body);
  moved(history, "UPDATE history_mark SET offset = ? WHERE conversation = ?", total, name);
  history.exec("COMMIT");
  history.close();
  const search = opened(persist, "document");
  const place = createHash("sha256").update(name).digest().readBigUInt64BE() >> 12n;
  search.exec("BEGIN");
  search
    .prepare(
      `${NUMBERS} INSERT INTO passage (rowid, words, place)
       SELECT n, 'filled word' || (n % 50000) || ' word' || (n % 977) || ' word' || (n % 13), ?3 FROM number`,
    )
    .run(offset + 1, total, `c${place.toString(16).padStart(13, "0")}`);
  search
    .prepare(`${NUMBERS} INSERT INTO document (id, conversation, offset) SELECT n, ?3, n FROM number`)
    .run(offset + 1, total, name);
  moved(search, "UPDATE mark SET offset = ? WHERE conversation = ?", total, name);
  search.exec("COMMIT");
  search.close();
}

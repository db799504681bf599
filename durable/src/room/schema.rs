//! The stored form of a conversation.

/// Steps of the schema; see [`crate::migrate`]. A step that was released never changes.
pub const STEPS: &[&[&str]] = &[&[
    // One row. `state` is JSON as `Network` last told it; `participants`, of a direct conversation, a JSON array.
    "CREATE TABLE conversation (
        kind TEXT NOT NULL, network TEXT NOT NULL, id TEXT NOT NULL, created INTEGER NOT NULL, state TEXT NOT NULL,
        version INTEGER NOT NULL, participants TEXT NOT NULL, closed INTEGER NOT NULL
    )",
    // `kind` is the type of the event, `id` the message's or else the event's own, `body` what the event carries.
    // `thread` is NULL for what is no message, and empty for what belongs to no thread. `sender` tells whose a
    // message is: 52 bits of the hash of the caller's principal. `size` is the body's, so that pages can be cut
    // before bodies are read; it stands before the body, which may fill pages of its own.
    "CREATE TABLE log (
        offset INTEGER PRIMARY KEY, kind TEXT NOT NULL, thread TEXT, id TEXT NOT NULL, sender INTEGER,
        at INTEGER NOT NULL, artifacts INTEGER NOT NULL, size INTEGER NOT NULL, body TEXT NOT NULL
    )",
    "CREATE UNIQUE INDEX log_by_id ON log (id) WHERE sender IS NOT NULL",
    "CREATE INDEX log_by_thread ON log (thread, offset, artifacts, size) WHERE thread IS NOT NULL",
    "CREATE INDEX log_with_artifacts ON log (offset, size) WHERE artifacts > 0",
    "CREATE TABLE thread (
        id TEXT PRIMARY KEY, parent TEXT NOT NULL, count INTEGER NOT NULL, last INTEGER NOT NULL
    ) WITHOUT ROWID",
    // One row: how far each consumer of the log got.
    "CREATE TABLE mark (history INTEGER NOT NULL, search INTEGER NOT NULL, network INTEGER NOT NULL)",
], &[
    // What was there before the hub was is history.
    "ALTER TABLE mark ADD COLUMN hub INTEGER NOT NULL DEFAULT 0",
    "UPDATE mark SET hub = coalesce((SELECT max(offset) FROM log), 0)",
], &[
    // The network's revision that ended leases last; one row, once there was any.
    "CREATE TABLE recalled (revision INTEGER NOT NULL)",
]];

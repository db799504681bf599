//! The stored form of a hub.

/// Steps of the schema; see [`crate::migrate`]. A step that was released never changes.
pub const STEPS: &[&[&str]] = &[&[
    // One row. The epoch is random: a log that was made anew knows no cursor of the one before. `notice` is the number
    // of the network's last notice that was taken.
    "CREATE TABLE stream (epoch TEXT NOT NULL, notice INTEGER NOT NULL)",
    "INSERT INTO stream (epoch, notice) VALUES (lower(hex(randomblob(6))), 0)",
    // `position` is the offset of the last entry that was taken, `standing` what the conversation is since then.
    "CREATE TABLE conversation (
        number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, position INTEGER NOT NULL, standing TEXT NOT NULL
    )",
    // `conversation` is NULL for what happened to the network itself. `size` stands before the body, which may fill
    // pages of its own, so that batches can be cut before bodies are read.
    "CREATE TABLE event (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, conversation INTEGER, at INTEGER NOT NULL,
        size INTEGER NOT NULL, body TEXT NOT NULL
    )",
    // Not unique: the same message id may be used in two conversations.
    "CREATE INDEX event_by_id ON event (id)",
    // Since which notice what a principal opened before is ended.
    "CREATE TABLE ended (principal TEXT PRIMARY KEY, notice INTEGER NOT NULL) WITHOUT ROWID",
], &[
    // When attachments are asked next whether they are there.
    "ALTER TABLE stream ADD COLUMN beat INTEGER NOT NULL DEFAULT 0",
    // Messages that are meant for an agent and that nobody has acknowledged.
    "CREATE TABLE missed (agent TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (agent, seq)) WITHOUT ROWID",
    // Agents that were told to be attached.
    "CREATE TABLE attached (agent TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID",
    // Claims of handles whose READY nobody has answered yet, by what their tokens are made of.
    "CREATE TABLE claim (nonce TEXT PRIMARY KEY, agent TEXT NOT NULL) WITHOUT ROWID",
]];

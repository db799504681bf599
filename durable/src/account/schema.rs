//! The stored forms of the three kinds of object of this class. A step that was released never changes.

use crate::stream::log;

/// An account.
pub const ACCOUNT: &[&[&str]] = &[FIRST, log::SCHEMA, OBSERVED];

const FIRST: &[&str] = &[
    "CREATE TABLE account (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, created INTEGER NOT NULL,
        registered INTEGER NOT NULL DEFAULT 0, projected INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID",
    // A revoked token stays, so that the Idempotency-Key that made it cannot bring it back.
    "CREATE TABLE token (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, hash TEXT NOT NULL, pepper INTEGER NOT NULL,
        created INTEGER NOT NULL, expires INTEGER, revoked INTEGER
    ) WITHOUT ROWID",
    // `pending` is what is still to be done, sealed, since it may hold secret headers. A terminated agent has no
    // name: it is free for another.
    "CREATE TABLE agent (
        id TEXT PRIMARY KEY, name TEXT UNIQUE, alias TEXT, pending TEXT, created INTEGER NOT NULL,
        terminated INTEGER, projected INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID",
];

/// What its agents have told.
const OBSERVED: &[&str] = &["CREATE TABLE reporter (
        agent TEXT PRIMARY KEY, seq INTEGER NOT NULL, state TEXT NOT NULL, figures TEXT NOT NULL
    ) WITHOUT ROWID"];

/// The register of accounts.
pub const REGISTER: &[&[&str]] = &[
    &["CREATE TABLE listed (id TEXT PRIMARY KEY, name TEXT NOT NULL, created TEXT NOT NULL) WITHOUT ROWID"],
    &["CREATE TABLE reporter (
            account TEXT PRIMARY KEY, agents TEXT NOT NULL, figures TEXT NOT NULL
        ) WITHOUT ROWID"],
    &[
        "CREATE TABLE edge_refusal (code TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID",
        // The newest report of each instance of the Worker, and when it came.
        "CREATE TABLE edge_instance (
            instance TEXT PRIMARY KEY, number INTEGER NOT NULL, at INTEGER NOT NULL
        ) WITHOUT ROWID",
    ],
    // Sessions of the console that were signed out of, until they would have ended by themselves.
    &["CREATE TABLE ended_session (id TEXT PRIMARY KEY, ends INTEGER NOT NULL) WITHOUT ROWID"],
];

/// An alias: one row, kept for 30 days after it was given up.
pub const ALIAS: &[&[&str]] = &[&["CREATE TABLE holder (agent TEXT NOT NULL, released INTEGER)"]];

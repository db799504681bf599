//! The stored form of an endpoint.

/// Steps of the schema; see [`crate::migrate`]. A step that was released never changes.
pub const STEPS: &[&[&str]] =
    &[FIRST, CAPABILITIES, OBSERVED, LIMITS, ABORTED, EXPIRED, STARTUP, NOTICES, TICKETS, AVAILABILITY];

/// What the pod serves, when it was last asked, as JSON.
const CAPABILITIES: &[&str] = &["ALTER TABLE agent ADD COLUMN capabilities TEXT"];

/// Numbers of calls, and what the account is still to be told.
const OBSERVED: &[&str] = &[
    // `total` is the sum since the beginning as of that row; the newest row's is the one that counts.
    "CREATE TABLE metrics (minute INTEGER PRIMARY KEY, figures TEXT NOT NULL, total TEXT NOT NULL)",
    "CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL)",
];

const FIRST: &[&str] = &[
    // One row. `settings` is JSON with the values of origin headers left out; those are sealed in their own column.
    "CREATE TABLE agent (
        id TEXT PRIMARY KEY, account TEXT NOT NULL, settings TEXT NOT NULL, origin_headers TEXT,
        state TEXT NOT NULL, since INTEGER NOT NULL, reason TEXT, connect TEXT NOT NULL,
        created INTEGER NOT NULL, updated INTEGER NOT NULL
    ) WITHOUT ROWID",
    "CREATE TABLE key (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL, pepper INTEGER NOT NULL,
        created INTEGER NOT NULL, last_used INTEGER, revoked INTEGER
    ) WITHOUT ROWID",
    // Runs that were admitted and not settled yet.
    "CREATE TABLE lease (
        run TEXT PRIMARY KEY, key TEXT NOT NULL, admitted INTEGER NOT NULL, until INTEGER NOT NULL,
        reserved INTEGER NOT NULL
    ) WITHOUT ROWID",
    // One row for each day (UTC) and source of figures.
    "CREATE TABLE usage (
        day TEXT NOT NULL, source TEXT NOT NULL, requests INTEGER NOT NULL, prompt INTEGER NOT NULL,
        completion INTEGER NOT NULL, PRIMARY KEY (day, source)
    ) WITHOUT ROWID",
];

/// How long the agent usually takes to start, in milliseconds.
const STARTUP: &[&str] = &["ALTER TABLE agent ADD COLUMN startup INTEGER"];

/// What the provisioner is still to be told.
const NOTICES: &[&str] = &[
    "CREATE TABLE notice (seq INTEGER PRIMARY KEY AUTOINCREMENT, created INTEGER NOT NULL, body TEXT NOT NULL)",
];

/// Tickets for sockets that wait to be used: the hash, whose key it was and which of its secrets, the page's origin.
const TICKETS: &[&str] = &["CREATE TABLE ticket (
        hash TEXT PRIMARY KEY, key TEXT NOT NULL, mark TEXT NOT NULL, browser TEXT, until INTEGER NOT NULL
    ) WITHOUT ROWID"];

/// Milliseconds by day (days since 1970, UTC) in which the agent was there and was not; and whether it is now, since when:
/// 1, 0, or NULL where that does not count.
const AVAILABILITY: &[&str] = &[
    "CREATE TABLE availability (day INTEGER PRIMARY KEY, there INTEGER NOT NULL, away INTEGER NOT NULL)",
    "CREATE TABLE presence (only_one INTEGER PRIMARY KEY, there INTEGER, since INTEGER NOT NULL)",
];

/// Runs that were told to end when their agent was paused at once.
const ABORTED: &[&str] = &["ALTER TABLE lease ADD COLUMN aborted INTEGER"];

/// Whether it was told that a key's time is over.
const EXPIRED: &[&str] = &["ALTER TABLE key ADD COLUMN end_told INTEGER"];

const LIMITS: &[&str] = &[
    // Permits of the request limit that were leased ahead; the limiter of all keys has no name. So many may have been
    // used, as late as `until`.
    "CREATE TABLE permit (
        key TEXT NOT NULL, number INTEGER NOT NULL, permits INTEGER NOT NULL, until INTEGER NOT NULL,
        PRIMARY KEY (key, number)
    ) WITHOUT ROWID",
    // What a key may do (JSON), when it ends, and its rotation: when, which ones (JSON), and the hash before it.
    "ALTER TABLE key ADD COLUMN settings TEXT",
    "ALTER TABLE key ADD COLUMN expires INTEGER",
    "ALTER TABLE key ADD COLUMN rotated INTEGER",
    "ALTER TABLE key ADD COLUMN rotations TEXT",
    "ALTER TABLE key ADD COLUMN old_hash TEXT",
    "ALTER TABLE key ADD COLUMN old_pepper INTEGER",
    "ALTER TABLE key ADD COLUMN old_until INTEGER",
];

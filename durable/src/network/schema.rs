//! The stored form of a network. A step that was released never changes.

/// A network.
pub const NETWORK: &[&[&str]] = &[FIRST, NOTICES, ATTACHING, ANSWERS, LEASES];

/// Agents claim their handles by attaching. `claimed`: the token that was made then has never come back.
const ATTACHING: &[&str] = &["ALTER TABLE agent ADD COLUMN claimed INTEGER NOT NULL DEFAULT 0"];

const FIRST: &[&str] = &[
    // A removed room stays, since its id is never used again. `version` grows with every change, `synced` is the
    // newest that the room's own object has, `projected` the newest that D1 has. `quiet`: what the object lacks came with a configuration, of which clients are not told.
    "CREATE TABLE room (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, visibility TEXT NOT NULL, write_policy TEXT NOT NULL,
        members TEXT NOT NULL, created INTEGER NOT NULL, removed INTEGER, nonce TEXT NOT NULL,
        quiet INTEGER NOT NULL DEFAULT 0,
        version INTEGER NOT NULL DEFAULT 1, synced INTEGER NOT NULL DEFAULT 0, projected INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID",
    "CREATE INDEX room_untold ON room (id) WHERE synced < version",
    "CREATE INDEX room_unprojected ON room (id) WHERE projected < version",
    "CREATE TABLE member (
        member TEXT NOT NULL, room TEXT NOT NULL, network TEXT NOT NULL, PRIMARY KEY (member, room)
    ) WITHOUT ROWID",
    "CREATE INDEX member_by_room ON member (room)",
    "CREATE INDEX member_by_network ON member (network, room)",
    "CREATE TABLE thread (id TEXT PRIMARY KEY, room TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE dm (
        id TEXT PRIMARY KEY, participants TEXT NOT NULL, created INTEGER NOT NULL, count INTEGER NOT NULL DEFAULT 0,
        last INTEGER NOT NULL, last_offset INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID",
    "CREATE TABLE participant (
        participant TEXT NOT NULL, dm TEXT NOT NULL, PRIMARY KEY (participant, dm)
    ) WITHOUT ROWID",
    "CREATE TABLE agent (
        id TEXT PRIMARY KEY, actor_uid TEXT NOT NULL, name TEXT NOT NULL, credential TEXT NOT NULL,
        expires INTEGER, created INTEGER NOT NULL, updated INTEGER NOT NULL, projected INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID",
    "CREATE INDEX agent_by_credential ON agent (credential)",
    "CREATE INDEX agent_unprojected ON agent (id) WHERE projected = 0",
    // Agents that were removed, until D1 knows.
    "CREATE TABLE gone (id TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE token (
        id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, scopes INTEGER NOT NULL, agents TEXT NOT NULL,
        network TEXT NOT NULL, created INTEGER NOT NULL
    ) WITHOUT ROWID",
    "CREATE TABLE pairing (
        id TEXT PRIMARY KEY, remote_network_id TEXT NOT NULL, remote_network_name TEXT NOT NULL,
        remote_base_url TEXT NOT NULL, status TEXT NOT NULL, token TEXT
    ) WITHOUT ROWID",
    // One row: limits, and totals that they bound.
    "CREATE TABLE total (
        limits TEXT NOT NULL, rooms INTEGER NOT NULL, members INTEGER NOT NULL, agents INTEGER NOT NULL
    )",
    "INSERT INTO total VALUES ('{}', 0, 0, 0)",
    // What was leased ahead of use in the window that began then.
    "CREATE TABLE rate (key TEXT PRIMARY KEY, began INTEGER NOT NULL, leased INTEGER NOT NULL) WITHOUT ROWID",
];

/// What the hub is told.
const NOTICES: &[&str] = &[
    // What the hub must learn, until it knows; the newest stays, so that numbers are never used again. One row says
    // which the hub has.
    "CREATE TABLE notice (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, news TEXT NOT NULL)",
    "CREATE TABLE heard (number INTEGER NOT NULL)",
    "INSERT INTO heard VALUES (0)",
];

const ANSWERS: &[&str] = &[
    // Answers to what is done once alone, by the request's nonce.
    "CREATE TABLE answered (
        nonce TEXT PRIMARY KEY, at INTEGER NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL
    ) WITHOUT ROWID",
];

const LEASES: &[&str] = &[
    // Rooms that may hold leases for posts, and until when. The revision grows each time that leases are recalled.
    "CREATE TABLE leased (room TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE revision (number INTEGER NOT NULL)",
    "INSERT INTO revision VALUES (0)",
];

-- The directory of accounts and agents, projected from their objects for operators' queries.
-- Times are milliseconds since 1970, UTC.
CREATE TABLE account (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE agent (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  name TEXT,
  alias TEXT,
  created_at INTEGER NOT NULL,
  terminated_at INTEGER
) WITHOUT ROWID;

CREATE INDEX agent_by_account ON agent (account, id);

-- The networks' directories, projected from their objects for operators' queries.
-- Times are milliseconds since 1970, UTC. Members are a JSON array.
CREATE TABLE network_room (
  network TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  visibility TEXT NOT NULL,
  write_policy TEXT NOT NULL,
  members TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  removed_at INTEGER,
  version INTEGER NOT NULL,
  PRIMARY KEY (network, id)
) WITHOUT ROWID;

CREATE TABLE network_agent (
  network TEXT NOT NULL,
  id TEXT NOT NULL,
  actor_uid TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (network, id)
) WITHOUT ROWID;

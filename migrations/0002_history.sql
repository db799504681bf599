-- What happened in conversations, projected from their logs: messages, and what rooms, threads and direct
-- conversations became. Times are milliseconds since 1970, UTC; `body` is JSON as clients read it.
CREATE TABLE history (
  conversation TEXT NOT NULL,
  offset INTEGER NOT NULL,
  network TEXT NOT NULL,
  kind TEXT NOT NULL,
  thread TEXT,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (conversation, offset)
) WITHOUT ROWID;

-- Offset of the last entry of each conversation that is here. It moves with the entries.
CREATE TABLE history_mark (
  conversation TEXT PRIMARY KEY,
  offset INTEGER NOT NULL
) WITHOUT ROWID;

CREATE VIEW message AS
SELECT conversation, offset, network, thread, id, at, body ->> '$.from.fqid' AS sender, body
FROM history WHERE kind = 'message.created';

CREATE VIEW artifact AS
SELECT m.conversation, m.offset, m.network, m.thread, m.id AS message, m.at, p.key AS part,
  p.value ->> '$.kind' AS kind, p.value ->> '$.media_type' AS media_type, p.value ->> '$.filename' AS filename,
  p.value ->> '$.url' AS url
FROM message m, json_each(m.body, '$.parts') p
WHERE p.value ->> '$.kind' <> 'text' OR coalesce(p.value ->> '$.url', p.value ->> '$.filename',
  p.value ->> '$.media_type') IS NOT NULL;

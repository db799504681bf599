-- The words of messages, in a database of their own: D1 exports no database with a virtual table.
-- `passage` holds the index alone; its rowid is the document's id, `place` the word that stands for the conversation.
CREATE TABLE document (
  id INTEGER PRIMARY KEY,
  conversation TEXT NOT NULL,
  offset INTEGER NOT NULL
);

CREATE VIRTUAL TABLE passage USING fts5 (
  words, place, content = '', columnsize = 0, tokenize = "unicode61 remove_diacritics 2"
);

-- Offset of the last entry of each conversation that is here. It moves with the entries.
CREATE TABLE mark (
  conversation TEXT PRIMARY KEY,
  offset INTEGER NOT NULL
) WITHOUT ROWID;

-- Rooms that were removed: nothing that was said in them is found any more.
CREATE TABLE removed (conversation TEXT PRIMARY KEY) WITHOUT ROWID;

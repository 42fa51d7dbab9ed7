-- Events that are to be told to programs outside, and how far each of those has come.

-- Rows go from the front only, so that ids and bytes are counted by looking at both ends.
CREATE TABLE outbox (
  id    INTEGER PRIMARY KEY AUTOINCREMENT,
  kind  TEXT    NOT NULL,
  topic TEXT    NOT NULL,
  body  TEXT    NOT NULL,
  at    INTEGER NOT NULL,
  upto  INTEGER NOT NULL  -- bytes of this event and of all that ever were before it
) STRICT;

CREATE TABLE outbox_readers (
  name    TEXT PRIMARY KEY,
  through INTEGER NOT NULL  -- the id of the last event that it needs no more
) STRICT, WITHOUT ROWID;

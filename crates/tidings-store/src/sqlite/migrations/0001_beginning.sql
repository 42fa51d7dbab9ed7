-- Rooms, what was said in them, who has read it, who belongs to them; users and their notifications; snapshots.
-- All times are milliseconds since 1970 in UTC. All texts are UTF-8.

-- A room outlives its messages, so that no sequence number is ever given twice.
CREATE TABLE rooms (
  id             INTEGER PRIMARY KEY,
  name           TEXT    NOT NULL UNIQUE,
  last_seq       INTEGER NOT NULL DEFAULT 0,  -- the last number given, to a message or to a change
  trimmed_seq    INTEGER NOT NULL DEFAULT 0,  -- the highest seq of the messages that were trimmed
  trimmed_change INTEGER NOT NULL DEFAULT 0   -- the highest change_seq of those
) STRICT;

-- By room, so that a page of history is one stretch of the file.
CREATE TABLE messages (
  room              INTEGER NOT NULL,
  seq               INTEGER NOT NULL,
  sender            TEXT    NOT NULL,
  sender_name       TEXT    NOT NULL,
  content           TEXT,                     -- NULL in the tombstone of a deleted message
  at                INTEGER NOT NULL,
  client_message_id TEXT,
  reply_to          TEXT,
  meta              TEXT,
  change_seq        INTEGER,
  change_at         INTEGER,
  change_by         TEXT,
  PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;

-- A retry is not a second message.
CREATE UNIQUE INDEX messages_by_client_id ON messages (sender, client_message_id)
  WHERE client_message_id IS NOT NULL;

CREATE INDEX messages_by_change ON messages (room, change_seq)
  WHERE change_seq IS NOT NULL;

CREATE TABLE receipts (
  room      INTEGER NOT NULL,
  user      TEXT    NOT NULL,
  delivered INTEGER NOT NULL,
  read      INTEGER NOT NULL,
  at        INTEGER NOT NULL,
  PRIMARY KEY (room, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
  room INTEGER NOT NULL,
  user TEXT    NOT NULL,
  PRIMARY KEY (room, user)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_by_user ON members (user, room);

-- A user who was seen, or who was sent a notification, or both.
CREATE TABLE users (
  id                INTEGER PRIMARY KEY,
  user              TEXT    NOT NULL UNIQUE,
  username          TEXT,                     -- NULL until seen, as is last_seen
  last_seen         INTEGER,
  last_notification INTEGER NOT NULL DEFAULT 0,
  unread            INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE notifications (
  user    INTEGER NOT NULL,
  place   INTEGER NOT NULL,
  title   TEXT    NOT NULL,
  body    TEXT    NOT NULL,
  data    TEXT,
  at      INTEGER NOT NULL,
  read_at INTEGER,
  PRIMARY KEY (user, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX notifications_unread ON notifications (user, place)
  WHERE read_at IS NULL;

CREATE TABLE snapshots (
  name  TEXT PRIMARY KEY,
  bytes BLOB NOT NULL
) STRICT, WITHOUT ROWID;

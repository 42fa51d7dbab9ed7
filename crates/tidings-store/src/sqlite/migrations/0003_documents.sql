-- Collaborative documents: what happened to each, one record after the other, and a snapshot that stands for those
-- up to a number. What is in records and snapshots, the store does not know.

-- A deleted document keeps its row, so that whoever comes back to it is not told of another one's past.
CREATE TABLE documents (
  id           INTEGER PRIMARY KEY,
  name         TEXT    NOT NULL UNIQUE,
  last_seq     INTEGER NOT NULL,             -- of its records
  snapshot_seq INTEGER NOT NULL DEFAULT 0,   -- the last one that the snapshot stands for
  bytes        INTEGER NOT NULL DEFAULT 0,   -- of the snapshot and the records since
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  deleted      INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE document_records (
  document INTEGER NOT NULL,
  seq      INTEGER NOT NULL,
  bytes    BLOB    NOT NULL,
  PRIMARY KEY (document, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE document_snapshots (
  document INTEGER PRIMARY KEY,
  bytes    BLOB    NOT NULL
) STRICT;

-- Snapshots that are kept to go back to.
CREATE TABLE document_versions (
  id       INTEGER PRIMARY KEY,
  document INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  seq      INTEGER NOT NULL,
  bytes    BLOB    NOT NULL
) STRICT;

CREATE UNIQUE INDEX document_versions_by_time ON document_versions (document, at);

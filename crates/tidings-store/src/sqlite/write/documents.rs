//! Writing the steps of documents, putting a snapshot in their place, and deleting documents.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::super::{fault::Fault, job::Request, session::Session};
use crate::{Compaction, DocumentRecord, StoreError, Time};

/// A document's row: its id, and the number of its last record.
fn find(connection: &Connection, name: &str) -> rusqlite::Result<Option<(i64, u64)>> {
    connection
        .prepare_cached("SELECT id, last_seq FROM documents WHERE name = ?1")?
        .query_row([name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

impl Request for DocumentRecord {
    type Answer = ();

    fn apply(&self, session: &mut Session<'_>) -> Result<(), Fault> {
        let connection = session.connection;
        let found = find(connection, &self.document)?;
        let last = found.map_or(0, |(_, last)| last);
        if self.seq != last + 1 {
            return Err(Fault::Refused(StoreError::OutOfTurn {
                seq: self.seq,
                last,
            }));
        }
        let id = match found {
            Some((id, _)) => {
                connection
                    .prepare_cached(
                        "UPDATE documents SET last_seq = ?2, bytes = bytes + ?3, updated_at = ?4,
                         created_at = CASE WHEN deleted THEN ?4 ELSE created_at END, deleted = 0
                         WHERE id = ?1",
                    )?
                    .execute(params![id, self.seq, self.bytes.len(), self.at])?;
                id
            }
            None => connection
                .prepare_cached(
                    "INSERT INTO documents (name, last_seq, bytes, created_at, updated_at)
                     VALUES (?1, ?2, ?3, ?4, ?4) RETURNING id",
                )?
                .query_row(
                    params![self.document, self.seq, self.bytes.len(), self.at],
                    |row| row.get(0),
                )?,
        };
        connection
            .prepare_cached(
                "INSERT INTO document_records (document, seq, bytes) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![id, self.seq, self.bytes])?;
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.document.len() + self.bytes.len()
    }
}

impl Request for Compaction {
    type Answer = ();

    fn apply(&self, session: &mut Session<'_>) -> Result<(), Fault> {
        let connection = session.connection;
        let (id, last) =
            find(connection, &self.document)?.ok_or_else(|| no_document(&self.document))?;
        if self.through > last {
            return Err(Fault::Refused(StoreError::OutOfTurn {
                seq: self.through,
                last,
            }));
        }
        put_snapshot(connection, id, &self.snapshot)?;
        connection
            .prepare_cached("DELETE FROM document_records WHERE document = ?1 AND seq <= ?2")?
            .execute(params![id, self.through])?;
        connection
            .prepare_cached(
                "UPDATE documents SET snapshot_seq = ?2, bytes = ?3 +
                   (SELECT coalesce(sum(length(bytes)), 0) FROM document_records
                    WHERE document = ?1)
                 WHERE id = ?1",
            )?
            .execute(params![id, self.through, self.snapshot.len()])?;
        if self.versions > 0 {
            self.keep_version(connection, id)?;
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.document.len() + self.snapshot.len()
    }
}

impl Compaction {
    fn keep_version(&self, connection: &Connection, id: i64) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO document_versions (document, at, seq, bytes) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (document, at) DO UPDATE SET seq = excluded.seq, bytes = excluded.bytes",
            )?
            .execute(params![id, self.at, self.through, self.snapshot])?;
        connection
            .prepare_cached(
                "DELETE FROM document_versions WHERE id IN (SELECT id FROM document_versions
                 WHERE document = ?1 ORDER BY at DESC LIMIT -1 OFFSET ?2)",
            )?
            .execute(params![id, self.versions])?;
        Ok(())
    }
}

fn put_snapshot(connection: &Connection, id: i64, bytes: &[u8]) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO document_snapshots (document, bytes) VALUES (?1, ?2)
             ON CONFLICT (document) DO UPDATE SET bytes = excluded.bytes",
        )?
        .execute(params![id, bytes])?;
    Ok(())
}

fn no_document(name: &str) -> Fault {
    Fault::Refused(StoreError::NotFound {
        what: "document",
        id: name.to_owned(),
    })
}

/// Delete a document, of which only that snapshot remains.
#[derive(Debug)]
pub(in super::super) struct DeleteDocument {
    pub(in super::super) document: Arc<str>,
    pub(in super::super) remains: Vec<u8>,
    pub(in super::super) at: Time,
}

impl Request for DeleteDocument {
    type Answer = bool;

    fn apply(&self, session: &mut Session<'_>) -> Result<bool, Fault> {
        let connection = session.connection;
        let deleted = connection
            .prepare_cached(
                "UPDATE documents SET deleted = 1, snapshot_seq = last_seq, bytes = ?2,
                 updated_at = ?3 WHERE name = ?1 AND NOT deleted RETURNING id",
            )?
            .query_row(params![self.document, self.remains.len(), self.at], |row| {
                row.get::<_, i64>(0)
            })
            .optional()?;
        let Some(id) = deleted else {
            return Ok(false);
        };
        for sql in [
            "DELETE FROM document_records WHERE document = ?1",
            "DELETE FROM document_versions WHERE document = ?1",
        ] {
            connection.prepare_cached(sql)?.execute([id])?;
        }
        put_snapshot(connection, id, &self.remains)?;
        Ok(true)
    }

    fn bytes(&self) -> usize {
        self.document.len() + self.remains.len()
    }
}

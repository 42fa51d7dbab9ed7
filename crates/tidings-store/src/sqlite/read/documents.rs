//! Documents: what is needed to load one, which there are, and their versions.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::fault::Fault;
use crate::{DocumentRow, DocumentVersion, StoredDocument, Time, limits::PAGE_MAX};

/// A document.
pub(in super::super) fn document(
    connection: &Connection,
    name: &str,
) -> Result<Option<StoredDocument>, Fault> {
    let found = connection
        .prepare_cached(
            "SELECT id, snapshot_seq, last_seq, deleted, updated_at,
               (SELECT max(at) FROM document_versions WHERE document = documents.id)
             FROM documents WHERE name = ?1",
        )?
        .query_row([name], |row| {
            let document = StoredDocument {
                snapshot: None,
                records: Vec::new(),
                last_seq: row.get(2)?,
                deleted: row.get(3)?,
                updated_at: row.get(4)?,
                last_version: row.get(5)?,
            };
            Ok((row.get::<_, i64>(0)?, row.get::<_, u64>(1)?, document))
        })
        .optional()?;
    let Some((id, snapshot_seq, mut document)) = found else {
        return Ok(None);
    };
    document.snapshot = connection
        .prepare_cached("SELECT bytes FROM document_snapshots WHERE document = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    document.records = connection
        .prepare_cached(
            "SELECT bytes FROM document_records WHERE document = ?1 AND seq > ?2 ORDER BY seq",
        )?
        .query_map(params![id, snapshot_seq], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Some(document))
}

/// The documents that there are.
pub(in super::super) fn documents(
    connection: &Connection,
    after: &str,
    limit: usize,
) -> Result<Vec<DocumentRow>, Fault> {
    let rows = connection
        .prepare_cached(
            "SELECT name, bytes, created_at, updated_at FROM documents
             WHERE name > ?1 AND NOT deleted ORDER BY name LIMIT ?2",
        )?
        .query_map(params![after, limit.min(PAGE_MAX)], |row| {
            Ok(DocumentRow {
                document: row.get(0)?,
                bytes: row.get(1)?,
                created_at: row.get(2)?,
                updated_at: row.get(3)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// The versions that are kept of a document.
pub(in super::super) fn versions(
    connection: &Connection,
    name: &str,
) -> Result<Vec<DocumentVersion>, Fault> {
    let versions = connection
        .prepare_cached(
            "SELECT at, seq FROM document_versions
             WHERE document = (SELECT id FROM documents WHERE name = ?1)
             ORDER BY at DESC LIMIT ?2",
        )?
        .query_map(params![name, PAGE_MAX], |row| {
            Ok(DocumentVersion {
                at: row.get(0)?,
                seq: row.get(1)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(versions)
}

/// The version that a document had at some time.
pub(in super::super) fn version(
    connection: &Connection,
    name: &str,
    at: Time,
) -> Result<Option<Vec<u8>>, Fault> {
    let bytes = connection
        .prepare_cached(
            "SELECT bytes FROM document_versions
             WHERE document = (SELECT id FROM documents WHERE name = ?1) AND at <= ?2
             ORDER BY at DESC LIMIT 1",
        )?
        .query_row(params![name, at], |row| row.get(0))
        .optional()?;
    Ok(bytes)
}

//! How far users have come in a room.

use rusqlite::{Connection, params};

use super::super::fault::Fault;
use crate::{ReceiptRow, limits::RECEIPTS_MAX};

/// The receipts of a room, latest first.
pub(in super::super) fn receipts(
    connection: &Connection,
    room: &str,
) -> Result<Vec<ReceiptRow>, Fault> {
    let rows = connection
        .prepare_cached(
            "SELECT user, delivered, read, at FROM receipts
             WHERE room = (SELECT id FROM rooms WHERE name = ?1)
             ORDER BY at DESC, user LIMIT ?2",
        )?
        .query_map(params![room, RECEIPTS_MAX], |row| {
            Ok(ReceiptRow {
                user: row.get(0)?,
                delivered: row.get(1)?,
                read: row.get(2)?,
                at: row.get(3)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

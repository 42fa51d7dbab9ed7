//! Events that wait in the outbox.

use rusqlite::{Connection, params};

use super::super::{fault::Fault, row::MAX};
use crate::OutboxEvent;

/// The events after a number, at most so many and so many bytes of them, one in any case.
pub(in super::super) fn events(
    connection: &Connection,
    after: u64,
    most: usize,
    most_bytes: usize,
) -> Result<Vec<OutboxEvent>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, kind, topic, body, at FROM outbox WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let mut rows = statement.query(params![after.min(MAX), most])?;
    let mut events = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let event = OutboxEvent {
            number: row.get(0)?,
            kind: row.get(1)?,
            topic: row.get(2)?,
            body: row.get(3)?,
            at: row.get(4)?,
        };
        bytes += event.body.len();
        if bytes > most_bytes && !events.is_empty() {
            break;
        }
        events.push(event);
    }
    Ok(events)
}

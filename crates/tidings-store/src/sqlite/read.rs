//! The reads: functions over a connection, each called in a transaction of its own.

pub(super) mod documents;
pub(super) mod members;
pub(super) mod messages;
pub(super) mod notifications;
pub(super) mod outbox;
pub(super) mod receipts;
pub(super) mod trim;
pub(super) mod users;

use rusqlite::Connection;

use super::fault::Fault;

/// Reads something, to see whether that works.
pub(super) fn check(connection: &Connection) -> Result<(), Fault> {
    connection
        .prepare_cached("SELECT id FROM rooms LIMIT 1")?
        .exists([])?;
    Ok(())
}

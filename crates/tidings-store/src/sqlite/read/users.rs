//! Users who have been seen.

use rusqlite::{Connection, OptionalExtension};

use super::super::fault::Fault;
use crate::UserRow;

/// Those of these users who have been seen.
pub(in super::super) fn users(
    connection: &Connection,
    ids: &[String],
) -> Result<Vec<UserRow>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT user, username, last_seen FROM users WHERE user = ?1 AND last_seen IS NOT NULL",
    )?;
    let mut users = Vec::new();
    for id in ids {
        let user = statement
            .query_row([id], |row| {
                Ok(UserRow {
                    id: row.get(0)?,
                    username: row.get(1)?,
                    last_seen: row.get(2)?,
                })
            })
            .optional()?;
        users.extend(user);
    }
    Ok(users)
}

//! Who is a member of what.

use rusqlite::{Connection, Params, params};

use super::super::{fault::Fault, row::MAX};
use crate::limits::ROOMS_MAX;

/// Whether a user is a member of a room.
pub(in super::super) fn is_member(
    connection: &Connection,
    room: &str,
    user: &str,
) -> Result<bool, Fault> {
    let found = connection
        .prepare_cached(
            "SELECT 1 FROM members
             WHERE room = (SELECT id FROM rooms WHERE name = ?1) AND user = ?2",
        )?
        .exists(params![room, user])?;
    Ok(found)
}

/// The members of a room.
pub(in super::super) fn members(
    connection: &Connection,
    room: &str,
    limit: usize,
) -> Result<Vec<String>, Fault> {
    let limit = MAX.min(limit as u64);
    texts(
        connection,
        "SELECT user FROM members
         WHERE room = (SELECT id FROM rooms WHERE name = ?1) ORDER BY user LIMIT ?2",
        params![room, limit],
    )
}

/// The rooms of a user.
pub(in super::super) fn rooms_of(
    connection: &Connection,
    user: &str,
) -> Result<Vec<String>, Fault> {
    texts(
        connection,
        "SELECT rooms.name FROM members JOIN rooms ON rooms.id = members.room
         WHERE members.user = ?1 ORDER BY rooms.name LIMIT ?2",
        params![user, ROOMS_MAX],
    )
}

fn texts(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<String>, Fault> {
    let texts = connection
        .prepare_cached(sql)?
        .query_map(params, |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(texts)
}

//! Who is a member of what.

use rusqlite::{Connection, Params, params};

use super::super::{fault::Fault, row::MAX};
use crate::{MemberRoom, limits::ROOMS_MAX};

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

/// The rooms of a user, and how far they and the user have come.
pub(in super::super) fn rooms_of(
    connection: &Connection,
    user: &str,
) -> Result<Vec<MemberRoom>, Fault> {
    let rooms = connection
        .prepare_cached(
            "SELECT rooms.name, rooms.last_seq, COALESCE(receipts.read, 0)
             FROM members JOIN rooms ON rooms.id = members.room
             LEFT JOIN receipts ON receipts.room = members.room AND receipts.user = members.user
             WHERE members.user = ?1 ORDER BY rooms.name LIMIT ?2",
        )?
        .query_map(params![user, ROOMS_MAX], |row| {
            Ok(MemberRoom {
                room: row.get(0)?,
                last_seq: row.get(1)?,
                read: row.get(2)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rooms)
}

fn texts(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<String>, Fault> {
    let texts = connection
        .prepare_cached(sql)?
        .query_map(params, |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(texts)
}

//! Pages of a room, and what has happened in it since.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Params, params};

use super::super::{
    fault::Fault,
    row::{self, MAX, MESSAGE},
};
use crate::{History, Message, Page, Since, limits::PAGE_MAX};

/// A room, and where its clock and its beginning are.
struct Room {
    id: u64,
    name: Arc<str>,
    last_seq: u64,
    trimmed_seq: u64,
    trimmed_change: u64,
}

impl Room {
    fn find(connection: &Connection, name: &str) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached(
                "SELECT id, last_seq, trimmed_seq, trimmed_change FROM rooms WHERE name = ?1",
            )?
            .query_row([name], |row| {
                Ok(Self {
                    id: row.get(0)?,
                    name: name.into(),
                    last_seq: row.get(1)?,
                    trimmed_seq: row.get(2)?,
                    trimmed_change: row.get(3)?,
                })
            })
            .optional()
    }

    /// Its messages that the rest of a statement selects.
    fn messages(
        &self,
        connection: &Connection,
        rest: &str,
        params: impl Params,
    ) -> rusqlite::Result<Vec<Message>> {
        connection
            .prepare_cached(&format!("SELECT {MESSAGE} FROM messages {rest}"))?
            .query_map(params, |it| row::message(it, self.id, &self.name))?
            .collect()
    }
}

/// A page of a room.
pub(in super::super) fn history(
    connection: &Connection,
    room: &str,
    page: Page,
) -> Result<History, Fault> {
    let Some(room) = Room::find(connection, room)? else {
        return Ok(History::default());
    };
    let limit = page.limit.min(PAGE_MAX);
    let forwards = page.after.is_some();
    let order = if forwards { "ASC" } else { "DESC" };
    let mut messages = room.messages(
        connection,
        &format!("WHERE room = ?1 AND seq > ?2 AND seq < ?3 ORDER BY seq {order} LIMIT ?4"),
        params![
            room.id,
            page.after.unwrap_or(0).min(MAX),
            page.before.unwrap_or(MAX).min(MAX),
            limit + 1,
        ],
    )?;
    let has_more = messages.len() > limit;
    messages.truncate(limit);
    if !forwards {
        messages.reverse();
    }
    Ok(History {
        messages,
        has_more,
        last_seq: room.last_seq,
        trimmed_seq: room.trimmed_seq,
    })
}

/// What has happened in a room after a sequence number.
pub(in super::super) fn since(
    connection: &Connection,
    room: &str,
    after: u64,
    limit: usize,
) -> Result<Since, Fault> {
    let Some(room) = Room::find(connection, room)? else {
        return Ok(Since {
            complete: after == 0,
            ..Since::default()
        });
    };
    let limit = limit.min(PAGE_MAX);
    // Whoever claims to be ahead of the room has a number that is not this room's.
    let ahead = after > room.last_seq;
    let from = if ahead { 0 } else { after };
    // What was changed and then trimmed is missed too, though the change itself is not seen here.
    let trimmed = after < room.trimmed_seq.max(room.trimmed_change);

    let mut messages = room.messages(
        connection,
        "WHERE room = ?1 AND seq > ?2 ORDER BY seq DESC LIMIT ?3",
        params![room.id, from, limit + 1],
    )?;
    let mut changed = if ahead {
        Vec::new()
    } else {
        room.messages(
            connection,
            "WHERE room = ?1 AND seq <= ?2 AND change_seq > ?2 ORDER BY change_seq DESC LIMIT ?3",
            params![room.id, after, limit + 1],
        )?
    };
    let too_many = messages.len() > limit || changed.len() > limit;
    for list in [&mut messages, &mut changed] {
        list.truncate(limit);
        list.reverse();
    }
    Ok(Since {
        messages,
        changed,
        last_seq: room.last_seq,
        complete: !(ahead || trimmed || too_many),
    })
}

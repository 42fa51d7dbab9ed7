//! How values and rows are kept in SQLite.

use std::sync::Arc;

use rusqlite::{
    Row,
    types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef},
};

use crate::{Change, Message, Notification, Time, id::Id};

/// The highest number that SQLite keeps. Numbers from clients are brought down to it.
pub(super) const MAX: u64 = i64::MAX.unsigned_abs();

impl ToSql for Time {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_millis().into())
    }
}

impl FromSql for Time {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self::from_millis)
    }
}

/// The columns of a message, in the order in which [`message`] reads them.
pub(super) const MESSAGE: &str = "seq, sender, sender_name, content, at, client_message_id, \
                                  reply_to, meta, change_seq, change_at, change_by";

/// Reads a message of this room.
pub(super) fn message(row: &Row<'_>, list: u64, room: &Arc<str>) -> rusqlite::Result<Message> {
    let seq = row.get(0)?;
    let content: Option<String> = row.get(3)?;
    let changed = match row.get(8)? {
        None => None,
        Some(seq) => Some(Change {
            seq,
            at: row.get(9)?,
            by: row.get(10)?,
        }),
    };
    Ok(Message {
        message_id: Id { list, place: seq }.to_string(),
        room: Arc::clone(room),
        seq,
        sender: row.get(1)?,
        sender_name: row.get(2)?,
        deleted: content.is_none(),
        content,
        at: row.get(4)?,
        client_message_id: row.get(5)?,
        reply_to: row.get(6)?,
        meta: row.get(7)?,
        changed,
    })
}

/// The columns of a notification, in the order in which [`notification`] reads them.
pub(super) const NOTIFICATION: &str = "place, title, body, data, at, read_at";

/// Reads a notification of this user.
pub(super) fn notification(row: &Row<'_>, list: u64) -> rusqlite::Result<Notification> {
    let id = Id {
        list,
        place: row.get(0)?,
    };
    Ok(Notification {
        id: id.to_string(),
        title: row.get(1)?,
        body: row.get(2)?,
        data: row.get(3)?,
        at: row.get(4)?,
        read_at: row.get(5)?,
    })
}

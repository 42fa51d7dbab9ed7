//! Notifications of a user.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::{
    fault::Fault,
    row::{self, MAX, NOTIFICATION},
};
use crate::{NotificationQuery, Notifications, StoreError, id::Id, limits::PAGE_MAX};

/// A page of a user's notifications, newest first.
pub(in super::super) fn notifications(
    connection: &Connection,
    user: &str,
    query: &NotificationQuery,
) -> Result<Notifications, Fault> {
    let found: Option<(u64, u64, u64)> = connection
        .prepare_cached("SELECT id, unread, last_notification FROM users WHERE user = ?1")?
        .query_row([user], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let (user, unread, last) = found.unwrap_or_default();
    let before = match &query.before {
        None => MAX,
        Some(name) => {
            Id::parse(name)
                .filter(|it| it.list == user && it.place <= last)
                .ok_or_else(|| Fault::Refused(StoreError::no_notification(name)))?
                .place
        }
    };
    let unread_only = if query.unread_only {
        "AND read_at IS NULL"
    } else {
        ""
    };
    let notifications = connection
        .prepare_cached(&format!(
            "SELECT {NOTIFICATION} FROM notifications
             WHERE user = ?1 AND place < ?2 {unread_only} ORDER BY place DESC LIMIT ?3"
        ))?
        .query_map(params![user, before, query.limit.min(PAGE_MAX)], |it| {
            row::notification(it, user)
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Notifications {
        notifications,
        unread,
    })
}

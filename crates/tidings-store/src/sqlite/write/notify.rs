//! Storing a notification.

use rusqlite::{OptionalExtension, params};

use super::super::{
    fault::Fault,
    job::Request,
    row::{self, NOTIFICATION},
    session::Session,
};
use crate::{NewNotification, Notification, Notified, id::Id};

impl Request for NewNotification {
    type Answer = Notified;

    fn apply(&self, session: &mut Session<'_>) -> Result<Notified, Fault> {
        if let Some(first) = first(self, session)? {
            return Ok(first);
        }
        let (id, unread) = session
            .connection
            .prepare_cached(
                "INSERT INTO users (user, last_notification, unread) VALUES (?1, 1, 1)
                 ON CONFLICT (user) DO UPDATE
                 SET last_notification = last_notification + 1, unread = unread + 1
                 RETURNING id, last_notification, unread",
            )?
            .query_row([&self.user], |row| {
                let id = Id {
                    list: row.get(0)?,
                    place: row.get(1)?,
                };
                Ok((id, row.get(2)?))
            })?;
        session
            .connection
            .prepare_cached(
                "INSERT INTO notifications (user, place, title, body, data, at, sent_as)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                id.list, id.place, self.title, self.body, self.data, self.at, self.key
            ])?;
        Ok(Notified {
            notification: Notification {
                id: id.to_string(),
                title: self.title.to_string(),
                body: self.body.to_string(),
                data: self.data.as_deref().map(str::to_owned),
                at: self.at,
                read_at: None,
            },
            unread,
            duplicate: false,
        })
    }

    fn bytes(&self) -> usize {
        let optional = [&self.data, &self.key].into_iter().flatten();
        let always = [&self.user, &self.title, &self.body].into_iter();
        always.chain(optional).map(|it| it.len()).sum()
    }
}

/// The notification that was sent to the user under this key before.
fn first(new: &NewNotification, session: &Session<'_>) -> rusqlite::Result<Option<Notified>> {
    let Some(key) = &new.key else {
        return Ok(None);
    };
    let user: Option<(u64, u64)> = session
        .connection
        .prepare_cached("SELECT id, unread FROM users WHERE user = ?1")?
        .query_row([&new.user], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((user, unread)) = user else {
        return Ok(None);
    };
    session
        .connection
        .prepare_cached(&format!(
            "SELECT {NOTIFICATION} FROM notifications WHERE user = ?1 AND sent_as = ?2"
        ))?
        .query_row(params![user, key], |row| {
            Ok(Notified {
                notification: row::notification(row, user)?,
                unread,
                duplicate: true,
            })
        })
        .optional()
}

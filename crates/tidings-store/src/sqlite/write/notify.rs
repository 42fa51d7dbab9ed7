//! Storing a notification.

use rusqlite::params;

use super::super::{fault::Fault, job::Request, session::Session};
use crate::{NewNotification, Notification, Notified, id::Id};

impl Request for NewNotification {
    type Answer = Notified;

    fn apply(&self, session: &mut Session<'_>) -> Result<Notified, Fault> {
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
                "INSERT INTO notifications (user, place, title, body, data, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                id.list, id.place, self.title, self.body, self.data, self.at
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
        })
    }

    fn bytes(&self) -> usize {
        let data = self.data.as_ref().map_or(0, |it| it.len());
        self.user.len() + self.title.len() + self.body.len() + data
    }
}

//! Noting that a user has read notifications.

use rusqlite::{OptionalExtension, params};

use super::super::{fault::Fault, job::Request, session::Session};
use crate::{NotificationsRead, ReadIds, Time, id::Id};

/// A user has read notifications.
#[derive(Debug)]
pub(in super::super) struct ReadNotifications {
    pub(in super::super) user: Box<str>,
    pub(in super::super) ids: ReadIds,
    pub(in super::super) at: Time,
}

impl Request for ReadNotifications {
    type Answer = NotificationsRead;

    fn apply(&self, session: &mut Session<'_>) -> Result<NotificationsRead, Fault> {
        let found: Option<(u64, u64)> = session
            .connection
            .prepare_cached("SELECT id, unread FROM users WHERE user = ?1")?
            .query_row([&self.user], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((user, unread)) = found else {
            return Ok(NotificationsRead::default());
        };
        let read = match &self.ids {
            ReadIds::All => self.read_all(session, user)?,
            ReadIds::Ids(ids) => self.read_some(session, user, ids)?,
        };
        let unread = unread.saturating_sub(read.len() as u64);
        if !read.is_empty() {
            session
                .connection
                .prepare_cached("UPDATE users SET unread = ?2 WHERE id = ?1")?
                .execute(params![user, unread])?;
        }
        let read = NotificationsRead { read, unread };
        if !read.read.is_empty() {
            session.announce(|it| it.notifications_read(&self.user, &read, self.at))?;
        }
        Ok(read)
    }

    fn bytes(&self) -> usize {
        let ids = match &self.ids {
            ReadIds::All => 0,
            ReadIds::Ids(ids) => ids.iter().map(String::len).sum(),
        };
        self.user.len() + ids
    }
}

impl ReadNotifications {
    fn read_all(&self, session: &Session<'_>, user: u64) -> rusqlite::Result<Vec<String>> {
        let mut places = session
            .connection
            .prepare_cached(
                "UPDATE notifications SET read_at = ?2 WHERE user = ?1 AND read_at IS NULL
                 RETURNING place",
            )?
            .query_map(params![user, self.at], |row| row.get(0))?
            .collect::<rusqlite::Result<Vec<u64>>>()?;
        // Rows that an update returns come in no particular order.
        places.sort_unstable();
        let name = |place| Id { list: user, place }.to_string();
        Ok(places.into_iter().map(name).collect())
    }

    fn read_some(
        &self,
        session: &Session<'_>,
        user: u64,
        ids: &[String],
    ) -> rusqlite::Result<Vec<String>> {
        let mut statement = session.connection.prepare_cached(
            "UPDATE notifications SET read_at = ?3
             WHERE user = ?1 AND place = ?2 AND read_at IS NULL",
        )?;
        let mut read = Vec::new();
        for id in ids {
            let place = Id::parse(id).filter(|it| it.list == user);
            if let Some(Id { place, .. }) = place
                && statement.execute(params![user, place, self.at])? == 1
            {
                read.push(id.clone());
            }
        }
        Ok(read)
    }
}

//! Noting that a user was there.

use rusqlite::params;

use super::super::{fault::Fault, job::Request, session::Session};
use crate::Time;

/// A user was there.
#[derive(Debug)]
pub(in super::super) struct Seen {
    pub(in super::super) user: Box<str>,
    pub(in super::super) username: Box<str>,
    pub(in super::super) at: Time,
}

impl Request for Seen {
    type Answer = ();

    fn apply(&self, session: &mut Session<'_>) -> Result<(), Fault> {
        session
            .connection
            .prepare_cached(
                "INSERT INTO users (user, username, last_seen) VALUES (?1, ?2, ?3)
                 ON CONFLICT (user) DO UPDATE
                 SET username = excluded.username, last_seen = excluded.last_seen
                 WHERE last_seen IS NULL OR last_seen <= excluded.last_seen",
            )?
            .execute(params![self.user, self.username, self.at])?;
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.user.len() + self.username.len()
    }
}

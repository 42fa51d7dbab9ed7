//! Making a user a member of a room, or not.

use std::sync::Arc;

use rusqlite::params;

use super::super::{fault::Fault, job::Request, session::Session};

/// A user is a member of a room, or is not.
#[derive(Debug)]
pub(in super::super) struct SetMember {
    pub(in super::super) room: Arc<str>,
    pub(in super::super) user: Box<str>,
    pub(in super::super) member: bool,
}

impl Request for SetMember {
    type Answer = bool;

    fn apply(&self, session: &mut Session<'_>) -> Result<bool, Fault> {
        let (room, sql) = if self.member {
            let sql = "INSERT INTO members (room, user) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            (Some(session.room_or_new(&self.room)?), sql)
        } else {
            let sql = "DELETE FROM members WHERE room = ?1 AND user = ?2";
            (session.room(&self.room)?, sql)
        };
        let Some(room) = room else {
            return Ok(false);
        };
        let changed = session
            .connection
            .prepare_cached(sql)?
            .execute(params![room.id, self.user])?;
        Ok(changed == 1)
    }

    fn bytes(&self) -> usize {
        self.room.len() + self.user.len()
    }
}

//! Editing and deleting a message.

use rusqlite::{OptionalExtension, params};

use super::super::{
    fault::Fault,
    job::Request,
    row::{self, MESSAGE},
    session::Session,
};
use crate::{Amended, Amendment, AmendmentKind, Change, StoreError, id::Id};

impl Request for Amendment {
    type Answer = Amended;

    fn apply(&self, session: &mut Session<'_>) -> Result<Amended, Fault> {
        let not_found = || Fault::Refused(StoreError::no_message(&self.message_id));
        let id = Id::parse(&self.message_id).ok_or_else(not_found)?;
        let room = session.room(&self.room)?.ok_or_else(not_found)?;
        if room.id != id.list {
            return Err(not_found());
        }
        let mut message = session
            .connection
            .prepare_cached(&format!(
                "SELECT {MESSAGE} FROM messages WHERE room = ?1 AND seq = ?2"
            ))?
            .query_row(params![room.id, id.place], |it| {
                row::message(it, room.id, &self.room)
            })
            .optional()?
            .filter(|it| !it.deleted)
            .ok_or_else(not_found)?;
        if !self.moderator && *message.sender != *self.by {
            return Err(Fault::Refused(StoreError::Forbidden));
        }

        let seq = room.last_seq + 1;
        match &self.kind {
            AmendmentKind::Edit { content } => message.content = Some(content.to_string()),
            AmendmentKind::Delete => {
                message.content = None;
                message.meta = None;
                message.deleted = true;
            }
        }
        message.changed = Some(Change {
            seq,
            at: self.at,
            by: self.by.to_string(),
        });
        session
            .connection
            .prepare_cached(
                "UPDATE messages
                 SET content = ?3, meta = ?4, change_seq = ?5, change_at = ?6, change_by = ?7
                 WHERE room = ?1 AND seq = ?2",
            )?
            .execute(params![
                room.id,
                id.place,
                message.content,
                message.meta,
                seq,
                self.at,
                self.by,
            ])?;
        session.tick(&self.room);
        let amended = Amended { seq, message };
        session.announce(|it| it.amended(&amended))?;
        Ok(amended)
    }

    fn bytes(&self) -> usize {
        let content = match &self.kind {
            AmendmentKind::Edit { content } => content.len(),
            AmendmentKind::Delete => 0,
        };
        self.room.len() + self.message_id.len() + self.by.len() + content
    }
}

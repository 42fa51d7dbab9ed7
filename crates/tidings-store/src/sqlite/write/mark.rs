//! Noting how far a user has come in a room.

use rusqlite::{OptionalExtension, params};

use super::super::{fault::Fault, job::Request, session::Session};
use crate::{Mark, MarkKind, Marked};

impl Request for Mark {
    type Answer = Marked;

    fn apply(&self, session: &mut Session<'_>) -> Result<Marked, Fault> {
        let nothing = Marked {
            advanced: false,
            seq: 0,
        };
        let Some(room) = session.room(&self.room)? else {
            return Ok(nothing);
        };
        let (delivered, read): (u64, u64) = session
            .connection
            .prepare_cached("SELECT delivered, read FROM receipts WHERE room = ?1 AND user = ?2")?
            .query_row(params![room.id, self.user], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?
            .unwrap_or_default();
        let so_far = match self.kind {
            MarkKind::Delivered => delivered,
            MarkKind::Read => read,
        };
        let seq = self.seq.min(room.last_seq);
        if seq <= so_far {
            return Ok(Marked {
                advanced: false,
                seq: so_far,
            });
        }
        let read = match self.kind {
            MarkKind::Delivered => read,
            MarkKind::Read => seq,
        };
        session
            .connection
            .prepare_cached(
                "INSERT INTO receipts (room, user, delivered, read, at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (room, user) DO UPDATE
                 SET delivered = excluded.delivered, read = excluded.read, at = excluded.at",
            )?
            .execute(params![
                room.id,
                self.user,
                delivered.max(seq),
                read,
                self.at
            ])?;
        Ok(Marked {
            advanced: true,
            seq,
        })
    }

    fn bytes(&self) -> usize {
        self.room.len() + self.user.len()
    }
}

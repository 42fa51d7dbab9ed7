//! Storing a message.

use rusqlite::params;

use super::super::{fault::Fault, job::Request, session::Session};
use crate::{Appended, NewMessage, id::Id};

impl Request for NewMessage {
    type Answer = Appended;

    fn apply(&self, session: &mut Session<'_>) -> Result<Appended, Fault> {
        let room = session.room_or_new(&self.room)?;
        let seq = room.last_seq + 1;
        let inserted = session
            .connection
            .prepare_cached(
                "INSERT INTO messages (room, seq, sender, sender_name, content, at,
                                       client_message_id, reply_to, meta)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                 ON CONFLICT (sender, client_message_id) WHERE client_message_id IS NOT NULL
                 DO NOTHING",
            )?
            .execute(params![
                room.id,
                seq,
                self.sender,
                self.sender_name,
                self.content,
                self.at,
                self.client_message_id,
                self.reply_to,
                self.meta,
            ])?;
        if inserted == 0 {
            return Ok(first(self, session)?);
        }
        session.tick(&self.room);
        let id = Id {
            list: room.id,
            place: seq,
        };
        let appended = Appended {
            message_id: id.to_string(),
            seq,
            at: self.at,
            duplicate: false,
            room: self.room.clone(),
        };
        session.announce(|it| it.appended(self, &appended))?;
        Ok(appended)
    }

    fn bytes(&self) -> usize {
        let optional = [&self.client_message_id, &self.reply_to, &self.meta];
        let always = [&self.room, &self.sender, &self.sender_name, &self.content];
        let optional = optional.into_iter().flatten();
        always.into_iter().chain(optional).map(|it| it.len()).sum()
    }
}

/// The message that the sender has given this name before.
fn first(message: &NewMessage, session: &Session<'_>) -> rusqlite::Result<Appended> {
    session
        .connection
        .prepare_cached(
            "SELECT messages.room, messages.seq, messages.at, rooms.name
             FROM messages JOIN rooms ON rooms.id = messages.room
             WHERE messages.sender = ?1 AND messages.client_message_id = ?2",
        )?
        .query_row(params![message.sender, message.client_message_id], |row| {
            let id = Id {
                list: row.get(0)?,
                place: row.get(1)?,
            };
            Ok(Appended {
                message_id: id.to_string(),
                seq: id.place,
                at: row.get(2)?,
                duplicate: true,
                room: row.get(3)?,
            })
        })
}

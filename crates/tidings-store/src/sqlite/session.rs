//! A transaction of the writer, as a write sees it: the connection, and the clocks of rooms.
//!
//! Owned by the writer's thread alone.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use rustc_hash::FxHashMap;

use super::outbox::Outbox;
use crate::{Announcer, OutboxEntry};

/// A room in the database, and how far its clock has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Its row.
    pub(super) id: u64,
    /// The last sequence number that was given.
    pub(super) last_seq: u64,
}

/// The clocks of rooms that were written to lately.
///
/// They run ahead of the database during a transaction: [`Session::store_clocks`] writes those
/// that have moved, once each however many messages a room got, and a transaction that fails
/// takes all of them out of memory ([`Clocks::forget`]).
#[derive(Debug)]
pub(super) struct Clocks {
    rooms: FxHashMap<Arc<str>, Room>,
    moved: Vec<Arc<str>>,
    max: usize,
}

impl Clocks {
    pub(super) fn new(max: usize) -> Self {
        Self {
            rooms: FxHashMap::default(),
            moved: Vec::new(),
            max,
        }
    }

    /// Forgets everything, since the database no longer agrees.
    pub(super) fn forget(&mut self) {
        self.rooms.clear();
        self.moved.clear();
    }

    /// Makes room for those that the next transaction will add, by forgetting all: the rooms in
    /// use come back at the price of one look-up each, and nothing is kept for choosing better.
    fn bound(&mut self) {
        if self.rooms.len() > self.max {
            self.forget();
        }
    }
}

/// A transaction of the writer.
#[derive(Debug)]
pub(super) struct Session<'a> {
    /// Where to write.
    pub(super) connection: &'a Connection,
    clocks: &'a mut Clocks,
    /// What goes to programs outside.
    pub(super) outbox: &'a mut Outbox,
}

impl<'a> Session<'a> {
    /// For a transaction that has just begun.
    pub(super) fn new(
        connection: &'a Connection,
        clocks: &'a mut Clocks,
        outbox: &'a mut Outbox,
    ) -> Self {
        clocks.bound();
        Self {
            connection,
            clocks,
            outbox,
        }
    }

    /// Puts the event into the outbox that the announcer has for what was written, if any.
    pub(super) fn announce(
        &mut self,
        event: impl FnOnce(&dyn Announcer) -> Option<OutboxEntry>,
    ) -> rusqlite::Result<()> {
        let event = self.outbox.announcer.as_deref().and_then(event);
        if let Some(event) = event {
            self.outbox.put(self.connection, &event)?;
        }
        Ok(())
    }

    /// The room of this name, if there is one.
    pub(super) fn room(&mut self, name: &Arc<str>) -> rusqlite::Result<Option<Room>> {
        if let Some(room) = self.clocks.rooms.get(name) {
            return Ok(Some(*room));
        }
        let found = self
            .connection
            .prepare_cached("SELECT id, last_seq FROM rooms WHERE name = ?1")?
            .query_row([name], |row| {
                Ok(Room {
                    id: row.get(0)?,
                    last_seq: row.get(1)?,
                })
            })
            .optional()?;
        if let Some(room) = found {
            self.clocks.rooms.insert(Arc::clone(name), room);
        }
        Ok(found)
    }

    /// The room of this name, which comes into being if there is none.
    pub(super) fn room_or_new(&mut self, name: &Arc<str>) -> rusqlite::Result<Room> {
        if let Some(room) = self.room(name)? {
            return Ok(room);
        }
        let id = self
            .connection
            .prepare_cached("INSERT INTO rooms (name) VALUES (?1) RETURNING id")?
            .query_row([name], |row| row.get(0))?;
        let room = Room { id, last_seq: 0 };
        self.clocks.rooms.insert(Arc::clone(name), room);
        Ok(room)
    }

    /// Notes that the number after the last one of this room was given.
    pub(super) fn tick(&mut self, name: &Arc<str>) {
        if let Some(room) = self.clocks.rooms.get_mut(name) {
            room.last_seq += 1;
            self.clocks.moved.push(Arc::clone(name));
        }
    }

    /// Writes the clocks that have moved. To be called once, before the commit.
    pub(super) fn store_clocks(&mut self) -> rusqlite::Result<()> {
        let moved = &mut self.clocks.moved;
        moved.sort_unstable();
        moved.dedup();
        let mut statement = self
            .connection
            .prepare_cached("UPDATE rooms SET last_seq = ?2 WHERE id = ?1")?;
        for name in moved.drain(..) {
            let room = self.clocks.rooms[&name];
            statement.execute(params![room.id, room.last_seq])?;
        }
        Ok(())
    }
}

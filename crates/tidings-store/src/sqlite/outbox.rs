//! The outbox as the writer sees it: its two ends, its bound, and what goes in with a write.
//!
//! Owned by the writer's thread alone. The ends run ahead of the database during a transaction,
//! as the clocks of rooms do, and a transaction that fails takes them out of memory.

use std::sync::{Arc, atomic::Ordering};

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::watch;

use super::counters::Counters;
use crate::{Announcer, OutboxEntry};

/// Of how many parts of the bound one is freed at once when the outbox is full.
const PARTS: u64 = 64;

/// The outbox of a store.
#[derive(Debug)]
pub(super) struct Outbox {
    pub(super) announcer: Option<Arc<dyn Announcer>>,
    max: u64,
    max_bytes: u64,
    /// Not known before the first look, and after a transaction has failed.
    ends: Option<Ends>,
    /// Events that had to go, or were not taken, in this transaction.
    dropped: u64,
    /// The last number that was given.
    end: watch::Sender<u64>,
}

/// Where the outbox begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ends {
    /// The number of the first event, or of the next one if there is none.
    first: u64,
    next: u64,
    /// Bytes of all that ever were before the first event.
    before: u64,
    /// Bytes of all that ever were.
    upto: u64,
    /// Whether there is anybody to keep events for.
    has_readers: bool,
}

impl Ends {
    fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let last: Option<u64> = connection
            .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")?
            .query_row([], |row| row.get(0))
            .optional()?;
        let end = |order: &str| {
            connection
                .prepare_cached(&format!(
                    "SELECT id, upto, octet_length(kind) + octet_length(topic) + octet_length(body)
                     FROM outbox ORDER BY id {order} LIMIT 1"
                ))?
                .query_row([], |row| {
                    let (upto, bytes): (u64, u64) = (row.get(1)?, row.get(2)?);
                    Ok((row.get(0)?, upto, upto - bytes))
                })
                .optional()
        };
        let next = last.unwrap_or(0) + 1;
        let (first, _, before) = end("ASC")?.unwrap_or((next, 0, 0));
        let (_, upto, _): (u64, _, _) = end("DESC")?.unwrap_or((0, 0, 0));
        let has_readers = connection
            .prepare_cached("SELECT 1 FROM outbox_readers LIMIT 1")?
            .exists([])?;
        Ok(Self {
            first,
            next,
            before,
            upto,
            has_readers,
        })
    }

    fn len(&self) -> u64 {
        self.next - self.first
    }

    fn bytes(&self) -> u64 {
        self.upto - self.before
    }
}

impl Outbox {
    pub(super) fn new(
        announcer: Option<Arc<dyn Announcer>>,
        max: u64,
        max_bytes: u64,
    ) -> (Self, watch::Receiver<u64>) {
        let (end, ended) = watch::channel(0);
        let outbox = Self {
            announcer,
            max: max.max(1),
            max_bytes,
            ends: None,
            dropped: 0,
            end,
        };
        (outbox, ended)
    }

    /// Looks where the outbox ends, so that it is known before the first write.
    pub(super) fn look(&mut self, connection: &Connection, counters: &Counters) {
        // Should it fail, so will the first write, which has somebody to tell.
        if self.ends(connection).is_ok() {
            self.committed(counters);
        }
    }

    /// Forgets everything, since the database no longer agrees.
    pub(super) fn forget(&mut self) {
        self.ends = None;
        self.dropped = 0;
    }

    /// What was done in the transaction holds: tells whoever reads.
    pub(super) fn committed(&mut self, counters: &Counters) {
        let Some(ends) = self.ends else {
            return;
        };
        let Counters {
            outbox_length,
            outbox_bytes,
            outbox_dropped,
            ..
        } = counters;
        outbox_length.store(ends.len(), Ordering::Relaxed);
        outbox_bytes.store(ends.bytes(), Ordering::Relaxed);
        outbox_dropped.fetch_add(std::mem::take(&mut self.dropped), Ordering::Relaxed);
        let last = ends.next - 1;
        self.end.send_if_modified(|it| {
            let moved = *it != last;
            *it = last;
            moved
        });
    }

    fn ends(&mut self, connection: &Connection) -> rusqlite::Result<&mut Ends> {
        let ends = match self.ends {
            Some(ends) => ends,
            None => Ends::read(connection)?,
        };
        Ok(self.ends.insert(ends))
    }

    /// Puts an event in. When there is no room, events that are expendable are left out, and for
    /// others the oldest go. Says whether it is in.
    pub(super) fn put(
        &mut self,
        connection: &Connection,
        entry: &OutboxEntry,
    ) -> rusqlite::Result<bool> {
        let (max, max_bytes) = (self.max, self.max_bytes);
        let bytes = entry.bytes() as u64;
        let ends = *self.ends(connection)?;
        if !ends.has_readers {
            return Ok(false);
        }
        if entry.expendable && (ends.len() >= max / 2 || ends.bytes() + bytes > max_bytes / 2) {
            self.dropped += 1;
            return Ok(false);
        }
        let full =
            |ends: &Ends| ends.len() >= max || (ends.len() > 0 && ends.bytes() + bytes > max_bytes);
        while full(self.ends(connection)?) {
            let removed = self.remove(connection, u64::MAX, (max / PARTS).max(1))?;
            self.dropped += removed;
        }
        let ends = self.ends(connection)?;
        connection
            .prepare_cached(
                "INSERT INTO outbox (id, kind, topic, body, at, upto)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                ends.next,
                entry.kind,
                entry.topic,
                entry.body,
                entry.at,
                ends.upto + bytes
            ])?;
        ends.next += 1;
        ends.upto += bytes;
        Ok(true)
    }

    /// Removes events up to that number from the front, at most so many. Says how many.
    fn remove(
        &mut self,
        connection: &Connection,
        through: u64,
        most: u64,
    ) -> rusqlite::Result<u64> {
        let ends = self.ends(connection)?;
        let past = ends
            .next
            .min(through.saturating_add(1))
            .min(ends.first.saturating_add(most));
        if past <= ends.first {
            return Ok(0);
        }
        ends.before = connection
            .prepare_cached("SELECT upto FROM outbox WHERE id = ?1")?
            .query_row([past - 1], |row| row.get(0))?;
        connection
            .prepare_cached("DELETE FROM outbox WHERE id < ?1")?
            .execute([past])?;
        let removed = past - ends.first;
        ends.first = past;
        if ends.len() == 0 {
            // As it is read of a table that has no rows.
            (ends.before, ends.upto) = (0, 0);
        }
        Ok(removed)
    }

    /// Removes events that no reader needs any more, at most so many. Says how many.
    pub(super) fn settle(&mut self, connection: &Connection, most: u64) -> rusqlite::Result<u64> {
        let through: Option<u64> = connection
            .prepare_cached("SELECT min(through) FROM outbox_readers")?
            .query_row([], |row| row.get(0))?;
        self.remove(connection, through.unwrap_or(u64::MAX), most)
    }

    /// These are the readers from now on. Those that are new begin at the end. Gives how far each
    /// has come.
    pub(super) fn set_readers(
        &mut self,
        connection: &Connection,
        names: &[String],
    ) -> rusqlite::Result<Vec<u64>> {
        let last = self.ends(connection)?.next - 1;
        let mut known = connection.prepare_cached("SELECT name FROM outbox_readers")?;
        let known: Vec<String> = known
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for gone in known.iter().filter(|it| !names.contains(it)) {
            connection
                .prepare_cached("DELETE FROM outbox_readers WHERE name = ?1")?
                .execute([gone])?;
        }
        let mut cursors = Vec::new();
        for name in names {
            connection
                .prepare_cached(
                    "INSERT INTO outbox_readers (name, through) VALUES (?1, ?2)
                     ON CONFLICT (name) DO NOTHING",
                )?
                .execute(params![name, last])?;
            let cursor = connection
                .prepare_cached("SELECT through FROM outbox_readers WHERE name = ?1")?
                .query_row([name], |row| row.get(0))?;
            cursors.push(cursor);
        }
        self.ends(connection)?.has_readers = !names.is_empty();
        Ok(cursors)
    }
}

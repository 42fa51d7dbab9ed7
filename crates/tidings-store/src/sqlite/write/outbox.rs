//! Putting events into the outbox, and taking out what its readers have.

use rusqlite::params;

use super::super::{fault::Fault, job::Request, session::Session};
use crate::OutboxEntry;

/// Events that one step removes at most, so that it holds up other writes for a few milliseconds.
pub(in super::super) const STEP: u64 = 1_000;

/// An event that belongs to no other write. Says whether it was taken.
#[derive(Debug)]
pub(in super::super) struct Announce(pub(in super::super) OutboxEntry);

impl Request for Announce {
    type Answer = bool;

    fn apply(&self, session: &mut Session<'_>) -> Result<bool, Fault> {
        Ok(session.outbox.put(session.connection, &self.0)?)
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// Who reads the outbox from now on. Says how far each has come.
#[derive(Debug)]
pub(in super::super) struct SetReaders(pub(in super::super) Vec<String>);

impl Request for SetReaders {
    type Answer = Vec<u64>;

    fn apply(&self, session: &mut Session<'_>) -> Result<Vec<u64>, Fault> {
        Ok(session.outbox.set_readers(session.connection, &self.0)?)
    }

    fn bytes(&self) -> usize {
        0
    }
}

/// A reader needs nothing any more up to a number. Says how many events nobody needed.
#[derive(Debug)]
pub(in super::super) struct Pass {
    pub(in super::super) reader: Box<str>,
    pub(in super::super) through: u64,
}

impl Request for Pass {
    type Answer = u64;

    fn apply(&self, session: &mut Session<'_>) -> Result<u64, Fault> {
        session
            .connection
            .prepare_cached(
                "UPDATE outbox_readers SET through = ?2 WHERE name = ?1 AND through < ?2",
            )?
            .execute(params![self.reader, self.through])?;
        Ok(session.outbox.settle(session.connection, STEP)?)
    }

    fn bytes(&self) -> usize {
        0
    }
}

/// Removes what nobody needs. Says how many events that were.
#[derive(Debug)]
pub(in super::super) struct Settle;

impl Request for Settle {
    type Answer = u64;

    fn apply(&self, session: &mut Session<'_>) -> Result<u64, Fault> {
        Ok(session.outbox.settle(session.connection, STEP)?)
    }

    fn bytes(&self) -> usize {
        0
    }
}

//! The writer: one thread that owns the only connection which writes.
//!
//! It takes all that waits, up to the size of a batch, and commits it in one transaction, since a
//! commit costs as much for one write as for hundreds. While it waits for the disk, the next
//! batch gathers; nothing is ever held back to make a batch larger.

use std::{
    fs::File,
    slice,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use rusqlite::Connection;
use tokio::sync::mpsc;

use super::{
    counters::Counters,
    job::Job,
    outbox::Outbox,
    outcomes::Outcomes,
    queue::Queue,
    session::{Clocks, Session},
};
use crate::StoreError;

/// What the writer's thread owns.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) clocks: Clocks,
    pub(super) outbox: Outbox,
    pub(super) queue: Arc<Queue>,
    /// Writes in a transaction, at most.
    pub(super) batch: usize,
    /// Bounded, so that the writer waits for a runtime that does not come to hand out outcomes.
    pub(super) outcomes: mpsc::Sender<Outcomes>,
    pub(super) counters: Arc<Counters>,
    /// Held until the database is closed.
    pub(super) lock: Option<File>,
}

/// Closes the queue when the writer is gone, even by a panic: nothing may wait for it then.
struct Gone(Arc<Queue>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.close();
        while self.0.take(usize::MAX).is_some() {}
    }
}

/// Why a transaction was not committed.
enum Failure {
    /// One of its writes failed it.
    Write(rusqlite::Error),
    /// It could not begin or end.
    Transaction(rusqlite::Error),
}

impl Writer {
    /// Writes until the queue is closed and empty, then lets go of the database.
    pub(super) fn run(mut self) {
        let _gone = Gone(Arc::clone(&self.queue));
        self.outbox.look(&self.connection, &self.counters);
        while let Some(mut jobs) = self.queue.take(self.batch) {
            self.commit(&mut jobs);
            // Without a runtime there is nobody left to be told.
            let _ = self.outcomes.blocking_send(Outcomes::Of(jobs));
        }
        let end = leave(self.connection).map_err(StoreError::backend);
        // Before anybody hears of the end, so that whoever waits for it can open the file.
        drop(self.lock);
        let _ = self.outcomes.blocking_send(Outcomes::Last(end));
    }

    /// Commits all of them, in one transaction if possible.
    fn commit(&mut self, jobs: &mut [Box<dyn Job>]) {
        match self.transaction(jobs) {
            Ok(()) => {}
            // So that one write which cannot be done fails nobody else's.
            Err(Failure::Write(_)) if jobs.len() > 1 => {
                for job in jobs {
                    if let Err(failure) = self.transaction(slice::from_mut(job)) {
                        self.fail(slice::from_mut(job), failure);
                    }
                }
            }
            Err(failure) => self.fail(jobs, failure),
        }
    }

    fn fail(&self, jobs: &mut [Box<dyn Job>], failure: Failure) {
        let (Failure::Write(error) | Failure::Transaction(error)) = failure;
        if !self.counters.failing.load(Ordering::Relaxed) {
            tracing::error!(%error, "writes fail");
        }
        self.counters.failed(jobs.len());
        let error = StoreError::backend(error);
        for job in jobs {
            job.fail(error.clone());
        }
    }

    /// Does all of them in one transaction, or nothing.
    fn transaction(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        let began = Instant::now();
        let done = self.try_transaction(jobs);
        if done.is_err() {
            // Some errors have rolled it back already.
            if !self.connection.is_autocommit()
                && let Err(error) = self.connection.execute_batch("ROLLBACK")
            {
                tracing::error!(%error, "a transaction could not be rolled back");
            }
            self.clocks.forget();
            self.outbox.forget();
        }
        self.counters.timed(began.elapsed());
        if done.is_ok() {
            self.counters.committed(jobs.len());
            self.outbox.committed(&self.counters);
        }
        done
    }

    fn try_transaction(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        execute(&self.connection, "BEGIN IMMEDIATE").map_err(Failure::Transaction)?;
        let mut session = Session::new(&self.connection, &mut self.clocks, &mut self.outbox);
        for job in jobs {
            job.apply(&mut session).map_err(Failure::Write)?;
        }
        session.store_clocks().map_err(Failure::Transaction)?;
        execute(&self.connection, "COMMIT").map_err(Failure::Transaction)
    }
}

/// Brings what is in the log into the database, and closes it.
fn leave(connection: Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection.close().map_err(|(_, error)| error)
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

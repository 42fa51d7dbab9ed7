//! The readers: a few connections that only read, used on the threads for blocking work.
//!
//! A read is one transaction, so that its statements see the same state. In the write-ahead mode
//! of SQLite, readers and the writer do not wait for each other.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{counters::Counters, fault::Fault};
use crate::StoreError;

/// Connections that only read.
pub(super) struct Readers {
    /// As many permits as connections; closed when the store is.
    turns: Arc<Semaphore>,
    idle: Arc<Idle>,
    waiting: AtomicUsize,
    max_waiting: usize,
    counters: Arc<Counters>,
}

/// The connections that nobody uses now, until the store is closed.
type Idle = Mutex<Option<Vec<Connection>>>;

/// Gives a connection back, even if the read has panicked.
struct Borrowed {
    connection: Option<Connection>,
    idle: Arc<Idle>,
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        // Once the store is closed it is not put back, so that it does not stay open.
        if let Some(idle) = &mut *self.idle.lock() {
            idle.extend(self.connection.take());
        }
    }
}

/// Counts a read among those that wait, for as long as it does.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Readers {
    pub(super) fn new(
        connections: Vec<Connection>,
        max_waiting: usize,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(connections.len())),
            idle: Arc::new(Mutex::new(Some(connections))),
            waiting: AtomicUsize::new(0),
            max_waiting,
            counters,
        }
    }

    /// Does a read when it is its turn.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = {
            let waiting = Waiting(&self.waiting);
            if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.max_waiting {
                return Err(StoreError::Overloaded);
            }
            let turn = Arc::clone(&self.turns).acquire_owned().await;
            drop(waiting);
            turn.map_err(|_| StoreError::Closed)?
        };
        let borrowed = Borrowed {
            connection: self.idle.lock().as_mut().and_then(Vec::pop),
            idle: Arc::clone(&self.idle),
        };
        let counters = Arc::clone(&self.counters);
        let work = tokio::task::spawn_blocking(move || {
            let connection = borrowed.connection.as_ref().ok_or(StoreError::Closed)?;
            let began = Instant::now();
            let answer = in_transaction(connection, read);
            counters.read(began.elapsed());
            // The connection goes back before whoever waits for it may go on.
            drop(borrowed);
            drop(turn);
            answer.map_err(StoreError::from)
        });
        // It ends without an answer if it panicked, or if the runtime is ending.
        work.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Closes the connections; those in use when they have done what they do.
    pub(super) fn close(&self) {
        self.turns.close();
        let idle = self.idle.lock().take();
        // Not before the lock is released, since it makes system calls.
        drop(idle);
    }
}

/// Reads in a transaction, which ends by itself should the read panic.
fn in_transaction<T>(
    connection: &Connection,
    read: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let transaction = connection.unchecked_transaction()?;
    let answer = read(&transaction)?;
    transaction.finish()?;
    Ok(answer)
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers")
            .field("free", &self.turns.available_permits())
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

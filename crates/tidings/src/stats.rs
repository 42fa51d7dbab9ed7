//! Counters of a server, for whatever exports metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a server has counted since its start.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Connections that were opened, whatever their transport.
    pub connections_opened: Counter,
    /// Connections that were refused.
    pub connections_refused: Counter,
    /// Bytes read from upgraded sockets.
    pub bytes_in: Counter,
    /// Messages appended to outboxes by broadcasts.
    pub deliveries: Counter,
    /// Connections closed because their outbox was full.
    pub outbox_overflows: Counter,
    /// Volatile messages that were dropped because a client could not take them at once.
    pub volatile_dropped: Counter,
    /// Connections closed because a heartbeat was not answered.
    pub ping_timeouts: Counter,
    /// Sessions that were recovered after a disconnection.
    pub sessions_recovered: Counter,
    /// Sessions that asked to be recovered and could not.
    pub sessions_lost: Counter,
    /// Handlers that panicked; the client's connection goes on.
    pub handler_panics: Counter,
}

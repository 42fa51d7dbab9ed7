//! Counters of a server, for whatever exports metrics.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// Threads that count at the same time without sharing a cache line.
const STRIPES: usize = 8;

#[derive(Debug, Default)]
#[repr(align(64))]
struct Stripe(AtomicU64);

/// A number that only grows. Each thread adds to a cell of its own, since all of them count all
/// the time and few ask.
#[derive(Debug, Default)]
pub struct Counter([Stripe; STRIPES]);

thread_local! {
    static STRIPE: Cell<Option<usize>> = const { Cell::new(None) };
}

fn stripe() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    STRIPE.get().unwrap_or_else(|| {
        let stripe = NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES;
        STRIPE.set(Some(stripe));
        stripe
    })
}

impl Counter {
    /// Adds to it.
    pub fn add(&self, n: u64) {
        self.0[stripe()].0.fetch_add(n, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0
            .iter()
            .map(|stripe| stripe.0.load(Ordering::Relaxed))
            .sum()
    }
}

/// How many clients are connected, by how they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transports {
    /// By Engine.IO, and so by Socket.IO, over polling or WebSocket.
    pub engine: usize,
    /// By plain WebSocket.
    pub websocket: usize,
    /// By Server-Sent Events.
    pub event_stream: usize,
    /// By long-polling in JSON.
    pub long_poll: usize,
    /// For one command, which is not yet answered.
    pub rpc: usize,
}

/// What waits to be written to clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queued {
    /// Bytes for all of them.
    pub bytes: usize,
    /// Bytes for the one that has most to read.
    pub largest: usize,
}

/// What a server has counted since its start.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Connections that were opened, whatever their transport.
    pub connections_opened: Counter,
    /// Connections that were refused.
    pub connections_refused: Counter,
    /// Bytes that clients have sent: from upgraded sockets as they came, without what TLS adds, and
    /// the bodies of requests.
    pub bytes_in: Counter,
    /// Bytes that clients were sent, counted alike.
    pub bytes_out: Counter,
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

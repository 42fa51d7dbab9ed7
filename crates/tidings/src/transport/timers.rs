//! Deadlines: one wheel a shard instead of a timer a connection.
//!
//! A connection stands in the wheel once, at its earliest deadline. Deadlines that move later,
//! as heartbeats do all the time, are not touched: the entry fires, finds that it is early, and
//! is put where it belongs now.

use std::{
    collections::BTreeMap,
    sync::Weak,
    time::{Duration, Instant},
};

use super::connection::Connection;

/// How exactly deadlines are kept.
pub(crate) const TICK: Duration = Duration::from_millis(20);

/// Connections by the tick of their earliest deadline.
#[derive(Debug)]
pub(crate) struct Wheel {
    origin: Instant,
    slots: BTreeMap<u64, Vec<Weak<Connection>>>,
}

impl Wheel {
    pub(crate) fn new() -> Self {
        Self { origin: Instant::now(), slots: BTreeMap::new() }
    }

    /// The tick in which `at` has certainly passed.
    pub(crate) fn tick(&self, at: Instant) -> u64 {
        let elapsed = at.saturating_duration_since(self.origin);
        u64::try_from(elapsed.as_millis() / TICK.as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    pub(crate) fn insert(&mut self, tick: u64, connection: Weak<Connection>) {
        self.slots.entry(tick).or_default().push(connection);
    }

    /// Takes out everything whose tick has come.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<(u64, Vec<Weak<Connection>>)> {
        let tick = self.tick(now);
        let mut due = Vec::new();
        while let Some(entry) = self.slots.first_entry() {
            if *entry.key() >= tick {
                break;
            }
            due.push(entry.remove_entry());
        }
        due
    }
}

/// The deadlines of one connection.
#[derive(Debug)]
pub(crate) struct Timers {
    /// The tick of the one entry in the wheel that counts; any other is a leftover.
    pub(crate) scheduled: u64,
    pub(crate) heartbeat: Heartbeat,
    /// A unit that the peer began has to be complete by then.
    pub(crate) partial: Option<Instant>,
    /// The peer has to have introduced itself by then.
    pub(crate) introduction: Option<Instant>,
    /// A closing connection is cut then, whatever the peer does.
    pub(crate) cut: Option<Instant>,
}

impl Timers {
    pub(crate) fn new(first_ping: Instant) -> Self {
        Self {
            scheduled: u64::MAX,
            heartbeat: Heartbeat::Idle { ping_at: first_ping },
            partial: None,
            introduction: None,
            cut: None,
        }
    }

    /// The earliest of them.
    pub(crate) fn next(&self) -> Instant {
        let heartbeat = match self.heartbeat {
            Heartbeat::Idle { ping_at } => ping_at,
            Heartbeat::Pinged { pong_by, .. } => pong_by,
        };
        [self.partial, self.introduction, self.cut]
            .into_iter()
            .flatten()
            .fold(heartbeat, Instant::min)
    }
}

/// Server-to-client heartbeat (Engine.IO 4): a ping after the interval, a pong within the timeout.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Heartbeat {
    Idle {
        ping_at: Instant,
    },
    Pinged {
        pong_by: Instant,
        /// Whether another packet has already bought the peer more time for this ping.
        extended: bool,
    },
}

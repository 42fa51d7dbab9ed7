//! What a connection that batches is still to be sent: items that become one message together.
//!
//! It belongs to the outbox of its connection and is under the same lock. Items count against the
//! same bound as what waits there already. What a message of several items looks like is for
//! whoever asked for batches to say. One task at most keeps the interval of a connection; it ends
//! when nothing is gathered, and with the connection.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::frame::Frame;

/// Makes one message of items of the same subject, of which there is one at least.
pub(crate) type Compose = fn(&[Arc<Frame>]) -> Frame;

/// Items of so many bytes go at once: a longer message saves nothing, and would count against a
/// client that reads as fast as it may.
const BYTES_MAX: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct Gathering {
    size: usize,
    interval: Duration,
    compose: Compose,
    /// Bytes that go at once.
    bytes_max: usize,
    items: Vec<Arc<Frame>>,
    bytes: usize,
    /// When the first of the items came.
    since: Instant,
    /// A task keeps the interval.
    is_timed: bool,
    /// Ends that task.
    stop: DropGuard,
}

/// The interval that a new task has to keep.
#[derive(Debug)]
pub(crate) struct Interval {
    pub(crate) ends: Instant,
    /// Nothing is gathered any more.
    pub(crate) stop: CancellationToken,
}

impl Gathering {
    /// For an outbox of so many bytes.
    pub(crate) fn new(compose: Compose, outbox_bytes: usize) -> Self {
        Self {
            size: 1,
            interval: Duration::ZERO,
            compose,
            bytes_max: BYTES_MAX.min(outbox_bytes / 4),
            items: Vec::new(),
            bytes: 0,
            since: Instant::now(),
            is_timed: false,
            stop: CancellationToken::new().drop_guard(),
        }
    }

    /// Gathers up to `size` items, for no longer than `interval`.
    pub(crate) fn set(&mut self, size: usize, interval: Duration) {
        self.size = size.max(1);
        self.interval = interval;
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether an item can stand in one message with those that are here.
    pub(crate) fn suits(&self, item: &Frame) -> bool {
        let last = self.items.last();
        last.is_none_or(|last| last.subject() == item.subject())
    }

    /// Takes an item. Says whether the connection has to be flushed for it, which either sends
    /// what is complete or starts the task that keeps the interval.
    pub(crate) fn add(&mut self, item: Arc<Frame>) -> bool {
        if self.items.is_empty() {
            self.since = Instant::now();
        }
        self.bytes += item.len();
        self.items.push(item);
        self.is_complete() || !self.is_timed
    }

    fn is_complete(&self) -> bool {
        self.items.len() >= self.size || self.bytes >= self.bytes_max
    }

    /// The next message that is complete.
    pub(crate) fn take_complete(&mut self) -> Option<Frame> {
        if !self.is_complete() {
            return None;
        }
        let mut bytes = 0;
        let count = self.items.iter().take(self.size).position(|item| {
            bytes += item.len();
            bytes >= self.bytes_max
        });
        let count = count.map_or(self.size, |last| last + 1);
        Some(self.take(count))
    }

    /// One message of everything that is here.
    pub(crate) fn take_all(&mut self) -> Option<Frame> {
        (!self.items.is_empty()).then(|| self.take(self.items.len()))
    }

    fn take(&mut self, count: usize) -> Frame {
        let message = (self.compose)(&self.items[..count]);
        self.items.drain(..count);
        self.bytes = self.items.iter().map(|item| item.len()).sum();
        self.since = Instant::now();
        message
    }

    /// The interval that nobody keeps yet, and that the caller has to keep.
    pub(crate) fn start_interval(&mut self) -> Option<Interval> {
        if self.is_timed || self.items.is_empty() {
            return None;
        }
        self.is_timed = true;
        Some(Interval {
            ends: self.ends(),
            stop: self.stop.token().clone(),
        })
    }

    /// The end of the interval that goes on, for the task that keeps it; `None` when it has ended,
    /// and the task with it.
    pub(crate) fn go_on(&mut self) -> Option<Instant> {
        let ends = self.ends();
        self.is_timed = !self.items.is_empty() && ends > Instant::now();
        self.is_timed.then_some(ends)
    }

    fn ends(&self) -> Instant {
        // Longer than anybody waits, where the clock cannot count so far.
        let far = Duration::from_secs(365 * 24 * 3600);
        self.since + self.interval.min(far)
    }
}

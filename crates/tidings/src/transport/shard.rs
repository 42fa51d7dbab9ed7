//! A delivery shard: the task that writes what was queued for its connections.
//!
//! Whoever publishes appends to outboxes and names the connections that became dirty; the shard
//! then writes each of them **once**, with everything that has gathered meanwhile. The first
//! message goes out at once, and under load batches form by themselves: while a pass is writing,
//! publishers fill the next.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::MissedTickBehavior};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    connection::Connection,
    timers::{TICK, Wheel},
};

/// Writes between two yields to the runtime; `try_write` does not count against a task's budget.
const WRITES_PER_TURN: usize = 64;

#[derive(Debug)]
pub(crate) struct Shard {
    dirty: Mutex<Vec<Arc<Connection>>>,
    wake: Notify,
    wheel: Mutex<Wheel>,
}

impl Shard {
    fn new() -> Self {
        Self {
            dirty: Mutex::default(),
            wake: Notify::new(),
            wheel: Mutex::new(Wheel::new()),
        }
    }

    /// Takes over connections whose outbox has just become dirty.
    pub(crate) fn flush_soon(&self, connections: impl IntoIterator<Item = Arc<Connection>>) {
        self.dirty.lock().extend(connections);
        self.wake.notify_one();
    }

    /// Puts the connection into the wheel, unless it stands there early enough already.
    pub(crate) fn schedule(&self, connection: &Arc<Connection>, at: Instant) {
        let mut wheel = self.wheel.lock();
        let tick = wheel.tick(at);
        if connection.reschedule(tick) {
            wheel.insert(tick, Arc::downgrade(connection));
        }
    }

    async fn write(self: Arc<Self>) {
        loop {
            self.wake.notified().await;
            loop {
                // Whatever is ready to run may publish too: it goes first, into the same writes.
                tokio::task::yield_now().await;
                let batch = std::mem::take(&mut *self.dirty.lock());
                if batch.is_empty() {
                    break;
                }
                for (written, connection) in batch.into_iter().enumerate() {
                    connection.flush();
                    if written % WRITES_PER_TURN == WRITES_PER_TURN - 1 {
                        tokio::task::yield_now().await;
                    }
                }
            }
        }
    }

    async fn tick(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            let now = Instant::now();
            let due = self.wheel.lock().take_due(now);
            for (tick, connections) in due {
                for connection in connections.iter().filter_map(Weak::upgrade) {
                    if let Some(next) = connection.fire(tick, now) {
                        self.schedule(&connection, next);
                    }
                }
            }
        }
    }
}

/// The shards of a server. A connection belongs to one for life.
#[derive(Debug)]
pub(crate) struct Shards {
    shards: Box<[Arc<Shard>]>,
    next: AtomicUsize,
}

impl Shards {
    pub(crate) fn new(count: usize) -> Self {
        Self {
            shards: (0..count.max(1)).map(|_| Arc::new(Shard::new())).collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// Starts the tasks; they end with the token.
    pub(crate) fn spawn(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        for shard in &self.shards {
            tasks.spawn(
                stop.clone()
                    .run_until_cancelled_owned(Arc::clone(shard).write()),
            );
            tasks.spawn(
                stop.clone()
                    .run_until_cancelled_owned(Arc::clone(shard).tick()),
            );
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.len()
    }

    /// The shard of the next connection, and its index.
    pub(crate) fn assign(&self) -> (usize, Arc<Shard>) {
        let index = self.next.fetch_add(1, Ordering::Relaxed) % self.shards.len();
        (index, Arc::clone(&self.shards[index]))
    }
}

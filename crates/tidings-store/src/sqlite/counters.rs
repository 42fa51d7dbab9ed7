//! What an SQLite store counts. Plain atomics: nothing is decided by them.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use crate::StoreStats;

/// The counters of a store.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) overloaded: AtomicU64,
    pub(super) commits: AtomicU64,
    pub(super) writes: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) largest_batch: AtomicUsize,
    /// In nanoseconds, as all times here.
    pub(super) commit_time: AtomicU64,
    pub(super) longest_commit: AtomicU64,
    pub(super) reads: AtomicU64,
    pub(super) read_time: AtomicU64,
    pub(super) panics: AtomicU64,
    pub(super) outbox_length: AtomicU64,
    pub(super) outbox_bytes: AtomicU64,
    pub(super) outbox_dropped: AtomicU64,
    /// Whether the last transaction failed.
    pub(super) failing: AtomicBool,
}

impl Counters {
    /// Counts the time of a transaction.
    pub(super) fn timed(&self, time: Duration) {
        self.commit_time.fetch_add(nanos(time), Ordering::Relaxed);
        self.longest_commit
            .fetch_max(nanos(time), Ordering::Relaxed);
    }

    /// Counts a transaction of so many writes that was committed.
    pub(super) fn committed(&self, writes: usize) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.writes.fetch_add(writes as u64, Ordering::Relaxed);
        self.largest_batch.fetch_max(writes, Ordering::Relaxed);
        self.failing.store(false, Ordering::Relaxed);
    }

    /// Counts writes that failed.
    pub(super) fn failed(&self, writes: usize) {
        self.failures.fetch_add(writes as u64, Ordering::Relaxed);
        self.failing.store(true, Ordering::Relaxed);
    }

    /// Counts a read.
    pub(super) fn read(&self, time: Duration) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.read_time.fetch_add(nanos(time), Ordering::Relaxed);
    }

    /// All of them, with this many writes and bytes in the queue.
    pub(super) fn stats(&self, (queue_length, queue_bytes): (usize, usize)) -> StoreStats {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StoreStats {
            queue_length,
            queue_bytes,
            overloaded: load(&self.overloaded),
            commits: load(&self.commits),
            writes: load(&self.writes),
            failures: load(&self.failures),
            largest_batch: self.largest_batch.load(Ordering::Relaxed),
            commit_time: Duration::from_nanos(load(&self.commit_time)),
            longest_commit: Duration::from_nanos(load(&self.longest_commit)),
            reads: load(&self.reads),
            read_time: Duration::from_nanos(load(&self.read_time)),
            panics: load(&self.panics),
            outbox_length: load(&self.outbox_length),
            outbox_bytes: load(&self.outbox_bytes),
            outbox_dropped: load(&self.outbox_dropped),
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

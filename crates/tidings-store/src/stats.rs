//! What a store counts, for metrics.

use std::time::Duration;

/// Counters and gauges of a store. Counters begin at zero when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreStats {
    /// Writes that wait for their commit now.
    pub queue_length: usize,
    /// Bytes of text in those.
    pub queue_bytes: usize,
    /// Writes that were refused because too much was waiting.
    pub overloaded: u64,
    /// Transactions that were committed.
    pub commits: u64,
    /// Writes that were done, in those transactions.
    pub writes: u64,
    /// Writes that the database failed.
    pub failures: u64,
    /// The most writes that one transaction had.
    pub largest_batch: usize,
    /// Time spent on transactions, from the first statement to the commit, failed ones included.
    pub commit_time: Duration,
    /// The longest that one transaction took.
    pub longest_commit: Duration,
    /// Reads that were done.
    pub reads: u64,
    /// Time spent on reads, without waiting for their turn.
    pub read_time: Duration,
    /// Outcomes whose recipient panicked.
    pub panics: u64,
    /// Events that wait in the outbox now.
    pub outbox_length: u64,
    /// Bytes of text in those.
    pub outbox_bytes: u64,
    /// Events that the outbox had no room for: the oldest that had to go, and expendable ones
    /// that were not taken.
    pub outbox_dropped: u64,
}

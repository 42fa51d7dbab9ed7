//! What webhooks count, for metrics. Plain atomics: nothing is decided by them.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

/// The upper bounds of the buckets of a [`Latency`], in milliseconds; above the last one is a
/// bucket without a bound.
pub(crate) const BOUNDS: [u64; 10] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000];

/// How long answers took: how many of them in each bucket, and all together.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

/// A [`Latency`] at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LatencyStats {
    /// Answers in each bucket by itself.
    pub(crate) buckets: [u64; BOUNDS.len() + 1],
    /// All answers together.
    pub(crate) sum: Duration,
}

impl Latency {
    /// An answer took that long.
    pub(crate) fn took(&self, time: Duration) {
        let bucket = BOUNDS
            .iter()
            .position(|bound| time <= Duration::from_millis(*bound))
            .unwrap_or(BOUNDS.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    fn read(&self) -> LatencyStats {
        LatencyStats {
            buckets: self.buckets.each_ref().map(load),
            sum: Duration::from_micros(load(&self.micros)),
        }
    }
}

/// Counters of the requests to one backend.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    /// Requests that were answered well.
    pub(crate) succeeded: AtomicU64,
    /// Requests that were not.
    pub(crate) failed: AtomicU64,
    /// Requests that were not made, since too many were open or the breaker was.
    pub(crate) refused: AtomicU64,
    /// Events that were delivered.
    pub(crate) delivered: AtomicU64,
    /// Events that have to be sent again.
    pub(crate) retried: AtomicU64,
    /// Whether the breaker is open.
    pub(crate) open: AtomicBool,
    /// How long answers took, good or not.
    pub(crate) latency: Latency,
}

/// The counters of one backend at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackendStats {
    /// What it is called in the settings: the name of an endpoint, the pattern of commands, or
    /// `authorize`.
    pub(crate) name: String,
    /// What is asked of it.
    pub(crate) role: Role,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) refused: u64,
    pub(crate) delivered: u64,
    pub(crate) retried: u64,
    /// Events in the outbox that it does not have yet.
    pub(crate) queued: u64,
    pub(crate) open: bool,
    pub(crate) latency: LatencyStats,
}

/// What a backend is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It is told events.
    Events,
    /// It is asked who may what.
    Authorize,
    /// It answers commands.
    Commands,
}

impl Role {
    /// Its name among the metrics.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Authorize => "authorize",
            Self::Commands => "commands",
        }
    }
}

/// All webhooks at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebhookStats {
    pub(crate) backends: Vec<BackendStats>,
    /// Events that could not be put into the outbox, since the store had too much to write. What
    /// the outbox itself had no room for is counted by the store.
    pub(crate) unstored: u64,
}

impl Meters {
    /// A request has ended after that time.
    pub(super) fn ended(&self, well: bool, time: Duration) {
        let counter = if well { &self.succeeded } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        self.latency.took(time);
    }

    pub(super) fn read(&self, name: &str, role: Role, queued: u64) -> BackendStats {
        BackendStats {
            name: name.to_owned(),
            role,
            succeeded: load(&self.succeeded),
            failed: load(&self.failed),
            refused: load(&self.refused),
            delivered: load(&self.delivered),
            retried: load(&self.retried),
            queued,
            open: self.open.load(Ordering::Relaxed),
            latency: self.latency.read(),
        }
    }
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_counted_in_the_bucket_that_it_fits() {
        let latency = Latency::default();
        for (millis, bucket) in [(0, 0), (5, 0), (6, 1), (5_000, 9), (5_001, 10)] {
            let before = latency.read().buckets[bucket];
            latency.took(Duration::from_millis(millis));
            assert_eq!(latency.read().buckets[bucket], before + 1, "{millis}");
        }
        let stats = latency.read();
        assert_eq!(stats.sum, Duration::from_millis(10_012));
        assert_eq!(stats.buckets.iter().sum::<u64>(), 5);
    }
}

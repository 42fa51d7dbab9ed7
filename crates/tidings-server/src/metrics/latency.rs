//! How long something takes, counted in buckets. Many threads count at once, and none waits.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// The upper bounds of the buckets; what takes longer than the last is in one more.
const BOUNDS: [Duration; 13] = [
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
];

/// A distribution of times.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
}

/// What has been counted up to some moment.
#[derive(Debug)]
pub(crate) struct Distribution {
    /// The upper bound of each bucket in seconds, and how many were in it and in none before it.
    pub(crate) buckets: Vec<(f64, u64)>,
    /// All times together.
    pub(crate) sum: Duration,
}

impl Latency {
    /// Counts one.
    pub(crate) fn observe(&self, time: Duration) {
        let bucket = BOUNDS.partition_point(|bound| *bound < time);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// What has been counted.
    pub(crate) fn read(&self) -> Distribution {
        let bounds = BOUNDS.iter().map(Duration::as_secs_f64);
        let counts = self.buckets.iter().map(|it| it.load(Ordering::Relaxed));
        Distribution {
            buckets: bounds.chain([f64::INFINITY]).zip(counts).collect(),
            sum: Duration::from_nanos(self.nanos.load(Ordering::Relaxed)),
        }
    }
}

impl Distribution {
    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_first_bucket_that_has_room_for_it() {
        let latency = Latency::default();
        for micros in [1, 100, 101, 4_000_000, 60_000_000] {
            latency.observe(Duration::from_micros(micros));
        }
        let read = latency.read();
        let filled: Vec<_> = read.buckets.iter().filter(|it| it.1 > 0).copied().collect();
        assert_eq!(
            filled,
            [(0.0001, 2), (0.00025, 1), (5.0, 1), (f64::INFINITY, 1)]
        );
        assert_eq!(read.count(), 5);
        assert_eq!(read.sum, Duration::from_micros(64_000_202));
    }
}

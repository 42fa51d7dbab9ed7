//! The token bucket: so much on average, and so much at once after a pause.
//!
//! It is kept as one moment, that at which the bucket will be full again (the generic cell rate
//! algorithm). So it is small, needs no timer, and says exactly how long to wait.

use std::time::{Duration, Instant};

use thiserror::Error;

use crate::config::limits::RateConfig;

/// How fast a bucket fills, and how much it holds. Shared by all buckets of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Time for one token.
    interval: Duration,
    /// Time for a whole bucket.
    full: Duration,
    burst: u32,
}

impl Rate {
    /// `count` tokens each `period`, `burst` at once. Of either there is one at least.
    pub(crate) fn new(count: u32, period: Duration, burst: u32) -> Self {
        let burst = burst.max(1);
        // A token takes a moment, so that even the fastest bucket can be empty.
        let interval = (period / count.max(1)).max(Duration::from_nanos(1));
        Self {
            interval,
            full: interval.saturating_mul(burst),
            burst,
        }
    }

    /// How many refusals are too many: so many, of which a tenth is forgiven each second.
    pub(crate) fn of_refusals(close_after: u32) -> Self {
        Self::new(close_after, Duration::from_secs(10), close_after)
    }

    fn cost(&self, tokens: u32) -> Duration {
        // What costs more than a bucket holds costs a whole one; else it could never be had.
        self.interval.saturating_mul(tokens.min(self.burst))
    }
}

impl From<RateConfig> for Rate {
    fn from(config: RateConfig) -> Self {
        Self::new(config.per_second, Duration::from_secs(1), config.burst)
    }
}

/// Not now: after so long there will be enough, if nothing else is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("too much at once; again in {} ms", self.milliseconds())]
pub(crate) struct RetryAfter(pub(crate) Duration);

impl RetryAfter {
    /// In milliseconds, as clients are told it: rounded up, so that it is then enough.
    pub(crate) fn milliseconds(self) -> u64 {
        let milliseconds = self.0.as_nanos().div_ceil(1_000_000);
        u64::try_from(milliseconds).unwrap_or(u64::MAX)
    }
}

/// A bucket, full to begin with.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bucket {
    /// When it is full; never having been used, since ever.
    full_at: Option<Instant>,
}

const _: () = assert!(
    size_of::<Bucket>() == 16,
    "there are several for each connection"
);

impl Bucket {
    /// Takes `cost` tokens. Who is refused loses none.
    ///
    /// # Errors
    ///
    /// When there are not enough.
    pub(crate) fn try_take(
        &mut self,
        rate: &Rate,
        cost: u32,
        now: Instant,
    ) -> Result<(), RetryAfter> {
        let missing = self.missing(now) + rate.cost(cost);
        if missing > rate.full {
            return Err(RetryAfter(missing - rate.full));
        }
        self.full_at = Some(now + missing);
        Ok(())
    }

    /// Time until it is full again. The longer, the more was taken; nothing, when it might as well
    /// be a new one.
    pub(crate) fn missing(&self, now: Instant) -> Duration {
        self.full_at.map_or(Duration::ZERO, |full_at| {
            full_at.saturating_duration_since(now)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_burst_is_had_at_once_and_then_the_rate() {
        let rate = Rate::new(50, Duration::from_secs(1), 3);
        let mut bucket = Bucket::default();
        let start = Instant::now();
        for _ in 0..3 {
            bucket.try_take(&rate, 1, start).unwrap();
        }
        assert_eq!(bucket.try_take(&rate, 1, start), Err(RetryAfter(20 * MS)));
        assert_eq!(
            bucket.try_take(&rate, 1, start + 5 * MS),
            Err(RetryAfter(15 * MS))
        );
        bucket.try_take(&rate, 1, start + 20 * MS).unwrap();
        assert!(bucket.try_take(&rate, 1, start + 39 * MS).is_err());
        // After a pause there is a burst again, and no more.
        let later = start + 10_000 * MS;
        assert_eq!(bucket.missing(later), Duration::ZERO);
        bucket.try_take(&rate, 3, later).unwrap();
        assert!(bucket.try_take(&rate, 1, later).is_err());
    }

    #[test]
    fn what_is_dearer_than_a_bucket_needs_a_full_one() {
        let rate = Rate::new(1, Duration::from_secs(1), 10);
        let mut bucket = Bucket::default();
        let start = Instant::now();
        bucket.try_take(&rate, 1000, start).unwrap();
        let refused = bucket
            .try_take(&rate, 1000, start + 9_999 * MS)
            .unwrap_err();
        assert_eq!(refused, RetryAfter(MS));
        assert_eq!(refused.milliseconds(), 1);
        bucket.try_take(&rate, 1000, start + 10_000 * MS).unwrap();
        assert_eq!(RetryAfter(Duration::from_nanos(1)).milliseconds(), 1);
    }

    #[test]
    fn a_clock_that_stands_or_goes_back_gives_nothing_away() {
        let rate = Rate::new(1, Duration::from_secs(1), 1);
        let mut bucket = Bucket::default();
        let start = Instant::now() + 1000 * MS;
        bucket.try_take(&rate, 1, start).unwrap();
        assert!(bucket.try_take(&rate, 1, start).is_err());
        assert!(bucket.try_take(&rate, 1, start - 500 * MS).is_err());
    }

    proptest! {
        /// In no span of time is more taken than a burst and what has come in since.
        #[test]
        fn the_rate_holds_in_every_span(
            count in 1_u32..100, burst in 1_u32..20,
            steps in prop::collection::vec((0_u64..200, 1_u32..4), 1..100),
        ) {
            let rate = Rate::new(count, Duration::from_secs(1), burst);
            let mut bucket = Bucket::default();
            let mut now = Instant::now();
            let mut taken = Vec::new();
            for (pause, cost) in steps {
                now += Duration::from_millis(pause);
                match bucket.try_take(&rate, cost, now) {
                    Ok(()) => taken.push((now, cost.min(burst))),
                    Err(RetryAfter(wait)) => {
                        // The answer is exact: a moment before is too early, then is not.
                        let mut then = bucket;
                        prop_assert!(then.try_take(&rate, cost, now + wait - Duration::from_nanos(1)).is_err());
                        prop_assert!(then.try_take(&rate, cost, now + wait).is_ok());
                    }
                }
            }
            for (first, (from, _)) in taken.iter().enumerate() {
                let mut sum = 0;
                for (to, cost) in &taken[first..] {
                    sum += cost;
                    let most = rate.full + to.duration_since(*from);
                    prop_assert!(rate.interval * sum <= most);
                }
            }
        }
    }
}

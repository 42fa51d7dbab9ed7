//! Leaving a server alone that fails: longer each time, and after some failures in a row until it
//! answers a single request well. Pure: time and chance are given.

use std::time::{Duration, Instant};

/// How often a server may fail, and how long it is then left alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Failures in a row after which the breaker is open.
    pub(super) failures: u32,
    /// How long to wait after the first failure; twice as long after each further one.
    pub(super) least: Duration,
    /// How long to wait at most.
    pub(super) most: Duration,
}

/// What is known of a server.
#[derive(Debug)]
pub(super) struct Breaker {
    patience: Patience,
    /// In a row.
    failures: u32,
    not_before: Option<Instant>,
}

impl Breaker {
    pub(super) fn new(patience: Patience) -> Self {
        Self {
            patience,
            failures: 0,
            not_before: None,
        }
    }

    /// Whether the server has failed so often that one request at a time is enough.
    pub(super) fn is_open(&self) -> bool {
        self.failures >= self.patience.failures
    }

    /// Whether the last request failed.
    pub(super) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// When the next request may begin, if not at once.
    pub(super) fn wait(&self, now: Instant) -> Option<Instant> {
        self.not_before.filter(|it| *it > now)
    }

    /// For requests that cannot wait: whether one may begin now. While the breaker is open, one
    /// may each time that the wait is over, and the others may when that one has succeeded.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        if !self.is_open() {
            return true;
        }
        if self.wait(now).is_some() {
            return false;
        }
        self.not_before = Some(now + self.patience.most);
        true
    }

    /// A request has succeeded.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
        self.not_before = None;
    }

    /// A request has failed. `chance` is between 0 and 1, so that many who wait for the same
    /// server do not come back at the same time.
    pub(super) fn failed(&mut self, now: Instant, chance: f64) {
        let doublings = self.failures.min(31);
        self.failures = self.failures.saturating_add(1);
        let Patience { least, most, .. } = self.patience;
        let wait = least.saturating_mul(1 << doublings).min(most);
        self.not_before = Some(now + wait.mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(Patience {
            failures: 3,
            least: Duration::from_secs(1),
            most: Duration::from_secs(10),
        })
    }

    #[test]
    fn each_failure_doubles_the_wait_up_to_the_most() {
        let now = Instant::now();
        let mut breaker = breaker();
        for (chance, seconds) in [
            (1.0, 1.0),
            (1.0, 2.0),
            (0.0, 2.0),
            (0.5, 6.0),
            (1.0, 10.0),
            (0.0, 5.0),
        ] {
            breaker.failed(now, chance);
            let wait = breaker.wait(now).map(|it| (it - now).as_secs_f64());
            assert_eq!(wait, Some(seconds));
        }
        assert_eq!(breaker.wait(now + Duration::from_secs(5)), None);
        breaker.succeeded();
        breaker.failed(now, 1.0);
        assert_eq!(breaker.wait(now), Some(now + Duration::from_secs(1)));
        for _ in 0..100 {
            breaker.failed(now, 1.0);
        }
        assert_eq!(breaker.wait(now), Some(now + Duration::from_secs(10)));
    }

    #[test]
    fn an_open_breaker_lets_one_request_through_at_a_time() {
        let now = Instant::now();
        let later = |seconds| now + Duration::from_secs(seconds);
        let mut breaker = breaker();
        for _ in 0..2 {
            breaker.failed(now, 1.0);
            assert!(breaker.admits(now), "it is not open yet");
        }
        breaker.failed(now, 1.0);
        assert!(breaker.is_open() && !breaker.admits(now));
        // The wait is over: one goes, and the others wait for what becomes of it.
        assert!(breaker.admits(later(4)));
        assert!(!breaker.admits(later(4)));
        breaker.failed(later(4), 1.0);
        assert!(!breaker.admits(later(11)));
        assert!(breaker.admits(later(12)));
        breaker.succeeded();
        assert!(!breaker.is_open() && breaker.admits(later(12)) && breaker.admits(later(12)));
    }

    #[test]
    fn a_probe_whose_end_nobody_tells_is_not_the_last() {
        let now = Instant::now();
        let mut breaker = breaker();
        for _ in 0..3 {
            breaker.failed(now, 1.0);
        }
        assert!(breaker.admits(now + Duration::from_secs(4)));
        assert!(breaker.admits(now + Duration::from_secs(14)));
    }
}

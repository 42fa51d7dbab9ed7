//! What cannot be right about shutting down.

use std::time::Duration;

use crate::config::{Config, Problem, duration};

const DRAIN: &str = "shutdown.drain";
const TIMEOUT: &str = "shutdown.timeout";
/// The shortest time for what follows when the last client is told.
const REST: Duration = Duration::from_secs(2);

impl Config {
    pub(super) fn check_shutdown(&self, problems: &mut Vec<Problem>) {
        let (drain, timeout) = (self.shutdown.drain, self.shutdown.timeout);
        if timeout < drain.saturating_add(REST) {
            let sentence = format!(
                "{TIMEOUT} is {} and leaves less than {} after {DRAIN}, which is {}; change one",
                duration::format(timeout),
                duration::format(REST),
                duration::format(drain)
            );
            problems.push(Problem::with(&[TIMEOUT, DRAIN], sentence));
        }
    }
}

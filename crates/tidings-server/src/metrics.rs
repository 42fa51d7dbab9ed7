//! How busy the server is: what it counts, and who is told.
//!
//! Counting takes no lock and allocates nothing; whoever asks adds up.

pub(crate) mod process;
pub(crate) mod room;

use tidings::Counter;

/// What the server counts that nothing else counts already.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Messages that were stored and published.
    pub(crate) messages: Counter,
}

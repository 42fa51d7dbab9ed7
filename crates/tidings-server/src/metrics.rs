//! How busy the server is: what it counts, and who is told.
//!
//! Counting takes no lock and allocates nothing; whoever asks adds up. Nothing that a client
//! chooses becomes a label: a name that is not known is counted as `unknown`.

pub(crate) mod exposition;
pub(crate) mod http;
pub(crate) mod page;
pub(crate) mod process;
pub(crate) mod room;
mod sources;

use tidings::Counter;

/// What the server counts that nothing else counts already.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Messages that were stored and published.
    pub(crate) messages: Counter,
}

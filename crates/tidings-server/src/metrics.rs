//! How busy the server is: what it counts, and who is told.
//!
//! Counting takes no lock and allocates nothing; whoever asks adds up. Nothing that a client
//! chooses becomes a label: a name that is not known is counted as `unknown`.

pub(crate) mod commands;
pub(crate) mod exposition;
pub(crate) mod http;
pub(crate) mod latency;
pub(crate) mod page;
pub(crate) mod process;
pub(crate) mod room;
mod sources;

use tidings::Counter;

use self::commands::Commands;

/// What the server counts that nothing else counts already.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Commands of clients.
    pub(crate) commands: Commands,
    /// Messages that were stored and published.
    pub(crate) messages: Counter,
}

impl Metrics {
    /// Nothing has happened yet, to commands of these names.
    pub(crate) fn new(commands: impl Iterator<Item = &'static str>) -> Self {
        Self {
            commands: Commands::new(commands),
            messages: Counter::default(),
        }
    }
}

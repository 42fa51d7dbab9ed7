//! The settings of collaborative documents.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{duration, size};

/// Collaborative documents: how large, how many, and what is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DocumentsConfig {
    /// UTF-16 units of the text of one.
    pub(crate) text_units: usize,
    /// Bytes of memory for all that are open.
    #[serde(with = "size")]
    pub(crate) memory_bytes: usize,
    /// Connections that may have one open.
    pub(crate) editors: usize,
    /// Documents that one connection may have open.
    pub(crate) max_per_connection: usize,
    /// Requests that may wait for one.
    pub(crate) queue: usize,
    /// Changes that are kept of one, for operations against older versions and clients that come
    /// back.
    pub(crate) history: usize,
    /// How long one stays in memory that nobody has open.
    #[serde(with = "duration")]
    pub(crate) idle: Duration,
    /// How many older states are kept of one; 0 keeps none.
    pub(crate) versions: usize,
    /// How long after one of them the next is kept.
    #[serde(with = "duration")]
    pub(crate) version_interval: Duration,
}

impl Default for DocumentsConfig {
    fn default() -> Self {
        Self {
            text_units: 128 * 1024,
            memory_bytes: 256 * 1024 * 1024,
            editors: 200,
            max_per_connection: 32,
            queue: 1024,
            history: 4096,
            idle: Duration::from_secs(60),
            versions: 48,
            version_interval: Duration::from_secs(60 * 60),
        }
    }
}

impl DocumentsConfig {
    /// Bytes that a whole text may take on its way to a client: three for each unit, and a client
    /// that joins may get it twice, in the answer and as an event.
    pub(crate) fn wire_bytes(&self) -> usize {
        self.text_units.saturating_mul(6)
    }
}

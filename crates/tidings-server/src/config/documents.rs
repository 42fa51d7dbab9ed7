//! The settings of collaborative documents.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{duration, size};

/// Collaborative documents: how large, how many, and what is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DocumentsConfig {
    /// UTF-16 units of the text of one; otherwise as many as go out at once, 128 Ki at most.
    pub(crate) text_units: Option<usize>,
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
            text_units: None,
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

/// Bytes that a unit may take on its way to a client: three, and a client that joins may get the
/// text twice, in the answer and as an event.
const WIRE_BYTES: usize = 6;
const TEXT_UNITS: usize = 128 * 1024;

impl DocumentsConfig {
    /// UTF-16 units that a text may have, when so many bytes may wait for a client.
    pub(crate) fn text_units(&self, outbox_bytes: usize) -> usize {
        let most = Self::text_units_max(outbox_bytes);
        self.text_units.unwrap_or(most.min(TEXT_UNITS))
    }

    /// UTF-16 units of a text that can be sent, when so many bytes may wait for a client.
    pub(crate) fn text_units_max(outbox_bytes: usize) -> usize {
        outbox_bytes / WIRE_BYTES
    }
}

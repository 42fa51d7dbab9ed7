//! The settings of shutting down.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;

/// Shutting down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ShutdownConfig {
    /// Over how long clients are told to go, so that they do not come back all at once.
    #[serde(with = "duration")]
    pub(crate) drain: Duration,
    /// How long all of it may take.
    #[serde(with = "duration")]
    pub(crate) timeout: Duration,
}

impl Default for ShutdownConfig {
    fn default() -> Self {
        Self {
            drain: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
        }
    }
}

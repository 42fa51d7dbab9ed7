//! The settings of the HTTP API: who may use it, and how much.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{auth::Secret, duration, limits::RateConfig, size};
use crate::identity::patterns::Patterns;

/// The HTTP API. Without a key it is off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ApiConfig {
    /// The keys of those who may use it.
    pub(crate) keys: Vec<KeyConfig>,
    /// Bytes of the body of a request.
    #[serde(with = "size")]
    pub(crate) body_bytes: usize,
    /// Time for a request from its headers to its answer.
    #[serde(with = "duration")]
    pub(crate) timeout: Duration,
    /// Requests of one key.
    pub(crate) rate: RateConfig,
    /// Commands of one batch.
    pub(crate) batch: usize,
    /// Answers that are kept for requests that are sent again.
    pub(crate) idempotency: IdempotencyConfig,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            body_bytes: 1024 * 1024,
            timeout: Duration::from_secs(30),
            rate: RateConfig {
                per_second: 1_000,
                burst: 5_000,
            },
            batch: 100,
            idempotency: IdempotencyConfig::default(),
        }
    }
}

/// A key of the HTTP API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyConfig {
    /// Whose it is, for logs. It is also who sends messages that name no sender.
    pub(crate) name: String,
    /// The key itself.
    pub(crate) key: Secret,
    /// The methods that it is good for; all, if it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) methods: Option<Vec<String>>,
    /// The rooms that it is good for; all, if it does not say. With rooms, it is good for nothing
    /// but methods about rooms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rooms: Option<Patterns>,
}

/// Answers that are kept for requests that are sent again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct IdempotencyConfig {
    /// How long.
    #[serde(with = "duration")]
    pub(crate) max_age: Duration,
    /// How many, at most.
    pub(crate) max_count: usize,
    /// How many bytes of them.
    #[serde(with = "size")]
    pub(crate) max_bytes: usize,
}

impl Default for IdempotencyConfig {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(24 * 60 * 60),
            max_count: 10_000,
            max_bytes: 16 * 1024 * 1024,
        }
    }
}

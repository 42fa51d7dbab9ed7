//! The settings of webhooks: whom the server tells what happens, and whom it asks.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{auth::Secret, duration, size};
use crate::{identity::patterns::Pattern, webhooks::event::Kind};

/// Webhooks: whom the server tells what happens, and whom it asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WebhooksConfig {
    /// Events that may wait in the store.
    pub(crate) queue: u64,
    /// Bytes of those.
    #[serde(with = "size")]
    pub(crate) queue_bytes: usize,
    /// Events in one request.
    pub(crate) batch: usize,
    /// Bytes of those; a single event may have more.
    #[serde(with = "size")]
    pub(crate) batch_bytes: usize,
    /// How long an event may wait for others to go with.
    #[serde(with = "duration")]
    pub(crate) linger: Duration,
    /// Requests with events that one endpoint may have to answer at a time.
    pub(crate) in_flight: usize,
    /// How long an endpoint may take for one of them.
    #[serde(with = "duration")]
    pub(crate) timeout: Duration,
    /// How long to wait after the first failure.
    #[serde(with = "duration")]
    pub(crate) retry_min: Duration,
    /// How long to wait at most.
    #[serde(with = "duration")]
    pub(crate) retry_max: Duration,
    /// Failures in a row after which an endpoint gets one request at a time, or none, until one
    /// succeeds.
    pub(crate) breaker_failures: u32,
    /// Who is told.
    pub(crate) endpoints: Vec<EndpointConfig>,
    /// Who is asked whether a user may enter a room or send there.
    pub(crate) authorize: AuthorizeConfig,
    /// Who answers commands that the server does not know.
    pub(crate) commands: Vec<CommandsConfig>,
}

impl Default for WebhooksConfig {
    fn default() -> Self {
        Self {
            queue: 1_000_000,
            queue_bytes: 1024 * 1024 * 1024,
            batch: 100,
            batch_bytes: 1024 * 1024,
            linger: Duration::from_millis(10),
            in_flight: 4,
            timeout: Duration::from_secs(10),
            retry_min: Duration::from_millis(500),
            retry_max: Duration::from_secs(30),
            breaker_failures: 5,
            endpoints: Vec::new(),
            authorize: AuthorizeConfig::default(),
            commands: Vec::new(),
        }
    }
}

/// Somebody who is told what happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndpointConfig {
    /// What it is called in the store, in logs and in metrics; its URL if it has no name. What
    /// waits for it waits under that name.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// Where events are sent.
    pub(crate) url: String,
    /// What requests are signed with.
    pub(crate) secret: Secret,
    /// The secret before that, with which they are signed as well.
    #[serde(default)]
    pub(crate) previous_secret: Option<Secret>,
    /// Which events.
    #[serde(default = "Kind::all")]
    pub(crate) events: Vec<Kind>,
}

impl EndpointConfig {
    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.url)
    }
}

/// Who is asked whether a user may enter a room or send there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AuthorizeConfig {
    /// Where the question is sent; nobody is asked when there is none.
    pub(crate) url: Option<String>,
    /// What requests are signed with.
    pub(crate) secret: Option<Secret>,
    /// The secret before that, with which they are signed as well.
    pub(crate) previous_secret: Option<Secret>,
    /// How long an answer may take.
    #[serde(with = "duration")]
    pub(crate) timeout: Duration,
    /// How long an answer counts.
    #[serde(with = "duration")]
    pub(crate) cache_ttl: Duration,
    /// Answers that are kept.
    pub(crate) cache_entries: u64,
    /// Questions that may be open at a time.
    pub(crate) in_flight: usize,
}

impl Default for AuthorizeConfig {
    fn default() -> Self {
        Self {
            url: None,
            secret: None,
            previous_secret: None,
            timeout: Duration::from_secs(3),
            cache_ttl: Duration::from_secs(30),
            cache_entries: 100_000,
            in_flight: 64,
        }
    }
}

/// Somebody who answers commands that the server does not know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandsConfig {
    /// The commands. The first whose pattern matches is asked.
    pub(crate) pattern: Pattern,
    /// Where they are sent.
    pub(crate) url: String,
    /// What requests are signed with.
    pub(crate) secret: Secret,
    /// The secret before that, with which they are signed as well.
    #[serde(default)]
    pub(crate) previous_secret: Option<Secret>,
    /// How long an answer may take.
    #[serde(default = "command_timeout", with = "duration")]
    pub(crate) timeout: Duration,
    /// Commands that may wait for an answer at a time.
    #[serde(default = "command_in_flight")]
    pub(crate) in_flight: usize,
    /// How many of those may be of one connection.
    #[serde(default = "command_in_flight_per_client")]
    pub(crate) in_flight_per_client: usize,
}

fn command_timeout() -> Duration {
    Duration::from_secs(5)
}

fn command_in_flight() -> usize {
    256
}

fn command_in_flight_per_client() -> usize {
    8
}

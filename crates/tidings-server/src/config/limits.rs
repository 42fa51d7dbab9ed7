//! What one client, one user, one address and all together may use up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{duration, size};

/// The bounds. All are on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitsConfig {
    /// Bytes of the data of a command.
    #[serde(with = "size")]
    pub(crate) command_bytes: usize,
    /// Bytes of one message of a transport, binary attachments included.
    #[serde(with = "size")]
    pub(crate) payload_bytes: usize,
    /// Bytes that may wait for one connection; a client that falls further behind is closed.
    #[serde(with = "size")]
    pub(crate) outbox_bytes: usize,
    /// Connections of this node.
    pub(crate) connections: usize,
    /// Connections of one user.
    pub(crate) connections_per_user: usize,
    /// Connections from one address (of IPv6, from one /64 network).
    pub(crate) connections_per_ip: usize,
    /// Those of them that have not signed in.
    pub(crate) unauthenticated_per_ip: usize,
    /// Bytes of the headers of a request.
    #[serde(with = "size")]
    pub(crate) header_bytes: usize,
    /// Time for them to arrive.
    #[serde(with = "duration")]
    pub(crate) header_timeout: Duration,
    /// Binary attachments of one packet.
    pub(crate) attachments: usize,
    /// Time for them to arrive.
    #[serde(with = "duration")]
    pub(crate) attachment_timeout: Duration,
    /// Commands per second.
    pub(crate) rate: RatesConfig,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            command_bytes: 64 * 1024,
            payload_bytes: 1_000_000,
            outbox_bytes: 1024 * 1024,
            connections: 100_000,
            connections_per_user: 20,
            connections_per_ip: 100,
            unauthenticated_per_ip: 20,
            header_bytes: 16 * 1024,
            header_timeout: Duration::from_secs(10),
            attachments: 10,
            attachment_timeout: Duration::from_secs(10),
            rate: RatesConfig::default(),
        }
    }
}

/// How many commands in which time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RatesConfig {
    /// Of one connection.
    pub(crate) connection: RateConfig,
    /// Of one user, over all connections.
    pub(crate) user: RateConfig,
    /// Of one address, over all users behind it.
    pub(crate) ip: RateConfig,
    /// Commands refused within ten seconds after which a connection is closed.
    pub(crate) close_after: u32,
    /// Users, and addresses, that are kept count of at one time.
    pub(crate) tracked: usize,
}

impl Default for RatesConfig {
    fn default() -> Self {
        let rate = |per_second, burst| RateConfig { per_second, burst };
        Self {
            connection: rate(50, 100),
            // As of a person at two devices in full use.
            user: rate(100, 200),
            // Behind one address there may be an office.
            ip: rate(500, 1000),
            close_after: 100,
            tracked: 100_000,
        }
    }
}

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateConfig {
    /// How many on average.
    pub(crate) per_second: u32,
    /// How many at once after a pause.
    pub(crate) burst: u32,
}

//! The settings of what the server does: rooms, messages, presence, and what is kept of them.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{duration, size};
use crate::identity::patterns::{Pattern, Patterns};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Rooms: who may enter without being asked, and what is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RoomsConfig {
    /// The rooms that everybody who has signed in may enter.
    pub(crate) public: Patterns,
    /// Rooms that one connection may be in.
    pub(crate) max_per_connection: usize,
    /// Bytes of the name of a room.
    pub(crate) name_bytes: usize,
    /// How long messages are kept. The first whose pattern matches counts for a room; messages of
    /// a room that none matches are kept for ever.
    pub(crate) retention: Vec<RetentionConfig>,
}

impl Default for RoomsConfig {
    fn default() -> Self {
        Self {
            public: Patterns::default(),
            max_per_connection: 128,
            name_bytes: 255,
            retention: Vec::new(),
        }
    }
}

/// How long the messages of some rooms are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionConfig {
    /// The rooms.
    pub(crate) pattern: Pattern,
    /// Messages older than that go.
    #[serde(default, with = "duration::optional")]
    pub(crate) max_age: Option<Duration>,
    /// Only so many of the newest stay.
    #[serde(default)]
    pub(crate) max_count: Option<u64>,
}

/// Where what must last is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StoreConfig {
    /// The SQLite file; it is made when it is not there.
    pub(crate) path: PathBuf,
    /// What an acknowledged message survives.
    pub(crate) sync: Sync,
    /// Writes that may wait; above it commands are refused until it drains.
    pub(crate) queue: usize,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            path: "tidings.db".into(),
            sync: Sync::default(),
            queue: 8192,
        }
    }
}

/// What an acknowledged message survives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sync {
    /// The loss of power.
    #[default]
    Full,
    /// The end of the process, but not the loss of power.
    Normal,
}

/// How dead connections are found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HeartbeatConfig {
    /// Time from an answered ping to the next one.
    #[serde(with = "duration")]
    pub(crate) interval: Duration,
    /// Time that a client has to answer one.
    #[serde(with = "duration")]
    pub(crate) timeout: Duration,
}

impl Default for HeartbeatConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(25),
            timeout: Duration::from_secs(20),
        }
    }
}

/// Who is online, and who hears of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PresenceConfig {
    /// How long a user whose last connection has ended still counts as online.
    #[serde(with = "duration")]
    pub(crate) grace: Duration,
    /// Who hears that a user has come or gone.
    pub(crate) audience: Audience,
}

impl Default for PresenceConfig {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(5),
            audience: Audience::default(),
        }
    }
}

/// Who hears that a user has come or gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Audience {
    /// Those who share a room with the user.
    #[default]
    Rooms,
    /// Everybody who has signed in.
    Everyone,
}

/// The note that somebody is typing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TypingConfig {
    /// When it ends by itself.
    #[serde(with = "duration")]
    pub(crate) timeout: Duration,
}

impl Default for TypingConfig {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
        }
    }
}

/// Messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ChatConfig {
    /// Messages in an answer to a client that does not say how many it wants.
    pub(crate) history_page: usize,
    /// The most that it may want.
    pub(crate) history_max: usize,
    /// Members up to which a room has receipts.
    pub(crate) receipts_max_members: usize,
}

impl Default for ChatConfig {
    fn default() -> Self {
        Self {
            history_page: 50,
            history_max: 500,
            receipts_max_members: 32,
        }
    }
}

/// Notifications.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NotificationsConfig {
    /// How long one is kept.
    #[serde(with = "duration")]
    pub(crate) max_age: Duration,
    /// How many are kept for one user.
    pub(crate) max_count: u64,
}

impl Default for NotificationsConfig {
    fn default() -> Self {
        Self {
            max_age: 90 * DAY,
            max_count: 1000,
        }
    }
}

/// Sessions that continue where they broke off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RecoveryConfig {
    /// How long a client may have been away.
    #[serde(with = "duration")]
    pub(crate) max_disconnection: Duration,
    /// Bytes of events that are kept for all sessions together.
    #[serde(with = "size")]
    pub(crate) log_bytes: usize,
    /// Bytes of events that one session is given when it is back.
    #[serde(with = "size")]
    pub(crate) session_bytes: usize,
}

impl Default for RecoveryConfig {
    fn default() -> Self {
        Self {
            max_disconnection: Duration::from_secs(120),
            log_bytes: 64 * 1024 * 1024,
            session_bytes: 1024 * 1024,
        }
    }
}

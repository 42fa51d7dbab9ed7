//! The settings of what the server says of how busy it is.

use serde::{Deserialize, Serialize};

use super::auth::Secret;
use crate::names::RoomId;

/// What the server says of how busy it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MetricsConfig {
    /// The room in which it does, to whoever is there.
    pub(crate) room: Option<RoomId>,
    /// What whoever reads `/metrics` where clients connect has to present.
    pub(crate) token: Option<Secret>,
}

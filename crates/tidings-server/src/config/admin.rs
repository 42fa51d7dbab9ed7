//! The settings of the administration: whether there is any, and who may enter.

use serde::{Deserialize, Serialize};

use super::auth::Secret;

/// The page `/admin`, and what it asks of the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AdminConfig {
    /// Whether there is such a page.
    pub(crate) enabled: bool,
    /// What lets somebody in who has no token with the claim `admin`.
    pub(crate) password: Option<Secret>,
}

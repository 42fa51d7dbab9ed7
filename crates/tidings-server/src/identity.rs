//! Who is behind a connection.
//!
//! Tokens are made and checked here; what their owner may do with them is not known here.

pub(crate) mod claims;
pub(crate) mod jwks;
mod key;
pub(crate) mod mask;
pub(crate) mod mint;
pub(crate) mod patterns;
pub(crate) mod verifier;

use serde::{Deserialize, Serialize};

use crate::names::{UserId, Username};

/// Somebody, as the others know them. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Identity {
    pub(crate) user_id: UserId,
    pub(crate) username: Username,
}

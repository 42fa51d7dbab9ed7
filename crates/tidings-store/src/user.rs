//! Users, as far as the store knows them.

use crate::Time;

/// A user who has been seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// The user's id.
    pub id: String,
    /// What the user was called when last seen.
    pub username: String,
    /// When that was.
    pub last_seen: Time,
}

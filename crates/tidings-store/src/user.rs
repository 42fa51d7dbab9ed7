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

/// A room that a user is a member of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRoom {
    /// The room.
    pub room: String,
    /// The last sequence number that was given in the room.
    pub last_seq: u64,
    /// The last one that the user has read; 0 if none.
    pub read: u64,
}

//! Receipts: how far a user has come in a room.

use std::sync::Arc;

use crate::Time;

/// A user has received, or read, a room up to some message.
#[derive(Debug, Clone)]
pub struct Mark {
    /// The room.
    pub room: Arc<str>,
    /// The user.
    pub user: Arc<str>,
    /// The last sequence number that is meant. Beyond the end of the room, its end is meant.
    pub seq: u64,
    /// Received or read.
    pub kind: MarkKind,
    /// When.
    pub at: Time,
}

/// What a mark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MarkKind {
    /// A device of the user has it.
    Delivered,
    /// The user has seen it. What is read is delivered too.
    Read,
}

/// What a mark did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marked {
    /// Whether the user had not come that far before. A mark never goes back.
    pub advanced: bool,
    /// How far the user has come, for the kind of mark that was made.
    pub seq: u64,
}

/// How far a user has come in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptRow {
    /// The user.
    pub user: String,
    /// The last sequence number that was delivered.
    pub delivered: u64,
    /// The last sequence number that was read; never more than was delivered.
    pub read: u64,
    /// When the user last got further.
    pub at: Time,
}

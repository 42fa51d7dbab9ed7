//! What is read of a room: a page of it, or what has happened since.

use crate::Message;

/// Which messages of a room are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Page {
    /// Only those with a lower sequence number.
    pub before: Option<u64>,
    /// Only those with a higher sequence number. They are then taken from the oldest on, and
    /// otherwise from the newest back.
    pub after: Option<u64>,
    /// How many, at most; no more than [`PAGE_MAX`](crate::limits::PAGE_MAX) in any case.
    pub limit: usize,
}

impl Page {
    /// The newest messages.
    #[must_use]
    pub const fn newest(limit: usize) -> Self {
        Self {
            before: None,
            after: None,
            limit,
        }
    }

    /// The newest messages before this sequence number.
    #[must_use]
    pub const fn before(seq: u64, limit: usize) -> Self {
        Self {
            before: Some(seq),
            after: None,
            limit,
        }
    }

    /// The oldest messages after this sequence number.
    #[must_use]
    pub const fn after(seq: u64, limit: usize) -> Self {
        Self {
            before: None,
            after: Some(seq),
            limit,
        }
    }
}

/// A page of a room. A room that there is not is an empty one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// The messages, oldest first, tombstones among them.
    pub messages: Vec<Message>,
    /// Whether there are more in the direction in which they were taken: newer ones if the page
    /// had `after`, and otherwise older ones.
    pub has_more: bool,
    /// The last sequence number that was given in the room, to a message or to a change.
    pub last_seq: u64,
    /// The highest sequence number of a message that has been trimmed; 0 if none has.
    pub trimmed_seq: u64,
}

/// What has happened in a room since a sequence number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Since {
    /// The messages after it, oldest first; the newest ones if there are too many.
    pub messages: Vec<Message>,
    /// The messages up to it that have been changed after it, in their present form and in the
    /// order of their changes; those changed last if there are too many.
    pub changed: Vec<Message>,
    /// The last sequence number that was given in the room: where the next call goes on.
    pub last_seq: u64,
    /// Whether this is everything. It is not if there was more than the limit, if any of it has
    /// been trimmed, or if the room has never come as far as the sequence number that was asked
    /// for. Whoever sees `false` starts anew from the newest page.
    pub complete: bool,
}

//! The outbox: events that are to be told to programs outside, kept until each of those has them.
//!
//! An event that belongs to a write is put in by an [`Announcer`], in the transaction of that
//! write: there is never one without the other. Whoever reads the outbox has a cursor of his own
//! in it. What all cursors have passed is gone.

use std::{fmt, sync::Arc};

use crate::{Amended, Appended, NewMessage, NotificationsRead, Time};

/// An event for the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// What kind of event it is, as a word. The store does not look into it.
    pub kind: &'static str,
    /// What it is about, such as a room or a user. Readers keep the order of events of one topic.
    pub topic: Arc<str>,
    /// What is told. The store does not look into it.
    pub body: String,
    /// When it happened.
    pub at: Time,
    /// Whether it may be left out when the outbox is half full, so that there is room for others.
    pub expendable: bool,
}

impl OutboxEntry {
    /// What it counts against the bound of the outbox, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.kind.len() + self.topic.len() + self.body.len()
    }
}

/// An event in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEvent {
    /// Its number. Each event has the number after that of the one before, in the order in which
    /// their writes took effect; a number that is missing is of an event that had to go.
    pub number: u64,
    /// What kind of event it is.
    pub kind: String,
    /// What it is about.
    pub topic: String,
    /// What is told.
    pub body: String,
    /// When it happened.
    pub at: Time,
}

/// Says which event goes into the outbox along with a write, in the same transaction.
///
/// It is called on the thread that writes, so it does not wait, does not panic, and calls no
/// store. It may be called more than once for one write, should a transaction fail.
pub trait Announcer: fmt::Debug + Send + Sync + 'static {
    /// A message was stored, which was not stored before.
    fn appended(&self, message: &NewMessage, appended: &Appended) -> Option<OutboxEntry>;

    /// A message was edited or deleted.
    fn amended(&self, amended: &Amended) -> Option<OutboxEntry>;

    /// A user has read notifications, at least one.
    fn notifications_read(
        &self,
        user: &str,
        read: &NotificationsRead,
        at: Time,
    ) -> Option<OutboxEntry>;
}

//! Notifications: what a user is to be told, whether a device is there or not.

use std::sync::Arc;

use crate::Time;

/// Something that a user is to be told.
#[derive(Debug, Clone)]
pub struct NewNotification {
    /// The user.
    pub user: Arc<str>,
    /// What it is about, in a few words.
    pub title: Arc<str>,
    /// What it says.
    pub body: Arc<str>,
    /// Whatever else belongs to it, as JSON text that the store does not look into.
    pub data: Option<Arc<str>>,
    /// The sender's own name for it. A second notification of this name for the same user is not
    /// stored; it is answered with the first, for as long as that has not been trimmed.
    pub key: Option<Arc<str>>,
    /// When it happened.
    pub at: Time,
}

/// A notification was stored, or had been stored before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notified {
    /// The notification.
    pub notification: Notification,
    /// How many the user has not read, this one included if it is one of them.
    pub unread: u64,
    /// Whether it had been stored before under the same key: the notification is then the first.
    pub duplicate: bool,
}

/// Something that a user is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Its name. Opaque; names of one user's notifications are in no order as texts.
    pub id: String,
    /// What it is about.
    pub title: String,
    /// What it says.
    pub body: String,
    /// Whatever else belongs to it, as JSON text.
    pub data: Option<String>,
    /// When it happened.
    pub at: Time,
    /// When the user read it.
    pub read_at: Option<Time>,
}

/// Which notifications of a user are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotificationQuery {
    /// Only those that have not been read.
    pub unread_only: bool,
    /// Only those older than the one of this name, which may have been trimmed since.
    pub before: Option<String>,
    /// How many, at most; no more than [`PAGE_MAX`](crate::limits::PAGE_MAX) in any case.
    pub limit: usize,
}

/// Notifications of a user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notifications {
    /// The notifications, newest first.
    pub notifications: Vec<Notification>,
    /// How many the user has not read, on this page or not.
    pub unread: u64,
}

/// Which notifications a user has read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadIds {
    /// All that there are.
    All,
    /// Those of these names. Names of no notification of this user are passed over.
    Ids(Vec<String>),
}

/// Notifications were read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotificationsRead {
    /// Those that had not been read before: oldest first for [`ReadIds::All`], and otherwise in
    /// the order in which they were named.
    pub read: Vec<String>,
    /// How many the user has still not read.
    pub unread: u64,
}

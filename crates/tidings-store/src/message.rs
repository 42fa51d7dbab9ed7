//! Messages: what is appended, what becomes of it, and what is read.

use std::sync::Arc;

use crate::Time;

/// A message that is to be stored.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The room in which it is said. A room comes into being with its first message or member.
    pub room: Arc<str>,
    /// The user who says it.
    pub sender: Arc<str>,
    /// What that user is called at this time.
    pub sender_name: Arc<str>,
    /// What is said.
    pub content: Arc<str>,
    /// The sender's own name for the message. A second message of this name from the same sender
    /// is not stored; it is answered with the first, for as long as that has not been trimmed.
    pub client_message_id: Option<Arc<str>>,
    /// The message that this one answers. The store does not look whether there is one.
    pub reply_to: Option<Arc<str>>,
    /// Whatever else belongs to it, as JSON text that the store does not look into.
    pub meta: Option<Arc<str>>,
    /// When it is said.
    pub at: Time,
}

impl NewMessage {
    /// A message with nothing but what every message has. Its sender is called by their id.
    pub fn new(room: &str, sender: &str, content: &str, at: Time) -> Self {
        let sender: Arc<str> = sender.into();
        Self {
            room: room.into(),
            sender_name: Arc::clone(&sender),
            sender,
            content: content.into(),
            client_message_id: None,
            reply_to: None,
            meta: None,
            at,
        }
    }
}

/// A message was stored, or had been stored before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The name of the message, for as long as it exists. Opaque.
    pub message_id: String,
    /// Its sequence number in its room.
    pub seq: u64,
    /// When it was said.
    pub at: Time,
    /// Whether it had been stored before under the same `client_message_id`: everything else
    /// here is then that of the first message.
    pub duplicate: bool,
    /// The room it is in, which is the first message's room in case of a duplicate.
    pub room: Arc<str>,
}

/// A change to a message.
#[derive(Debug, Clone)]
pub struct Amendment {
    /// The room of the message. A message of another room is not found.
    pub room: Arc<str>,
    /// Which message.
    pub message_id: Arc<str>,
    /// The user who changes it.
    pub by: Arc<str>,
    /// Whether that user may change what others have said.
    pub moderator: bool,
    /// What is done to it.
    pub kind: AmendmentKind,
    /// When it is changed.
    pub at: Time,
}

/// What is done to a message.
#[derive(Debug, Clone)]
pub enum AmendmentKind {
    /// It says something else now.
    Edit {
        /// What it says.
        content: Arc<str>,
    },
    /// It says nothing any more. A tombstone without content and `meta` stays in its place.
    Delete,
}

/// A message was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amended {
    /// The sequence number that the change took in the room.
    pub seq: u64,
    /// The message as it is now.
    pub message: Message,
}

/// A message, in its present form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its name. Opaque.
    pub message_id: String,
    /// The room it is in.
    pub room: Arc<str>,
    /// Its sequence number in the room.
    pub seq: u64,
    /// The user who said it.
    pub sender: String,
    /// What that user was called when it was said.
    pub sender_name: String,
    /// What it says; nothing once it is deleted.
    pub content: Option<String>,
    /// When it was said.
    pub at: Time,
    /// The sender's own name for it.
    pub client_message_id: Option<String>,
    /// The message that it answers.
    pub reply_to: Option<String>,
    /// Whatever else belongs to it, as JSON text; nothing once it is deleted.
    pub meta: Option<String>,
    /// The last change to it, if it was changed.
    pub changed: Option<Change>,
    /// Whether it was deleted, so that this is its tombstone.
    pub deleted: bool,
}

/// The last change to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The sequence number that the change took in the room.
    pub seq: u64,
    /// When it was changed.
    pub at: Time,
    /// The user who changed it.
    pub by: String,
}

//! A message as it goes over the wire.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use tidings_store as store;

use crate::clock;

/// A message as it is now.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChatMessage {
    pub(crate) message_id: Arc<str>,
    /// Its number in the room's sequence, in which edits and deletions have numbers as well.
    pub(crate) seq: u64,
    pub(crate) room_id: Arc<str>,
    pub(crate) sender_id: Arc<str>,
    pub(crate) sender_name: Arc<str>,
    /// What it says; nothing when it was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<Arc<str>>,
    /// When the server took it.
    pub(crate) timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_message_id: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reply_to: Option<Arc<str>>,
    /// What the sender attached for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub(crate) meta: Option<Arc<RawValue>>,
    /// The number in the room's sequence of its last edit or its deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) change_seq: Option<u64>,
    /// When it was last edited, or deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) changed_at: Option<String>,
    /// Who did that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) changed_by: Option<Arc<str>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(default)]
    pub(crate) deleted: bool,
}

impl From<store::Message> for ChatMessage {
    fn from(message: store::Message) -> Self {
        let changed = message.changed;
        Self {
            message_id: message.message_id.into(),
            seq: message.seq,
            room_id: message.room,
            sender_id: message.sender.into(),
            sender_name: message.sender_name.into(),
            content: message.content.map(Into::into),
            timestamp: clock::rfc3339(message.at),
            client_message_id: message.client_message_id.map(Into::into),
            reply_to: message.reply_to.map(Into::into),
            // What is stored was valid when it came; a file that was tampered with loses it.
            meta: message
                .meta
                .and_then(|meta| RawValue::from_string(meta).ok())
                .map(Arc::from),
            change_seq: changed.as_ref().map(|it| it.seq),
            changed_at: changed.as_ref().map(|it| clock::rfc3339(it.at)),
            changed_by: changed.map(|it| it.by.into()),
            deleted: message.deleted,
        }
    }
}

/// Bytes of the contents that one answer lists; the rest is for the next page.
pub(crate) const ANSWER_BYTES: usize = 512 * 1024;

/// As many of the messages as have so many bytes together, one in any case: from the oldest on, or
/// from the newest back. Says whether any were left out.
pub(crate) fn within(
    mut messages: Vec<ChatMessage>,
    most: usize,
    from_oldest: bool,
) -> (Vec<ChatMessage>, bool) {
    let weight = |message: &ChatMessage| {
        let meta = message.meta.as_ref().map_or(0, |it| it.get().len());
        message.content.as_ref().map_or(0, |it| it.len()) + meta
    };
    let mut bytes = 0;
    let mut fits = |message: &ChatMessage| {
        let first = bytes == 0;
        bytes += weight(message);
        first || bytes <= most
    };
    let all = messages.len();
    let fitting = if from_oldest {
        messages.iter().take_while(|it| fits(it)).count()
    } else {
        messages.iter().rev().take_while(|it| fits(it)).count()
    };
    if from_oldest {
        messages.truncate(fitting);
    } else {
        messages.drain(..all - fitting);
    }
    (messages, fitting < all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(seq: u64, bytes: usize) -> ChatMessage {
        ChatMessage {
            message_id: "m".into(),
            seq,
            room_id: "lobby".into(),
            sender_id: "ana".into(),
            sender_name: "Ana".into(),
            content: Some("x".repeat(bytes).into()),
            timestamp: String::new(),
            client_message_id: None,
            reply_to: None,
            meta: None,
            change_seq: None,
            changed_at: None,
            changed_by: None,
            deleted: false,
        }
    }

    #[test]
    fn an_answer_has_as_many_messages_as_it_has_bytes_for() {
        let check = |sizes: &[usize], from_oldest, expected: &[u64]| {
            let messages = (1..).zip(sizes).map(|(seq, size)| message(seq, *size));
            let (kept, cut) = within(messages.collect(), 10, from_oldest);
            let kept: Vec<_> = kept.iter().map(|it| it.seq).collect();
            assert_eq!(kept, expected, "{sizes:?}");
            assert_eq!(cut, kept.len() < sizes.len());
        };
        check(&[], true, &[]);
        check(&[4, 4, 4], true, &[1, 2]);
        check(&[4, 4, 4], false, &[2, 3]);
        check(&[99], true, &[1]);
        check(&[1, 99], false, &[2]);
        check(&[5, 5], true, &[1, 2]);
    }
}

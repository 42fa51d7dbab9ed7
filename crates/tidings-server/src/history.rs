//! The recent messages of one room, for those who join later. Bounded in number and in bytes.

use std::{collections::VecDeque, sync::Arc};

use serde::Serialize;

use crate::names::{ClientMessageId, Content, RoomId, UserId, Username};

/// Bytes of content that are kept of a room. The newest message is kept whatever its size.
const BYTES_MAX: usize = 256 * 1024;

/// A message, as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message {
    pub(crate) message_id: Arc<str>,
    pub(crate) room_id: RoomId,
    pub(crate) sender_id: UserId,
    pub(crate) sender_name: Username,
    pub(crate) content: Content,
    pub(crate) timestamp: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_message_id: Option<ClientMessageId>,
}

/// The recent messages of one room, oldest first.
#[derive(Debug, Default)]
pub(crate) struct History {
    messages: VecDeque<Arc<Message>>,
    bytes: usize,
}

impl History {
    /// Adds a message, and forgets the oldest that are too many: `max` may stay.
    pub(crate) fn push(&mut self, message: Arc<Message>, max: usize) {
        self.bytes += message.content.as_str().len();
        self.messages.push_back(message);
        while self.messages.len() > max || (self.bytes > BYTES_MAX && self.messages.len() > 1) {
            let Some(oldest) = self.messages.pop_front() else {
                break;
            };
            self.bytes -= oldest.content.as_str().len();
        }
    }

    /// The messages, oldest first.
    pub(crate) fn messages(&self) -> Vec<Arc<Message>> {
        self.messages.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: usize, bytes: usize) -> Arc<Message> {
        Arc::new(Message {
            message_id: number.to_string().into(),
            room_id: "lobby".into(),
            sender_id: "ana".into(),
            sender_name: "Ana".into(),
            content: "x".repeat(bytes).as_str().into(),
            timestamp: "2026-08-01T12:00:00.000Z".into(),
            client_message_id: None,
        })
    }

    fn kept(sizes: &[usize], max: usize) -> Vec<String> {
        let mut history = History::default();
        for (number, bytes) in sizes.iter().enumerate() {
            history.push(message(number, *bytes), max);
        }
        history
            .messages()
            .iter()
            .map(|it| it.message_id.to_string())
            .collect()
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let large = 60 * 1024;
        for (sizes, max, left) in [
            (&[1, 1, 1][..], 2, &["1", "2"][..]),
            (&[1, 1], 0, &[]),
            (&[large; 6], 50, &["2", "3", "4", "5"]),
            (
                &[1, large, large, large, large, large],
                50,
                &["2", "3", "4", "5"],
            ),
        ] {
            assert_eq!(kept(sizes, max), left, "{sizes:?}, {max}");
        }
    }
}

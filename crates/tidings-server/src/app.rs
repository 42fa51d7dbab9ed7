//! What all commands share.
//!
//! **Order.** What is said in a room, who comes and who goes is decided *and sent* under the lock
//! of [`App::chat`], so that every member sees a room in one order, and somebody who joins hears of
//! everything that is not in the answer. Sending puts frames into outboxes and waits for nobody.
//! It may close a connection whose outbox is full, within the call: what runs when a socket goes
//! must therefore not take the lock before it has yielded once, see
//! [`commands`](crate::commands).
//!
//! **Locks.** There are two, that of `chat` and that inside `typing`, and they are never held
//! together.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;

use crate::{
    names::RoomId,
    receipts::{self, Receipts},
    rooms::{self, Rooms},
    typing::Typing,
};

/// What stands before the name of a room in the library, where the id of every socket is the name
/// of a room as well: nobody shall join those.
const CHANNEL: &str = "room:";

/// Bytes of the longest name that a room has in the library.
pub(crate) const CHANNEL_BYTES: usize = RoomId::MAX_BYTES + CHANNEL.len();

/// The shared state. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    chat: Mutex<Chat>,
    typing: Typing,
}

/// The rooms, and what was sent to them.
#[derive(Debug)]
pub(crate) struct Chat {
    pub(crate) rooms: Rooms,
    pub(crate) receipts: Receipts,
}

impl App {
    /// No rooms yet; each will remember so many messages.
    pub(crate) fn new(room_history: usize) -> Self {
        let chat = Chat {
            rooms: Rooms::new(rooms::MAX, room_history),
            receipts: Receipts::new(receipts::MAX),
        };
        Self(Arc::new(Inner {
            chat: Mutex::new(chat),
            typing: Typing::default(),
        }))
    }

    /// The rooms. What is sent about them is sent under this lock.
    pub(crate) fn chat(&self) -> &Mutex<Chat> {
        &self.0.chat
    }

    /// Who is typing.
    pub(crate) fn typing(&self) -> &Typing {
        &self.0.typing
    }
}

/// The name that a room has in the library.
pub(crate) fn channel(room: &RoomId) -> String {
    format!("{CHANNEL}{room}")
}

/// The room that has this name in the library, if it is one of ours.
pub(crate) fn room_of(channel: &str) -> Option<RoomId> {
    let room = channel.strip_prefix(CHANNEL)?;
    serde_json::from_value(room.into()).ok()
}

/// An id that nobody can guess and nothing else has: 24 characters of the URL-safe base64 alphabet.
pub(crate) fn unique_id() -> Arc<str> {
    let mut entropy = [0; 18];
    getrandom::fill(&mut entropy).expect("the operating system gives random bytes");
    URL_SAFE_NO_PAD.encode(entropy).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_told_from_other_rooms_of_the_library() {
        let room: RoomId = "lobby".into();
        assert_eq!(room_of(&channel(&room)), Some(room));
        assert_eq!(room_of("abcdefghijklmnopqrst"), None);
        assert_eq!(room_of("room:"), None);
    }
}

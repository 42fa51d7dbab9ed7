//! The names that our rooms and users have among the rooms of the library, where the id of every
//! socket is the name of a room as well, which nobody else shall join.

use tidings::{Broadcast, Hub};

use crate::{
    names::{DocumentId, RoomId, UserId},
    private,
};

const ROOM: &str = "room:";
const USER: &str = "user:";
const DOCUMENT: &str = "document:";

/// Everybody who has signed in.
pub(crate) const EVERYBODY: &str = "everybody";

/// Bytes that stand before the name of a room or a document.
pub(crate) const PREFIX_BYTES: usize = DOCUMENT.len();

/// Rooms of the library that a connection is in beside those that it joined: its own, that of its
/// user, and everybody's.
pub(crate) const BESIDE: usize = 3;

/// Those who have joined a room.
pub(crate) fn of_room(room: &RoomId) -> String {
    format!("{ROOM}{room}")
}

/// All devices of a user.
pub(crate) fn of_user(user: &UserId) -> String {
    format!("{USER}{user}")
}

/// Those who have a document open.
pub(crate) fn of_document(document: &DocumentId) -> String {
    format!("{DOCUMENT}{document}")
}

/// The document that has this name in the library, if it is one.
pub(crate) fn document_of(channel: &str) -> Option<DocumentId> {
    DocumentId::new(channel.strip_prefix(DOCUMENT)?).ok()
}

/// The room that has this name in the library, if it is one of ours.
pub(crate) fn room_of(channel: &str) -> Option<RoomId> {
    RoomId::new(channel.strip_prefix(ROOM)?).ok()
}

/// Everybody who hears what is said in a room: who has joined it, and of a private conversation
/// all devices of both.
pub(crate) fn hearers(hub: &Hub, room: &RoomId) -> Broadcast {
    let joined = hub.to(of_room(room));
    match private::parties(room) {
        Some((one, other)) => joined.to(of_user(&one)).to(of_user(&other)),
        None => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_told_from_other_rooms_of_the_library() {
        let room: RoomId = "lobby".into();
        assert_eq!(room_of(&of_room(&room)), Some(room.clone()));
        assert_eq!(room_of("abcdefghijklmnopqrst"), None);
        assert_eq!(room_of(&of_user(&"lobby".into())), None);
        assert_eq!(room_of("room:"), None);
        let document: DocumentId = "lobby".into();
        assert_eq!(document_of(&of_document(&document)), Some(document.clone()));
        assert_eq!(room_of(&of_document(&document)), None);
        assert_eq!(document_of(&of_room(&room)), None);
    }
}

//! Private conversations: rooms of two, whose name says who the two are.
//!
//! The name is `dm:`, the two user ids in order, and a colon between. A colon or percent sign
//! within an id is written as `%3A` or `%25`, so that no two pairs share a name.

use crate::names::{RoomId, UserId};

const PREFIX: &str = "dm:";

/// The room of these two, or of one with oneself.
///
/// # Errors
///
/// The sentence that says why there is none: the name would be too long.
pub(crate) fn room_of(one: &UserId, other: &UserId) -> Result<RoomId, String> {
    let (first, second) = if one <= other {
        (one, other)
    } else {
        (other, one)
    };
    let name = format!("{PREFIX}{}:{}", escape(first), escape(second));
    RoomId::new(&name).map_err(|_| format!("the ids {first} and {second} are too long together"))
}

/// Whether a room is a private conversation.
pub(crate) fn is_private(room: &RoomId) -> bool {
    room.as_str().starts_with(PREFIX)
}

/// The two whose conversation it is.
pub(crate) fn parties(room: &RoomId) -> Option<(UserId, UserId)> {
    let (first, second) = room.as_str().strip_prefix(PREFIX)?.split_once(':')?;
    let read = |id: &str| UserId::new(&unescape(id)?).ok();
    let (first, second) = (read(first)?, read(second)?);
    // Of the several ways to write a pair, only one is a room.
    (room_of(&first, &second).as_ref() == Ok(room)).then_some((first, second))
}

/// Whether a user is one of the two.
pub(crate) fn is_party(room: &RoomId, user: &UserId) -> bool {
    parties(room).is_some_and(|(first, second)| first == *user || second == *user)
}

fn escape(id: &UserId) -> String {
    id.as_str().replace('%', "%25").replace(':', "%3A")
}

fn unescape(text: &str) -> Option<String> {
    (!text.contains(':')).then(|| text.replace("%3A", ":").replace("%25", "%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(one: &str, other: &str) -> RoomId {
        room_of(&one.into(), &other.into()).unwrap()
    }

    #[test]
    fn a_conversation_has_one_name_and_it_says_whose_it_is() {
        for (one, other, name) in [
            ("ana", "ming", "dm:ana:ming"),
            ("ming", "ana", "dm:ana:ming"),
            ("小明", "ana", "dm:ana:小明"),
            ("ana", "ana", "dm:ana:ana"),
            ("a:b", "c", "dm:a%3Ab:c"),
            ("a", "b:c", "dm:a:b%3Ac"),
            ("%3A", ":", "dm:%253A:%3A"),
        ] {
            let room = room(one, other);
            assert_eq!(room.as_str(), name);
            assert!(is_private(&room));
            assert!(is_party(&room, &one.into()) && is_party(&room, &other.into()));
            assert!(!is_party(&room, &"eve".into()));
        }
        let long = "%".repeat(UserId::MAX_BYTES);
        assert!(room_of(&long.as_str().into(), &long.as_str().into()).is_err());
    }

    #[test]
    fn other_ways_to_write_a_pair_are_nobodys() {
        for name in [
            "dm:",
            "dm:ana",
            "dm:ming:ana",
            "dm:ana:",
            "dm:a:b:c",
            "dm:%41:b%3a",
            "dm::a",
        ] {
            let room = RoomId::from(name);
            assert!(is_private(&room), "{name}");
            if let Some((first, second)) = parties(&room) {
                assert_eq!(room_of(&first, &second), Ok(room), "{name}");
            }
        }
        assert_eq!(parties(&"dm:ming:ana".into()), None);
        assert_eq!(parties(&"dm:a:b:c".into()), None);
        assert_eq!(parties(&"lobby".into()), None);
    }
}

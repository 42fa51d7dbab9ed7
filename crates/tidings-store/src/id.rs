//! The names of messages and notifications: which list, and which place in it.
//!
//! A name is two numbers in hexadecimal, so that looking it up needs no index of names. To
//! everybody outside this crate it is an opaque text. Each pair has exactly one name, so that a
//! name can be compared as text.

use std::fmt;

/// The highest number in a name: the highest that every database keeps.
const MAX: u64 = i64::MAX.unsigned_abs();

/// The place of a message in a room, or of a notification among those of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id {
    /// The row of the room or of the user.
    pub(crate) list: u64,
    /// The sequence number in it.
    pub(crate) place: u64,
}

impl Id {
    /// Reads a name. Whatever could not have been written by us is nobody's name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (list, place) = text.split_once('-')?;
        Some(Self {
            list: number(list)?,
            place: number(place)?,
        })
    }
}

/// A positive number in lower-case hexadecimal without leading zeros.
fn number(text: &str) -> Option<u64> {
    let digits = text
        .bytes()
        .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
    if !digits || text.starts_with('0') {
        return None;
    }
    let number = u64::from_str_radix(text, 16).ok()?;
    (number <= MAX).then_some(number)
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.list, self.place)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_we_write_is_a_name() {
        for text in [
            "",
            "-",
            "1",
            "1-",
            "-1",
            "0-1",
            "1-0",
            "01-1",
            "1-01",
            "+1-1",
            "1-+1",
            "A-1",
            "1-1-1",
            "1 -1",
            "1-8000000000000000",
            "g-1",
        ] {
            assert_eq!(Id::parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn names_come_back(list in 1..=MAX, place in 1..=MAX) {
            let id = Id { list, place };
            prop_assert_eq!(Id::parse(&id.to_string()), Some(id));
        }

        #[test]
        fn what_is_read_is_written_the_same(text in "[0-9a-f+-]{0,12}|\\PC*") {
            if let Some(id) = Id::parse(&text) {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}

//! The texts that clients send, each with its bounds, checked where they are read.
//!
//! What is of one of these types is valid; nothing behind the border checks again. Cloning is
//! cheap. The refusals name the field, for whoever reads the answer to a command.

use std::{borrow::Borrow, fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// What a text may be.
#[derive(Debug, Clone, Copy)]
struct Rule {
    field: &'static str,
    max_bytes: usize,
    /// Whether it may have several lines; a text of one line has no control characters at all.
    lines: bool,
}

impl Rule {
    fn check(self, text: &str) -> Result<(), String> {
        let Self {
            field,
            max_bytes,
            lines,
        } = self;
        if text.trim().is_empty() {
            return Err(format!("{field} is empty"));
        }
        if text.len() > max_bytes {
            return Err(format!("{field} is longer than {max_bytes} bytes"));
        }
        if !lines && text.chars().any(char::is_control) {
            return Err(format!("{field} has a control character in it"));
        }
        Ok(())
    }
}

impl Visitor<'_> for Rule {
    type Value = Arc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} to be a string of 1 to {} bytes",
            self.field, self.max_bytes
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Arc<str>, E> {
        self.check(text).map_err(E::custom)?;
        Ok(text.into())
    }
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident = $rule:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) struct $name(Arc<str>);

        impl $name {
            const RULE: Rule = $rule;
            /// The most bytes that it may have.
            #[allow(dead_code, reason = "not every bound is told to clients")]
            pub(crate) const MAX_BYTES: usize = Self::RULE.max_bytes;

            /// The text itself.
            #[allow(dead_code, reason = "not every text is looked into")]
            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Self::RULE).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        #[cfg(test)]
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::RULE.check(text).unwrap();
                Self(text.into())
            }
        }
    };
}

text! {
    /// The name of a room.
    RoomId = Rule { field: "roomId", max_bytes: 255, lines: false }
}
text! {
    /// Who somebody is, whatever the name.
    UserId = Rule { field: "id", max_bytes: 128, lines: false }
}
text! {
    /// What somebody is called.
    Username = Rule { field: "username", max_bytes: 128, lines: false }
}
text! {
    /// What a message says.
    Content = Rule { field: "content", max_bytes: 64 * 1024, lines: true }
}
text! {
    /// The name that its sender gave a message, so that a retry is known for what it is.
    ClientMessageId = Rule { field: "clientMessageId", max_bytes: 128, lines: false }
}

/// A room that a command is about: its id alone, or an object with `roomId`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InRoom(pub(crate) RoomId);

impl<'de> Deserialize<'de> for InRoom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Object {
            room_id: RoomId,
        }

        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = InRoom;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("roomId as a string, or an object with roomId")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<InRoom, E> {
                RoomId::RULE
                    .visit_str(text)
                    .map(|text| InRoom(RoomId(text)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<InRoom, A::Error> {
                let Object { room_id } = Object::deserialize(MapAccessDeserializer::new(map))?;
                Ok(InRoom(room_id))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal<T: for<'de> Deserialize<'de>>(json: &str) -> String {
        match serde_json::from_str::<T>(json) {
            Ok(_) => String::new(),
            Err(error) => error
                .to_string()
                .split(" at line")
                .next()
                .unwrap_or("")
                .to_owned(),
        }
    }

    #[test]
    fn refusals_name_the_field() {
        let long = |n| format!("{:?}", "x".repeat(n));
        for (json, said) in [
            ("\"lobby\"", ""),
            ("\"\"", "roomId is empty"),
            ("\" \"", "roomId is empty"),
            ("\"a\\nb\"", "roomId has a control character in it"),
            (
                "5",
                "invalid type: integer `5`, expected roomId to be a string of 1 to 255 bytes",
            ),
            (&long(255), ""),
            (&long(256), "roomId is longer than 255 bytes"),
        ] {
            assert_eq!(refusal::<RoomId>(json), said, "{json}");
        }
        assert_eq!(refusal::<Content>("\"two\\nlines\""), "");
        assert_eq!(refusal::<Content>(&long(65_536)), "");
        assert_eq!(
            refusal::<Content>(&long(65_537)),
            "content is longer than 65536 bytes"
        );
    }

    #[test]
    fn a_room_is_named_in_either_form() {
        let read = |json| serde_json::from_str::<InRoom>(json).unwrap();
        assert_eq!(read("\"lobby\""), InRoom("lobby".into()));
        assert_eq!(
            read("{\"roomId\":\"lobby\",\"after\":3}"),
            InRoom("lobby".into())
        );
        assert_eq!(refusal::<InRoom>("{}"), "missing field `roomId`");
        assert_eq!(
            refusal::<InRoom>("[]"),
            "invalid type: sequence, expected roomId as a string, or an object with roomId"
        );
    }
}

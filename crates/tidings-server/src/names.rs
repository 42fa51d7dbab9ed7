//! The texts that clients send, each with its bounds, checked where they are read.
//!
//! What is of one of these types is valid; nothing behind the border checks again. Cloning is
//! cheap. The refusals name the field, for whoever reads the answer to a command.

use std::{
    borrow::{Borrow, Cow},
    fmt,
    marker::PhantomData,
    sync::Arc,
};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
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

            /// The text itself, shared.
            #[allow(dead_code, reason = "not every text is stored")]
            pub(crate) fn shared(&self) -> Arc<str> {
                Arc::clone(&self.0)
            }

            /// Takes a text that fits.
            ///
            /// # Errors
            ///
            /// The sentence that says what does not fit.
            #[allow(dead_code, reason = "not every text is made by the server")]
            pub(crate) fn new(text: &str) -> Result<Self, String> {
                Self::RULE.check(text).map(|()| Self(text.into()))
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                // As far as a schema can say it: it counts characters where we count bytes.
                let pattern = if Self::RULE.lines {
                    r"\S"
                } else {
                    r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
                };
                json_schema!({
                    "type": "string",
                    "minLength": 1,
                    "maxLength": Self::RULE.max_bytes,
                    "pattern": pattern,
                })
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
    UserId = Rule { field: "userId", max_bytes: 120, lines: false }
}
text! {
    /// What somebody is called.
    Username = Rule { field: "username", max_bytes: 128, lines: false }
}

impl Username {
    /// What a user is called who has no other name: by the id.
    pub(crate) fn of_user(user: &UserId) -> Self {
        Self(user.shared())
    }
}

text! {
    /// What a message says.
    Content = Rule { field: "content", max_bytes: 64 * 1024, lines: true }
}
text! {
    /// The name that its sender gave a message, so that a retry is known for what it is.
    ClientMessageId = Rule { field: "clientMessageId", max_bytes: 128, lines: false }
}

text! {
    /// The name that the server gave a message.
    MessageId = Rule { field: "messageId", max_bytes: 64, lines: false }
}
text! {
    /// The name of a collaborative document.
    DocumentId = Rule { field: "documentId", max_bytes: 240, lines: false }
}

impl DocumentId {
    /// The room whose rights are those to the document.
    pub(crate) fn room(&self) -> RoomId {
        RoomId(format!("doc:{self}").into())
    }
}

text! {
    /// The name that its author gave an operation on a document, so that a retry is known.
    OperationId = Rule { field: "operationId", max_bytes: 128, lines: false }
}
text! {
    /// The name of an event that clients send each other.
    EventName = Rule { field: "event", max_bytes: 128, lines: false }
}
text! {
    /// The name that the server gave a notification.
    NotificationId = Rule { field: "notificationId", max_bytes: 64, lines: false }
}
text! {
    /// The first line of a notification.
    Title = Rule { field: "title", max_bytes: 256, lines: false }
}
text! {
    /// What a notification says beside its title.
    Body = Rule { field: "body", max_bytes: 4096, lines: true }
}

text! {
    /// A connection, as others see it.
    ClientId = Rule { field: "clientId", max_bytes: 64, lines: false }
}
text! {
    /// Why something is done, for whom it is done to.
    Reason = Rule { field: "reason", max_bytes: 256, lines: false }
}

/// The data of a command that is about a room, in either form that clients may send: the room's id
/// alone, or an object with `roomId` and what else the command takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoomOr<T>(pub(crate) T);

/// A room, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InRoom {
    pub(crate) room_id: RoomId,
}

impl From<RoomId> for InRoom {
    fn from(room_id: RoomId) -> Self {
        Self { room_id }
    }
}

impl<'de, T: From<RoomId> + Deserialize<'de>> Deserialize<'de> for RoomOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);

        impl<'de, T: From<RoomId> + Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("roomId as a string, or an object with roomId")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
                let text = RoomId::RULE.visit_str(text)?;
                Ok(T::from(RoomId(text)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_any(Either(PhantomData)).map(Self)
    }
}

impl<T: JsonSchema> JsonSchema for RoomOr<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        schema.insert(
            "description".to_owned(),
            "The `roomId` alone may stand for the whole object.".into(),
        );
        schema
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
        let read = |json| serde_json::from_str::<RoomOr<InRoom>>(json).unwrap();
        let lobby = || {
            RoomOr(InRoom {
                room_id: "lobby".into(),
            })
        };
        assert_eq!(read("\"lobby\""), lobby());
        assert_eq!(read("{\"roomId\":\"lobby\",\"after\":3}"), lobby());
        assert_eq!(refusal::<RoomOr<InRoom>>("{}"), "missing field `roomId`");
        assert_eq!(
            refusal::<RoomOr<InRoom>>("[]"),
            "invalid type: sequence, expected roomId as a string, or an object with roomId"
        );
    }
}

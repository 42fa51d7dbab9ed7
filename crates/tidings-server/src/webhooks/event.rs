//! The events that backends are told, as they are written into the outbox.
//!
//! An event is a JSON object whose first fields are `type` and `timestamp`; its `id` is put before
//! them when it is sent. What is about a room has it as its topic, and everything else its user:
//! events of one topic are delivered in their order.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tidings_store::{
    Amended, Announcer, Appended, NewMessage, NotificationsRead, OutboxEntry, Time,
};

use crate::{
    clock,
    names::{RoomId, UserId, Username},
};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// What an event is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub(crate) enum Kind {
            $($(#[$doc])* #[serde(rename = $word)] $name,)*
        }

        impl Kind {
            /// All of them.
            pub(crate) fn all() -> Vec<Self> {
                vec![$(Self::$name,)*]
            }

            /// Its name.
            pub(crate) fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

kinds! {
    /// The server has started: nobody is connected, and nobody is online.
    Started = "server:started",
    /// A user has a new connection.
    Connect = "connect",
    /// A connection of a user has ended.
    Disconnect = "disconnect",
    /// A user is online.
    Online = "user:online",
    /// A user is offline.
    Offline = "user:offline",
    /// Somebody is in a room.
    Occupied = "room:occupied",
    /// Nobody is in a room any more.
    Vacated = "room:vacated",
    /// A message was stored.
    Message = "message",
    /// A message was changed.
    Edited = "message:edited",
    /// A message was deleted.
    Deleted = "message:deleted",
    /// A user has read notifications.
    NotificationsRead = "notification:read",
}

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Kinds(u32);

impl Kinds {
    /// Whether a kind is in it.
    pub(crate) fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }

    /// Whether a kind is in it, by its name.
    pub(super) fn has_word(self, word: &str) -> bool {
        Kind::all()
            .into_iter()
            .any(|it| it.word() == word && self.has(it))
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<T: IntoIterator<Item = Kind>>(kinds: T) -> Self {
        Self(kinds.into_iter().fold(0, |set, it| set | 1 << it as u32))
    }
}

/// What all events begin with.
#[derive(Serialize)]
struct Told<'a, B> {
    r#type: &'a str,
    timestamp: String,
    #[serde(flatten)]
    body: B,
}

/// What an event is about, for the order in which it is told.
#[derive(Debug, Clone, Copy)]
enum Topic<'a> {
    Room(&'a str),
    User(&'a str),
    Server,
}

fn entry(kind: Kind, topic: Topic<'_>, at: Time, body: impl Serialize) -> Option<OutboxEntry> {
    let told = Told {
        r#type: kind.word(),
        timestamp: clock::rfc3339(at),
        body,
    };
    let body = match serde_json::to_string(&told) {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(%error, kind = kind.word(), "an event cannot be written");
            return None;
        }
    };
    Some(OutboxEntry {
        kind: kind.word(),
        topic: match topic {
            Topic::Room(id) => format!("room:{id}").into(),
            Topic::User(id) => format!("user:{id}").into(),
            Topic::Server => "server".into(),
        },
        body,
        at,
        // What is stored belongs to its event; the rest can be asked for again.
        expendable: !matches!(
            kind,
            Kind::Message | Kind::Edited | Kind::Deleted | Kind::NotificationsRead
        ),
    })
}

/// The server has started.
pub(super) fn started(at: Time) -> Option<OutboxEntry> {
    #[derive(Serialize)]
    struct Body {
        version: &'static str,
    }
    let version = env!("CARGO_PKG_VERSION");
    entry(Kind::Started, Topic::Server, at, Body { version })
}

/// A connection of a user, for events about it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Connection<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) user_id: &'a UserId,
    pub(crate) username: &'a Username,
    pub(crate) transport: &'a str,
    /// Whether the connection continues a session that had broken off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recovered: Option<bool>,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'a str>,
}

pub(super) fn connection(kind: Kind, at: Time, body: &Connection<'_>) -> Option<OutboxEntry> {
    entry(kind, Topic::User(body.user_id.as_str()), at, body)
}

pub(super) fn user(
    kind: Kind,
    at: Time,
    user_id: &UserId,
    username: &Username,
) -> Option<OutboxEntry> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        user_id: &'a UserId,
        username: &'a Username,
    }
    let body = Body { user_id, username };
    entry(kind, Topic::User(user_id.as_str()), at, body)
}

pub(super) fn room(kind: Kind, at: Time, room_id: &RoomId) -> Option<OutboxEntry> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        room_id: &'a RoomId,
    }
    entry(kind, Topic::Room(room_id.as_str()), at, Body { room_id })
}

/// Announces what is stored, with the store's own transaction.
#[derive(Debug)]
pub(crate) struct Stored {
    wanted: Kinds,
}

impl Stored {
    /// Announces what is among these.
    pub(crate) fn among(wanted: Kinds) -> Arc<dyn Announcer> {
        Arc::new(Self { wanted })
    }
}

impl Announcer for Stored {
    fn appended(&self, message: &NewMessage, appended: &Appended) -> Option<OutboxEntry> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            room_id: &'a str,
            message_id: &'a str,
            seq: u64,
            sender_id: &'a str,
            sender_name: &'a str,
            content: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            client_message_id: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            reply_to: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            meta: Option<serde_json::Value>,
        }
        if !self.wanted.has(Kind::Message) {
            return None;
        }
        let body = Body {
            room_id: &message.room,
            message_id: &appended.message_id,
            seq: appended.seq,
            sender_id: &message.sender,
            sender_name: &message.sender_name,
            content: &message.content,
            client_message_id: message.client_message_id.as_deref(),
            reply_to: message.reply_to.as_deref(),
            // Written by us a moment ago.
            meta: message
                .meta
                .as_deref()
                .and_then(|it| serde_json::from_str(it).ok()),
        };
        entry(Kind::Message, Topic::Room(&message.room), appended.at, body)
    }

    fn amended(&self, Amended { seq, message }: &Amended) -> Option<OutboxEntry> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            room_id: &'a str,
            message_id: &'a str,
            seq: u64,
            user_id: &'a str,
            sender_id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            content: Option<&'a str>,
        }
        let kind = if message.deleted {
            Kind::Deleted
        } else {
            Kind::Edited
        };
        let change = message.changed.as_ref()?;
        if !self.wanted.has(kind) {
            return None;
        }
        let body = Body {
            room_id: &message.room,
            message_id: &message.message_id,
            seq: *seq,
            user_id: &change.by,
            sender_id: &message.sender,
            content: message.content.as_deref(),
        };
        entry(kind, Topic::Room(&message.room), change.at, body)
    }

    fn notifications_read(
        &self,
        user: &str,
        NotificationsRead { read, unread }: &NotificationsRead,
        at: Time,
    ) -> Option<OutboxEntry> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            user_id: &'a str,
            ids: &'a [String],
            unread: u64,
        }
        if !self.wanted.has(Kind::NotificationsRead) {
            return None;
        }
        let body = Body {
            user_id: user,
            ids: read,
            unread: *unread,
        };
        entry(Kind::NotificationsRead, Topic::User(user), at, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_begins_with_its_type_and_has_its_topic() {
        let at = Time::from_millis(1_785_585_600_120);
        let event = room(Kind::Occupied, at, &"lobby".into()).unwrap();
        assert_eq!(
            event.body,
            r#"{"type":"room:occupied","timestamp":"2026-08-01T12:00:00.120Z","roomId":"lobby"}"#
        );
        assert_eq!((event.kind, &*event.topic), ("room:occupied", "room:lobby"));
        assert!(event.expendable);
        let event = user(Kind::Online, at, &"lobby".into(), &"Lob".into()).unwrap();
        assert_eq!(&*event.topic, "user:lobby");
    }

    #[test]
    fn a_message_is_announced_to_those_who_want_it() {
        let message = NewMessage {
            room: "lobby".into(),
            sender: "ana".into(),
            sender_name: "Ana".into(),
            content: "\"hi\"\n".into(),
            client_message_id: None,
            reply_to: None,
            meta: Some("{\"a\":[1,2.5]}".into()),
            at: Time::EPOCH,
        };
        let appended = Appended {
            message_id: "1-2".to_owned(),
            seq: 2,
            at: Time::EPOCH,
            duplicate: false,
            room: "lobby".into(),
        };
        let stored = |kinds: &[Kind]| Stored {
            wanted: kinds.iter().copied().collect(),
        };
        let event = stored(&[Kind::Message])
            .appended(&message, &appended)
            .unwrap();
        let json: serde_json::Value = serde_json::from_str(&event.body).unwrap();
        assert_eq!(json["content"], "\"hi\"\n");
        assert_eq!(json["meta"]["a"][1], 2.5);
        assert_eq!((event.kind, event.expendable), ("message", false));
        assert_eq!(stored(&[Kind::Edited]).appended(&message, &appended), None);
        assert_eq!(stored(&[]).appended(&message, &appended), None);
    }

    #[test]
    fn kinds_are_told_apart() {
        for kind in Kind::all() {
            let only: Kinds = [kind].into_iter().collect();
            for other in Kind::all() {
                assert_eq!(only.has(other), other == kind);
                assert_eq!(only.has_word(other.word()), other == kind);
            }
        }
        assert!(!Kinds::default().has_word("connect"));
        assert!(
            !Kind::all()
                .into_iter()
                .collect::<Kinds>()
                .has_word("banana")
        );
    }
}

//! The events of the server: their names and their data.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{
    fault::Code,
    names::{RoomId, UserId, Username},
    presence::Status,
};

/// The data of an event, which knows the event's name.
pub(crate) trait Event: Serialize + JsonSchema {
    const NAME: &'static str;
    /// When it is sent, and to whom.
    const SUMMARY: &'static str;
}

macro_rules! event {
    ($type:ident $(<$life:lifetime>)? = $name:literal, $summary:literal) => {
        impl $(<$life>)? Event for $type $(<$life>)? {
            const NAME: &'static str = $name;
            const SUMMARY: &'static str = $summary;
        }
    };
}

/// `welcome`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Welcome<'a> {
    /// This connection; others see it where they see devices.
    pub(crate) client_id: &'a str,
    pub(crate) user_id: &'a UserId,
    pub(crate) username: &'a Username,
    pub(crate) server_time: String,
    /// How often the server asks whether the client is there.
    pub(crate) heartbeat: Heartbeat,
    pub(crate) limits: Bounds,
    /// Whether what was sent while the client was away follows.
    pub(crate) recovered: bool,
    /// The key of an event stream or of long-polling: for `POST /rpc?session=…`, and to come back
    /// with. Keep it secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<String>,
}
event!(Welcome<'a> = "welcome", "To a client that has signed in.");

/// How often the server asks whether the client is there.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Heartbeat {
    pub(crate) interval_ms: u64,
    pub(crate) timeout_ms: u64,
}

/// What one connection may do.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bounds {
    pub(crate) command_bytes: usize,
    pub(crate) payload_bytes: usize,
    pub(crate) rooms: usize,
    pub(crate) commands_per_second: u32,
    pub(crate) burst: u32,
}

/// `auth:expiring`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Expiring {
    pub(crate) expires_at: String,
}
event!(
    Expiring = "auth:expiring",
    "The token is about to expire: send `auth` with a new one, or the connection is closed with 3005."
);

/// `error`
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ErrorEvent<'a> {
    pub(crate) code: Code,
    pub(crate) message: &'a str,
}
event!(ErrorEvent<'a> = "error", "A command failed whose sender asked for no answer, or the connection is about to be closed.");

/// `room:user-joined`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserJoined<'a> {
    pub(crate) room_id: &'a RoomId,
    pub(crate) user_id: &'a UserId,
    pub(crate) username: &'a Username,
    pub(crate) timestamp: String,
}
event!(UserJoined<'a> = "room:user-joined", "To the others in a room: a user is in it with a first device, or has another name.");

/// `room:user-left`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserLeft<'a> {
    pub(crate) room_id: &'a RoomId,
    pub(crate) user_id: &'a UserId,
    pub(crate) username: &'a Username,
    pub(crate) timestamp: String,
}
event!(UserLeft<'a> = "room:user-left", "To the others in a room: the last device of a user has left it.");

/// `room:added`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Added<'a> {
    pub(crate) room_id: &'a RoomId,
}
event!(Added<'a> = "room:added", "To a device that is in a room from now on since the backend has put its user there. `room:join` says what was said before.");

/// `room:removed`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Removed<'a> {
    pub(crate) room_id: &'a RoomId,
}
event!(Removed<'a> = "room:removed", "To a device that is out of a room since its user may no longer be in it.");

/// `chat:edited`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Edited<'a> {
    pub(crate) room_id: &'a RoomId,
    pub(crate) message_id: &'a str,
    /// The number of the edit in the room's sequence.
    pub(crate) seq: u64,
    /// Who edited it.
    pub(crate) user_id: &'a UserId,
    pub(crate) content: &'a str,
    pub(crate) timestamp: &'a str,
}
event!(Edited<'a> = "chat:edited", "To everybody in a room: a message says something else now.");

/// `chat:deleted`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Deleted<'a> {
    pub(crate) room_id: &'a RoomId,
    pub(crate) message_id: &'a str,
    /// The number of the deletion in the room's sequence.
    pub(crate) seq: u64,
    /// Who deleted it.
    pub(crate) user_id: &'a UserId,
    pub(crate) timestamp: &'a str,
}
event!(Deleted<'a> = "chat:deleted", "To everybody in a room: a message is no more.");

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReceiptStatus {
    /// On a device of the user.
    Delivered,
    /// Before the user's eyes.
    Read,
}

/// `chat:receipt`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Receipt<'a> {
    pub(crate) room_id: &'a RoomId,
    pub(crate) user_id: &'a UserId,
    /// All messages up to this number.
    pub(crate) seq: u64,
    pub(crate) status: ReceiptStatus,
}
event!(Receipt<'a> = "chat:receipt", "To everybody in a room of no more than `chat.receipts_max_members`: how far a user has come.");

/// `typing:user`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Typing<'a> {
    pub(crate) room_id: &'a RoomId,
    pub(crate) user_id: &'a UserId,
    pub(crate) username: &'a Username,
}
event!(Typing<'a> = "typing:user", "To the others in a room: a user is typing. It ends by itself after 5 s.");

/// `typing:stopped`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TypingStopped<'a> {
    pub(crate) room_id: &'a RoomId,
    pub(crate) user_id: &'a UserId,
    pub(crate) username: &'a Username,
}
event!(TypingStopped<'a> = "typing:stopped", "To the others in a room: a user is no longer typing.");

/// `user:online`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserOnline<'a> {
    pub(crate) user_id: &'a UserId,
    pub(crate) username: &'a Username,
    pub(crate) timestamp: &'a str,
}
event!(UserOnline<'a> = "user:online", "A user is online with a first device. Who hears of it is set by `presence.audience`.");

/// `user:offline`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserOffline<'a> {
    pub(crate) user_id: &'a UserId,
    pub(crate) username: &'a Username,
    pub(crate) timestamp: &'a str,
}
event!(UserOffline<'a> = "user:offline", "The last device of a user has been gone for `presence.grace`.");

/// `presence:changed`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PresenceChanged<'a> {
    pub(crate) user_id: &'a UserId,
    pub(crate) status: Status,
    pub(crate) last_seen: &'a str,
}
event!(PresenceChanged<'a> = "presence:changed", "A user has another status than before.");

/// `notification`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Notification {
    pub(crate) notification_id: String,
    pub(crate) title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<Value>,
    pub(crate) timestamp: String,
    pub(crate) read: bool,
}
event!(Notification = "notification", "To every device of a user.");

/// `notification:changed`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NotificationsRead<'a> {
    pub(crate) ids: &'a [String],
    /// How many are left that the user has not read.
    pub(crate) unread: u64,
}
event!(NotificationsRead<'a> = "notification:changed", "To every device of a user: these were read on one of them.");

/// A number of the room's sequence is taken by a message: `chat:message`, whose data is a message.
impl Event for crate::message::ChatMessage {
    const NAME: &'static str = "chat:message";
    const SUMMARY: &'static str = "To everybody in a room, the sender's devices among them; of a private conversation to \
         every device of both.";
}

/// `server:draining`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Draining {
    pub(crate) reconnect_after_ms: u64,
}
event!(
    Draining = "server:draining",
    "To everybody: the server is about to shut down; come back after that time."
);

/// `server:metrics`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServerMetrics {
    pub(crate) timestamp: String,
    /// Clients that are connected, by transport.
    pub(crate) connections: Connections,
    /// Users who are online.
    pub(crate) users: usize,
    /// Rooms that somebody is in.
    pub(crate) rooms: usize,
    /// Messages of chats since the start, as are all that follow but the memory.
    pub(crate) messages: u64,
    /// Events that were queued for somebody, each counted as often as there were recipients.
    pub(crate) deliveries: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
    /// Memory of the process that is in use, where the system says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory_bytes: Option<u64>,
    /// Time that processors have spent on the process.
    pub(crate) cpu_seconds: f64,
}
event!(
    ServerMetrics = "server:metrics",
    "To everybody in the room that `metrics.room` names, once a second: how busy the server is."
);

/// Clients that are connected, by transport.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub(crate) struct Connections {
    pub(crate) socketio: usize,
    pub(crate) ws: usize,
    pub(crate) sse: usize,
    pub(crate) poll: usize,
}

/// The prefixes of names that are the server's: clients cannot send each other such events.
const OURS: [&str; 10] = [
    "auth",
    "room",
    "chat",
    "typing",
    "presence",
    "user",
    "notification",
    "doc",
    "server",
    "tidings",
];

/// Whether an event of that name is the server's to send.
pub(crate) fn is_ours(name: &str) -> bool {
    let subject = name.split(':').next().unwrap_or(name);
    OURS.contains(&subject)
        || [
            "welcome",
            "error",
            "batch",
            "ack",
            "connect",
            "connect_error",
            "disconnect",
        ]
        .contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_cannot_send_each_other_what_the_server_says() {
        for (name, ours) in [
            ("chat:message", true),
            ("user:online", true),
            ("notification", true),
            ("welcome", true),
            ("doc:anything", true),
            ("move", false),
            ("game:move", false),
            ("chatter", false),
            ("位置", false),
        ] {
            assert_eq!(is_ours(name), ours, "{name}");
        }
    }
}

//! `connections` and `disconnect`: who is connected, and until when.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings::{CloseCode, Socket, SocketId};
use tidings_store::Time;

use crate::{
    api::{request::Request, whole},
    channel,
    client::Client,
    clock, commands,
    fault::{Code, Fault},
    names::{ClientId, Reason, RoomId, UserId, Username},
};

/// Connections of one page, unless another number is asked for, and at most.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1_000;

/// What somebody is told whose connection is closed without a reason.
const NO_REASON: &str = "The connection was closed by the application.";

/// Which connections are wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Which {
    /// Only those of that user.
    user_id: Option<UserId>,
    /// Only those that are in that room.
    room_id: Option<RoomId>,
    /// Only those from that address.
    #[schemars(
        with = "Option<String>",
        extend("anyOf" = [
            {"type": "string", "format": "ipv4"},
            {"type": "string", "format": "ipv6"},
            {"type": "null"},
        ])
    )]
    address: Option<IpAddr>,
    /// Only that one.
    client_id: Option<ClientId>,
    /// Only those after that one: the last one of the page before.
    after: Option<String>,
    /// How many at most: 100, if it is not said; never more than 1000.
    #[serde(default, deserialize_with = "whole::optional")]
    #[schemars(range(max = 1000))]
    limit: Option<u32>,
}

/// Connections.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    connections: Vec<Connected>,
    /// Whether there are more after the last one.
    has_more: bool,
}

/// A connection.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Connected {
    client_id: String,
    /// Who has signed in; not there while nobody has.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<Username>,
    /// `polling` and `websocket` are of Socket.IO and of `/ws`; `sse`, `poll` and `rpc` of plain HTTP.
    transport: &'static str,
    /// Where it comes from, as far as trusted proxies tell.
    #[schemars(with = "String")]
    address: IpAddr,
    rooms: Vec<RoomId>,
    connected_at: String,
    /// When it last answered the question whether it is there; at first, when it connected.
    last_pong: String,
    /// Bytes that wait to be written to it.
    queue_bytes: usize,
}

/// Whose connections shall end.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend(
    "oneOf" = [
        {"required": ["userId"], "properties": {"userId": {"type": "string"}}},
        {"required": ["clientId"], "properties": {"clientId": {"type": "string"}}},
    ],
    "not" = {
        "required": ["code", "reconnect"],
        "properties": {"code": {"type": "integer"}, "reconnect": {"type": "boolean"}},
    },
))]
pub(super) struct Disconnect {
    /// All of a user.
    user_id: Option<UserId>,
    /// Or that one.
    client_id: Option<ClientId>,
    /// The close code: 3000 to 3499 and 4000 to 4499 ask the client to come back, 3500 to 3999 and
    /// 4500 to 4999 to stay away. Without one it is 3503, or 3011 with `reconnect`.
    #[serde(default, deserialize_with = "whole::optional")]
    #[schemars(range(min = 3000, max = 4999))]
    code: Option<u16>,
    /// What the client is told, in the event `error`.
    reason: Option<Reason>,
    /// Whether the client shall come back.
    reconnect: Option<bool>,
}

/// The connections are being closed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Disconnected {
    /// How many.
    connections: usize,
}

/// Lists connections.
pub(super) async fn connections(request: Request, which: Which) -> Result<Page, Fault> {
    let Which {
        user_id,
        room_id,
        address,
        client_id,
        after,
        limit,
    } = which;
    let to = match (&room_id, &user_id) {
        (Some(room_id), _) => request.hub.to(channel::of_room(room_id)),
        (None, Some(user_id)) => request.hub.to(channel::of_user(user_id)),
        (None, None) => request.hub.everyone(),
    };
    let mut found = to.local_sockets();
    found.retain(|socket| {
        let is_after = after
            .as_deref()
            .is_none_or(|after| socket.id().as_str() > after);
        let is_it = client_id
            .as_ref()
            .is_none_or(|id| socket.id().as_str() == id.as_str());
        let is_of = user_id.as_ref().is_none_or(|id| is_of(socket, id));
        let is_from = address.is_none_or(|address| is_from(socket, address));
        is_after && is_it && is_of && is_from
    });
    let limit = limit.map_or(PAGE, |it| usize::try_from(it).unwrap_or(PAGE_MAX));
    let limit = limit.min(PAGE_MAX);
    let has_more = found.len() > limit;
    if has_more {
        // Of very many only these have to be in order.
        found.select_nth_unstable_by_key(limit, Socket::id);
        found.truncate(limit);
    }
    found.sort_unstable_by_key(Socket::id);
    Ok(Page {
        connections: found.iter().filter_map(describe).collect(),
        has_more,
    })
}

fn is_of(socket: &Socket, user_id: &UserId) -> bool {
    let session = Client::of(socket).and_then(|it| it.session());
    session.is_some_and(|it| it.user_id() == user_id)
}

fn is_from(socket: &Socket, address: IpAddr) -> bool {
    Client::of(socket).is_some_and(|it| it.address == address.to_canonical())
}

fn describe(socket: &Socket) -> Option<Connected> {
    let client = Client::of(socket)?;
    let session = client.session();
    let connection = socket.connection();
    let issued = socket.handshake().issued();
    let connected_at = issued.duration_since(std::time::UNIX_EPOCH).ok()?;
    let silent = connection.last_pong().elapsed();
    let milliseconds = |it: std::time::Duration| i64::try_from(it.as_millis()).unwrap_or(i64::MAX);
    let mut rooms = client.rooms();
    rooms.sort_unstable();
    Some(Connected {
        client_id: socket.id().to_string(),
        user_id: session.as_ref().map(|it| it.user_id().clone()),
        username: session.map(|it| it.identity.username.clone()),
        transport: connection.transport(),
        address: client.address,
        rooms,
        connected_at: clock::rfc3339(Time::from_millis(milliseconds(connected_at))),
        last_pong: clock::rfc3339(Time::from_millis(
            clock::now()
                .as_millis()
                .saturating_sub(milliseconds(silent)),
        )),
        queue_bytes: connection.queued_bytes(),
    })
}

/// Closes connections.
pub(super) async fn disconnect(
    request: Request,
    disconnect: Disconnect,
) -> Result<Disconnected, Fault> {
    let Disconnect {
        user_id,
        client_id,
        code,
        reason,
        reconnect,
    } = disconnect;
    let code = match (code, reconnect) {
        (None, None | Some(false)) => CloseCode::DISMISSED,
        (None, Some(true)) => CloseCode::RECONNECT,
        (Some(code @ 3000..=4999), None) => CloseCode(code),
        (Some(_), None) => {
            let sentence = "code has to be 3000 to 4999: the others are not an application's.";
            return Err(Fault::new(Code::BadRequest, sentence));
        }
        (Some(_), Some(_)) => {
            let sentence = "The code says whether to come back; leave out code, or reconnect.";
            return Err(Fault::new(Code::BadRequest, sentence));
        }
    };
    let sockets = match (user_id, client_id) {
        (Some(user_id), None) => request.hub.to(channel::of_user(&user_id)).local_sockets(),
        (None, Some(client_id)) => {
            let id = SocketId::parse(client_id.as_str());
            id.and_then(|id| request.hub.socket(id))
                .into_iter()
                .collect()
        }
        (Some(_), Some(_)) | (None, None) => {
            let sentence = "Say in userId, or in clientId, whom to disconnect; in one of the two.";
            return Err(Fault::new(Code::BadRequest, sentence));
        }
    };
    let reason = reason.as_ref().map_or(NO_REASON, Reason::as_str);
    for socket in &sockets {
        commands::dismiss(socket, Code::Dismissed, reason, code);
    }
    Ok(Disconnected {
        connections: sockets.len(),
    })
}

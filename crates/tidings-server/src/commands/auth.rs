//! `auth`: signing in. With `--dev`, a guest is whoever he says he is.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidings::SocketId;

use super::{Answer, Call, log_unsent};
use crate::{
    clock,
    fault::Fault,
    identity::Identity,
    names::{Content, RoomId, UserId, Username},
    serve::{PING_INTERVAL, PING_TIMEOUT, ROOMS_PER_CONNECTION},
};

/// What a guest says of himself.
#[derive(Debug, Deserialize)]
pub(super) struct Guest {
    id: UserId,
    username: Username,
}

/// Who the server takes the client to be.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedIn {
    user_id: UserId,
    username: Username,
    client_id: SocketId,
}

/// The event `welcome`: what a client may want to know to begin with.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Welcome<'a> {
    #[serde(flatten)]
    signed_in: &'a SignedIn,
    server_time: String,
    heartbeat: Heartbeat,
    limits: Bounds,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Heartbeat {
    interval_ms: u128,
    timeout_ms: u128,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Bounds {
    content_bytes: usize,
    room_id_bytes: usize,
    rooms_per_connection: usize,
}

/// Signs a guest in.
pub(super) fn auth(call: Call, guest: Guest, answer: &mut Answer<SignedIn>) -> Result<(), Fault> {
    let identity = Identity {
        user_id: guest.id,
        username: guest.username,
    };
    identity.clone().sign_in(&call.socket)?;
    let Identity { user_id, username } = identity;
    let signed_in = SignedIn {
        user_id,
        username,
        client_id: call.socket.id(),
    };
    answer.give(&signed_in);
    let milliseconds = |it: Duration| it.as_millis();
    let welcome = Welcome {
        signed_in: &signed_in,
        server_time: clock::now(),
        heartbeat: Heartbeat {
            interval_ms: milliseconds(PING_INTERVAL),
            timeout_ms: milliseconds(PING_TIMEOUT),
        },
        limits: Bounds {
            content_bytes: Content::MAX_BYTES,
            room_id_bytes: RoomId::MAX_BYTES,
            rooms_per_connection: ROOMS_PER_CONNECTION,
        },
    };
    log_unsent(call.socket.emit("welcome", &welcome));
    Ok(())
}

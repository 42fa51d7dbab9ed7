//! `typing:start` and `typing:stop`.

use serde::Serialize;
use tidings::{Hub, Socket};

use super::{Call, Done, log_unsent, rooms::must_hold};
use crate::{
    app::{App, channel},
    fault::Fault,
    identity::Identity,
    names::{InRoom, RoomId, UserId, Username},
};

/// The events `typing:user` and `typing:stopped`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Typist<'a> {
    room_id: &'a RoomId,
    user_id: &'a UserId,
    username: &'a Username,
}

/// Says to the others in a room that somebody is typing. Whoever types for longer says so again.
pub(super) async fn start(call: Call, InRoom(room_id): InRoom) -> Result<Done, Fault> {
    let Identity { user_id, username } = call.identity()?;
    must_hold(&call.app.chat().lock().rooms, &call.socket, &room_id)?;
    let key = (room_id.clone(), user_id.clone());
    call.app.typing().start(key, username.clone(), || {
        let typist = Typist {
            room_id: &room_id,
            user_id: &user_id,
            username: &username,
        };
        // Whoever cannot take it at once is better off without.
        log_unsent(
            call.others(&room_id)
                .volatile()
                .emit("typing:user", &typist),
        );
    });
    Ok(Done {})
}

/// Says to the others in a room that somebody is no longer typing.
pub(super) async fn stop(call: Call, InRoom(room_id): InRoom) -> Result<Done, Fault> {
    let identity = call.identity()?;
    end(&call.app, &call.socket, &room_id, &identity);
    Ok(Done {})
}

/// Ends the hint of a user in a room, if there is one. Not to be called under the lock of the chat.
pub(super) fn end(app: &App, socket: &Socket, room_id: &RoomId, identity: &Identity) {
    let Identity { user_id, username } = identity;
    app.typing().stop(&(room_id.clone(), user_id.clone()), || {
        let typist = Typist {
            room_id,
            user_id,
            username,
        };
        log_unsent(socket.to(channel(room_id)).emit("typing:stopped", &typist));
    });
}

/// Ends hints that were not repeated, for as long as it is polled.
pub(crate) async fn expire(app: App, hub: Hub) {
    let tell = |(room_id, user_id): &(RoomId, UserId), username: &Username| {
        let typist = Typist {
            room_id,
            user_id,
            username,
        };
        log_unsent(hub.to(channel(room_id)).emit("typing:stopped", &typist));
    };
    app.typing().expire(tell).await;
}

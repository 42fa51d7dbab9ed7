//! `typing:start` and `typing:stop`.

use tidings::Hub;

use super::rooms::must_be_in;
use crate::{
    app::App,
    channel,
    events::{Event as _, Typing, TypingStopped},
    fault::Fault,
    identity::Identity,
    names::{InRoom, RoomId, RoomOr, UserId, Username},
    registry::{Call, Done, log_unsent},
};

/// Says to the others in a room that somebody is typing. Whoever types for longer says so again.
pub(super) async fn start(call: Call, RoomOr(room): RoomOr<InRoom>) -> Result<Done, Fault> {
    let session = call.session()?;
    let InRoom { room_id } = room;
    must_be_in(&call.client, &room_id)?;
    let Identity { user_id, username } = &session.identity;
    let key = (room_id.clone(), user_id.clone());
    call.app.typing().start(key, username.clone(), || {
        let event = Typing {
            room_id: &room_id,
            user_id,
            username,
        };
        let others = call.socket.hub().to(channel::of_room(&room_id));
        let others = others.except(channel::of_user(user_id));
        log_unsent(others.emit(Typing::NAME, &event));
    });
    Ok(Done {})
}

/// Says to the others in a room that somebody is no longer typing.
pub(super) async fn stop(call: Call, RoomOr(room): RoomOr<InRoom>) -> Result<Done, Fault> {
    let session = call.session()?;
    end(
        &call.app,
        call.socket.hub(),
        &room.room_id,
        &session.identity,
    );
    Ok(Done {})
}

/// Ends the hint of a user in a room, if there is one.
pub(super) fn end(app: &App, hub: &Hub, room_id: &RoomId, identity: &Identity) {
    let Identity { user_id, username } = identity;
    let key = (room_id.clone(), user_id.clone());
    app.typing()
        .stop(&key, || tell_stopped(hub, room_id, user_id, username));
}

fn tell_stopped(hub: &Hub, room_id: &RoomId, user_id: &UserId, username: &Username) {
    let event = TypingStopped {
        room_id,
        user_id,
        username,
    };
    let others = hub.to(channel::of_room(room_id));
    let others = others.except(channel::of_user(user_id));
    log_unsent(others.emit(TypingStopped::NAME, &event));
}

/// Ends hints that were not repeated, for as long as it is polled.
pub(crate) async fn expire(app: &App, hub: &Hub) {
    let tell = |(room_id, user_id): &(RoomId, UserId), username: &Username| {
        tell_stopped(hub, room_id, user_id, username);
    };
    app.typing().expire(tell).await;
}

//! `room:join`, `room:leave`, `room:members`; and what follows when a connection goes or returns.

use std::sync::Arc;

use serde::Serialize;
use tidings::{Hub, Socket, SocketId, State};

use super::{Answer, Call, log_unsent};
use crate::{
    app::{App, channel, room_of},
    clock,
    fault::{Code, Fault},
    history::Message,
    identity::Identity,
    names::{InRoom, RoomId},
    rooms::{Entrance, MemberInfo, Rooms},
};

/// What somebody who joins finds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Joined {
    room_id: RoomId,
    members: Vec<MemberInfo>,
    messages: Vec<Arc<Message>>,
    /// Whether the messages continue where the client stopped. Without a store, nobody knows.
    recovered: bool,
}

/// Which room was left.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Left {
    room_id: RoomId,
}

/// Who is in a room.
#[derive(Debug, Serialize)]
pub(super) struct Members {
    members: Vec<MemberInfo>,
}

/// The events `room:user-joined` and `room:user-left`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Passage<'a> {
    room_id: &'a RoomId,
    #[serde(flatten)]
    identity: &'a Identity,
    timestamp: String,
}

/// Joins a room. The answer is given before anything else can happen in the room, so that the
/// members and messages in it and the events after it are the whole story.
pub(super) fn join(
    call: Call,
    InRoom(room_id): InRoom,
    answer: &mut Answer<Joined>,
) -> Result<(), Fault> {
    let identity = call.identity()?;
    let mut chat = call.app.chat().lock();
    enter(&mut chat.rooms, &call.socket, &room_id, &identity)?;
    let members = chat.rooms.members(&room_id);
    let messages = chat.rooms.recent(&room_id);
    answer.give(&Joined {
        room_id,
        members,
        messages,
        recovered: false,
    });
    Ok(())
}

/// Has a socket enter a room, here and in the library, and tells the others.
fn enter(
    rooms: &mut Rooms,
    socket: &Socket,
    room_id: &RoomId,
    identity: &Identity,
) -> Result<(), Fault> {
    let channel = channel(room_id);
    socket.join(&channel).map_err(|error| {
        let sentence =
            format!("Room {room_id} cannot be joined: {error}. Leave another one first.");
        Fault::new(Code::TooManyRooms, sentence)
    })?;
    // A socket that has gone is not heard of again, and would stay a member for ever.
    if !socket.is_connected() {
        return Ok(());
    }
    let Ok(entrance) = rooms.enter(room_id, socket.id(), identity) else {
        socket.leave(&channel);
        let sentence = format!("Room {room_id} cannot be opened: the server has too many rooms.");
        return Err(Fault::new(Code::TooManyRooms, sentence));
    };
    match entrance {
        Entrance::Known => {}
        Entrance::New | Entrance::Renamed => {
            let passage = Passage {
                room_id,
                identity,
                timestamp: clock::now(),
            };
            log_unsent(socket.to(channel).emit("room:user-joined", &passage));
        }
    }
    Ok(())
}

/// Leaves a room. Leaving one that was not joined is no fault.
pub(super) async fn leave(call: Call, InRoom(room_id): InRoom) -> Result<Left, Fault> {
    let Call { app, socket } = &call;
    call.identity()?;
    let mut chat = app.chat().lock();
    socket.leave(channel(&room_id));
    let left = chat.rooms.leave(&room_id, socket.id());
    if let Some(identity) = &left {
        tell_left(socket.hub(), socket.id(), &room_id, identity);
    }
    drop(chat);
    if let Some(identity) = left {
        super::typing::end(app, socket, &room_id, &identity);
    }
    Ok(Left { room_id })
}

/// Lists the members of a room, for a member.
pub(super) async fn members(call: Call, InRoom(room_id): InRoom) -> Result<Members, Fault> {
    call.identity()?;
    let chat = call.app.chat().lock();
    must_hold(&chat.rooms, &call.socket, &room_id)?;
    Ok(Members {
        members: chat.rooms.members(&room_id),
    })
}

/// Only who is in a room may ask about it and send to it.
pub(super) fn must_hold(rooms: &Rooms, socket: &Socket, room_id: &RoomId) -> Result<(), Fault> {
    if rooms.holds(room_id, socket.id()) {
        return Ok(());
    }
    let sentence = format!("You are not in room {room_id}. Send the command room:join first.");
    Err(Fault::new(Code::NotAMember, sentence))
}

/// A connection was opened. One that continues an earlier session is in its rooms again, as far as
/// the library knows; the others saw its user leave, and hear of the return.
pub(super) async fn recover(socket: Socket, State(app): State<App>) {
    if !socket.recovered() {
        return;
    }
    let identity = Identity::recover(&socket);
    for name in socket.rooms() {
        let Some(room_id) = room_of(&name) else {
            continue;
        };
        let mut chat = app.chat().lock();
        let entered = match &identity {
            Some(identity) => enter(&mut chat.rooms, &socket, &room_id, identity).is_ok(),
            None => false,
        };
        if !entered {
            socket.leave(&*name);
        }
    }
}

/// A connection has gone.
///
/// It may have been closed by something that was sent under the lock of the chat, in the same call,
/// so this steps aside before it takes the lock.
pub(super) async fn gone(socket: Socket, State(app): State<App>) {
    tokio::task::yield_now().await;
    let mut chat = app.chat().lock();
    let left = chat.rooms.leave_all(socket.id());
    for (room_id, identity) in &left {
        tell_left(socket.hub(), socket.id(), room_id, identity);
    }
    drop(chat);
    for (room_id, identity) in &left {
        super::typing::end(&app, &socket, room_id, identity);
    }
}

/// Tells a room that somebody has left it; not whoever left, who may come back to a recovered
/// session and would find this in it.
fn tell_left(hub: &Hub, device: SocketId, room_id: &RoomId, identity: &Identity) {
    let passage = Passage {
        room_id,
        identity,
        timestamp: clock::now(),
    };
    let others = hub.to(channel(room_id)).except(device.as_str());
    log_unsent(others.emit("room:user-left", &passage));
}

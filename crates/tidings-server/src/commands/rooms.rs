//! `room:join`, `room:leave`, `room:members`.

use std::{cmp::Reverse, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidings::{Hub, Socket};
use tidings_store::Page;
use tokio::sync::oneshot;

use super::typing;
use crate::{
    app::App,
    channel,
    client::Client,
    clock, delivered,
    device::Device,
    events::{Event as _, UserJoined, UserLeft},
    fault::{Code, Fault},
    identity::Identity,
    limits::meters::Limit,
    message::{self, ChatMessage},
    names::{InRoom, RoomId, RoomOr, UserId, Username},
    presence::Status,
    registry::{Answer, Call, log_unsent},
    rooms::{Entrance, Happening, Opening, Overtaken, Room},
    session::Session,
};

/// Members that one answer lists; `memberCount` counts all.
const MEMBERS_LISTED: usize = 1_000;

/// How often somebody who is overtaken by what is said in a room begins to join it again.
const ATTEMPTS: usize = 4;

/// Which room to join, and what the client knows of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Join {
    room_id: RoomId,
    /// The last number of the room's sequence that the client has; what came after it is answered.
    after: Option<u64>,
    /// How many messages are wanted at most.
    limit: Option<usize>,
}

impl From<RoomId> for Join {
    fn from(room_id: RoomId) -> Self {
        Self {
            room_id,
            after: None,
            limit: None,
        }
    }
}

/// What somebody who joins finds.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Joined {
    room_id: RoomId,
    members: Vec<MemberInfo>,
    member_count: usize,
    /// The last number of the room's sequence: the next event has the one after it.
    last_seq: u64,
    /// Messages, oldest first: the last ones, or with `after` those after that number.
    messages: Vec<ChatMessage>,
    /// Older messages that were edited or deleted after that number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    changed: Vec<ChatMessage>,
    /// Whether `messages` and `changed` are all that happened after that number. If not, the
    /// messages are the last ones of the room, and the client has to start anew.
    recovered: bool,
}

/// A member of a room, as others see it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MemberInfo {
    user_id: UserId,
    username: Username,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Value>")]
    info: Option<Arc<Value>>,
    status: Status,
    devices: usize,
}

/// Which room was left.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Left {
    room_id: RoomId,
}

/// Who is in a room.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Members {
    members: Vec<MemberInfo>,
    member_count: usize,
}

/// What was read of a room before it was joined.
struct Replay {
    messages: Vec<ChatMessage>,
    changed: Vec<ChatMessage>,
    last_seq: u64,
    recovered: bool,
}

/// Joins a room. The answer is given at the moment of joining, so that what it has and the events
/// after it are the whole story.
pub(super) async fn join(
    call: Call,
    RoomOr(join): RoomOr<Join>,
    answer: Answer<Joined>,
) -> Result<(), Fault> {
    let session = call.session()?;
    let Join {
        room_id,
        after,
        limit,
    } = join;
    call.app.access().enter(&session, &room_id).await?;
    let limit = page_of(&call.app, limit);
    for _ in 0..ATTEMPTS {
        let opening = call.app.rooms().open(&room_id);
        let replay = read(&call.app, &room_id, after, limit).await?;
        let (tell, told) = oneshot::channel();
        let store = call.app.store();
        let (call, session, answer) = (call.clone(), Arc::clone(&session), answer.clone());
        let room_id = room_id.clone();
        // Everything that was stored before this is published by the time that it runs, and
        // nothing that is stored after it is; nothing is published while it runs.
        store.barrier(Box::new(move |reached| {
            let outcome = reached
                .map_err(Fault::from)
                .and_then(|()| enter(&call, &session, &room_id, opening, replay, limit, &answer));
            drop(tell.send(outcome));
        }))?;
        match told.await {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(Overtaken))) => {}
            Ok(Err(fault)) => return Err(fault),
            Err(_) => {
                let sentence = "The server is shutting down.";
                return Err(Fault::new(Code::Unavailable, sentence));
            }
        }
    }
    Err(Fault::new(
        Code::Overloaded,
        format!("More is said in room {room_id} than can be told. Try again."),
    ))
}

/// How many messages a client gets that wants so many.
pub(super) fn page_of(app: &App, wanted: Option<usize>) -> usize {
    let config = app.config();
    let chat = &config.chat;
    wanted.unwrap_or(chat.history_page).min(chat.history_max)
}

async fn read(
    app: &App,
    room_id: &RoomId,
    after: Option<u64>,
    limit: usize,
) -> Result<Replay, Fault> {
    let wire = |messages: Vec<_>| {
        let messages = messages.into_iter().map(ChatMessage::from).collect();
        message::within(messages, message::ANSWER_BYTES, false)
    };
    let Some(after) = after else {
        let page = Page::newest(limit);
        let history = app.store().history(room_id.as_str(), page).await?;
        return Ok(Replay {
            messages: wire(history.messages).0,
            changed: Vec::new(),
            last_seq: history.last_seq,
            recovered: false,
        });
    };
    let since = app.store().since(room_id.as_str(), after, limit).await?;
    let ((messages, cut), (changed, changed_cut)) = (wire(since.messages), wire(since.changed));
    let recovered = since.complete && !cut && !changed_cut;
    Ok(Replay {
        messages,
        changed: if recovered { changed } else { Vec::new() },
        last_seq: since.last_seq,
        recovered,
    })
}

/// Enters, tells the others, and answers.
fn enter(
    call: &Call,
    session: &Arc<Session>,
    room_id: &RoomId,
    opening: Opening,
    replay: Replay,
    limit: usize,
    answer: &Answer<Joined>,
) -> Result<Result<(), Overtaken>, Fault> {
    let Call {
        app,
        socket,
        client,
        ..
    } = call;
    let was_in = client.is_in(room_id);
    let read_up_to = replay.last_seq;
    hear(app, socket, client, room_id)?;
    let welcome = |room: &Room, since: &[Happening], entrance: Entrance| {
        let joined = replay.followed_by(since, limit);
        tell_joined(socket, room_id, &session.identity, entrance);
        answer.give(Joined {
            room_id: room_id.clone(),
            members: list(app, room),
            member_count: room.members().len(),
            last_seq: joined.last_seq,
            messages: joined.messages,
            changed: joined.changed,
            recovered: joined.recovered,
        });
        joined.last_seq
    };
    let (identity, info) = (&session.identity, session.info.as_ref());
    let entered = opening.enter(read_up_to, client.device, identity, info, welcome);
    let Ok(last_seq) = entered else {
        if !was_in {
            forget(socket, client, room_id);
        }
        return Ok(Err(Overtaken));
    };
    if last_seq > 0 && delivered::has_receipts(app, room_id) {
        app.delivered()
            .note(room_id, session.user_id().clone(), last_seq);
    }
    leave_if_gone(app, socket, client, session, room_id);
    Ok(Ok(()))
}

impl Replay {
    /// With what was published between the reading and the joining.
    fn followed_by(mut self, since: &[Happening], limit: usize) -> Self {
        for happening in since {
            self.last_seq = happening.seq;
            let message = ChatMessage::clone(&happening.message);
            if happening.new {
                self.messages.push(message);
                continue;
            }
            let same = |it: &&mut ChatMessage| it.message_id == message.message_id;
            if let Some(known) = self.messages.iter_mut().find(same) {
                *known = message;
            } else if self.recovered {
                self.changed
                    .retain(|it| it.message_id != message.message_id);
                self.changed.push(message);
            }
        }
        if !self.recovered && self.messages.len() > limit {
            self.messages.drain(..self.messages.len() - limit);
        }
        self
    }
}

/// Has a socket hear what is said in a room.
///
/// # Errors
///
/// When the socket is in too many rooms.
pub(super) fn hear(
    app: &App,
    socket: &Socket,
    client: &Client,
    room_id: &RoomId,
) -> Result<(), Fault> {
    let most = app.config().rooms.max_per_connection;
    let too_many = || {
        app.guard().hit(Limit::RoomsPerConnection);
        Fault::new(
            Code::TooManyRooms,
            format!(
                "Room {room_id} cannot be joined: this connection is in {most} rooms. Leave \
                 another one first."
            ),
        )
    };
    if !client.add_room(room_id, most) {
        return Err(too_many());
    }
    socket.join(channel::of_room(room_id)).map_err(|_| {
        client.remove_room(room_id);
        too_many()
    })
}

fn forget(socket: &Socket, client: &Client, room_id: &RoomId) {
    socket.leave(channel::of_room(room_id));
    client.remove_room(room_id);
}

/// A socket that the library has in a room already is in it for us as well.
pub(super) fn be_in(
    app: &App,
    socket: &Socket,
    client: &Client,
    session: &Arc<Session>,
    room_id: &RoomId,
) {
    client.add_room(room_id, usize::MAX);
    let (identity, info) = (&session.identity, session.info.as_ref());
    app.rooms()
        .enter(room_id, client.device, identity, info, |entrance| {
            tell_joined(socket, room_id, identity, entrance);
        });
    leave_if_gone(app, socket, client, session, room_id);
}

/// Shows the others in a room what a user is called now.
pub(crate) fn show(app: &App, socket: &Socket, session: &Session, room_id: &RoomId) {
    let (identity, info) = (&session.identity, session.info.as_ref());
    app.rooms().show(room_id, identity, info, || {
        tell_joined(socket, room_id, identity, Entrance::Renamed);
    });
}

/// A socket that went while it joined is not heard of again, and would stay a member for ever.
fn leave_if_gone(
    app: &App,
    socket: &Socket,
    client: &Client,
    session: &Arc<Session>,
    room_id: &RoomId,
) {
    if !socket.is_connected() {
        depart(app, socket.hub(), client.device, session, room_id);
    }
}

fn tell_joined(socket: &Socket, room_id: &RoomId, identity: &Identity, entrance: Entrance) {
    match entrance {
        Entrance::Known => {}
        Entrance::New | Entrance::Renamed => {
            let event = UserJoined {
                room_id,
                user_id: &identity.user_id,
                username: &identity.username,
                timestamp: clock::rfc3339(clock::now()),
            };
            let others = socket.to(channel::of_room(room_id));
            log_unsent(others.emit(UserJoined::NAME, &event));
        }
    }
}

/// The members, those with most devices first when there are too many to list.
fn list(app: &App, room: &Room) -> Vec<MemberInfo> {
    let members = room.members();
    let info = |user_id: &UserId| {
        let member = members.get(user_id)?;
        let seen = app.presence().get(user_id);
        Some(MemberInfo {
            user_id: user_id.clone(),
            username: member.username.clone(),
            info: member.info.clone(),
            status: seen.map_or(Status::Offline, |it| it.status),
            devices: seen.map_or(0, |it| it.devices.min(member.devices.len())),
        })
    };
    if members.len() <= MEMBERS_LISTED {
        return members.keys().filter_map(info).collect();
    }
    let mut ids: Vec<_> = members.iter().collect();
    ids.sort_by_key(|(_, member)| Reverse(member.devices.len()));
    ids.truncate(MEMBERS_LISTED);
    ids.into_iter().filter_map(|(id, _)| info(id)).collect()
}

/// Leaves a room. Leaving one that was not joined is no fault.
pub(super) async fn leave(call: Call, RoomOr(room): RoomOr<InRoom>) -> Result<Left, Fault> {
    let session = call.session()?;
    let InRoom { room_id } = room;
    be_out(&call.app, &call.socket, &call.client, &session, &room_id);
    Ok(Left { room_id })
}

/// Takes a socket out of a room, and tells the others.
pub(super) fn be_out(
    app: &App,
    socket: &Socket,
    client: &Client,
    session: &Arc<Session>,
    room_id: &RoomId,
) {
    forget(socket, client, room_id);
    let hub = socket.hub();
    depart(app, hub, client.device, session, room_id);
    if !app.rooms().holds(room_id, session.user_id()) {
        typing::end(app, hub, room_id, &session.identity);
    }
}

/// A device is no longer in a room; the others hear of it when it was the last of its user.
///
/// Whoever left is not told: a session that is recovered would find this in it.
pub(super) fn depart(
    app: &App,
    hub: &Hub,
    device: Device,
    session: &Arc<Session>,
    room_id: &RoomId,
) {
    app.rooms()
        .leave(room_id, device, session.user_id(), |left| {
            let event = UserLeft {
                room_id,
                user_id: &left.user_id,
                username: &left.username,
                timestamp: clock::rfc3339(clock::now()),
            };
            let others = hub
                .to(channel::of_room(room_id))
                .except(device.socket.as_str());
            log_unsent(others.emit(UserLeft::NAME, &event));
        });
}

/// Lists the members of a room.
pub(super) async fn members(call: Call, RoomOr(room): RoomOr<InRoom>) -> Result<Members, Fault> {
    let session = call.session()?;
    let InRoom { room_id } = room;
    if !call.client.is_in(&room_id) {
        call.app.access().enter(&session, &room_id).await?;
    }
    Ok(who_is_in(&call.app, &room_id))
}

/// The members of a room.
pub(crate) fn who_is_in(app: &App, room_id: &RoomId) -> Members {
    let found = app.rooms().with(room_id, |room| Members {
        members: list(app, room),
        member_count: room.members().len(),
    });
    found.unwrap_or(Members {
        members: Vec::new(),
        member_count: 0,
    })
}

/// Only who is in a room with this connection may do some things there.
///
/// # Errors
///
/// When the connection has not joined the room.
pub(super) fn must_be_in(client: &Client, room_id: &RoomId) -> Result<(), Fault> {
    if client.is_in(room_id) {
        return Ok(());
    }
    let sentence = format!("You are not in room {room_id}. Send the command room:join first.");
    Err(Fault::new(Code::NotAMember, sentence))
}

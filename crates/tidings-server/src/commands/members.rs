//! `room:list`, `room:add-member`, `room:remove-member`: who may enter a room by being stored as
//! its member.
//!
//! A membership changes as an outcome of the store, and what follows from that for the devices of
//! the user happens in the same moment, before anything else is published in the room.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings::{Hub, Socket};
use tidings_store::StoreError;

use super::rooms;
use crate::{
    app::App,
    channel,
    client::Client,
    events::{Added, Event as _, Removed},
    fault::{Code, Fault},
    names::{RoomId, UserId},
    private,
    registry::{Answer, Call, log_unsent},
    session::Session,
};

/// Whose membership of which room.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Membership {
    pub(crate) room_id: RoomId,
    pub(crate) user_id: UserId,
}

/// Whether it was otherwise before.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct WasChanged {
    pub(crate) changed: bool,
}

/// Nothing has to be said.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct Nothing {}

/// The rooms of a user.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RoomsOf {
    rooms: Vec<OwnRoom>,
}

/// A room of a user.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OwnRoom {
    room_id: String,
    /// The last number of the room's sequence.
    last_seq: u64,
    /// The last one that the user has read.
    read_seq: u64,
}

/// Lists the rooms that the user is a member of.
pub(super) async fn list(call: Call, _: Option<Nothing>) -> Result<RoomsOf, Fault> {
    let session = call.session()?;
    let rooms = call
        .app
        .store()
        .rooms_of(session.user_id().as_str())
        .await?;
    let rooms = rooms.into_iter().map(|it| OwnRoom {
        room_id: it.room,
        last_seq: it.last_seq,
        read_seq: it.read,
    });
    Ok(RoomsOf {
        rooms: rooms.collect(),
    })
}

/// Has the two of a private conversation stored as its members, so that both find it again, and
/// goes on when they are, or cannot be. `then` may run twice, and counts once.
pub(super) fn remember(app: &App, room_id: &RoomId, then: impl Fn() + Clone + Send + 'static) {
    let Some((one, other)) = private::parties(room_id) else {
        return then();
    };
    let failed = |outcome: Result<bool, StoreError>| {
        if let Err(error) = outcome {
            tracing::warn!(%error, "a private conversation is not among those of its user");
        }
    };
    let store = app.store();
    let room = room_id.as_str();
    let first = store.set_member(room, one.as_str(), true, Box::new(failed));
    failed(first.map(|()| true));
    let after = then.clone();
    let done = move |outcome| {
        failed(outcome);
        after();
    };
    let second = store.set_member(room, other.as_str(), true, Box::new(done));
    if let Err(error) = second {
        failed(Err(error));
        then();
    }
}

/// Makes a user a member.
pub(super) async fn add(
    call: Call,
    of: Membership,
    answer: Answer<WasChanged>,
) -> Result<(), Fault> {
    set(&call.app, call.socket.hub(), of, Change::Admit, answer)
}

/// Ends a user's membership.
pub(super) async fn remove(
    call: Call,
    of: Membership,
    answer: Answer<WasChanged>,
) -> Result<(), Fault> {
    set(&call.app, call.socket.hub(), of, Change::Expel, answer)
}

/// What becomes of a membership, and of the devices that are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The user may enter from now on.
    Admit,
    /// And is in the room with every device at once.
    Bring,
    /// The membership ends. Devices that nothing else lets in are out.
    Expel,
    /// And so are those that something else would let in; they may come back.
    TakeOut,
}

/// Changes a membership, and answers when that is stored and done.
///
/// # Errors
///
/// When the room has no members to choose, or the store takes no more.
pub(crate) fn set(
    app: &App,
    hub: &Hub,
    of: Membership,
    change: Change,
    answer: Answer<WasChanged>,
) -> Result<(), Fault> {
    let Membership { room_id, user_id } = of;
    if private::is_private(&room_id) {
        return Err(Fault::new(
            Code::BadRequest,
            "A private conversation is of those two whom its name names.",
        ));
    }
    app.access().check_name(&room_id)?;
    let member = matches!(change, Change::Admit | Change::Bring);
    let store = Arc::clone(app.store());
    let (room, user) = (room_id.clone(), user_id.clone());
    let (app, hub) = (app.clone(), hub.clone());
    // Nothing is published while this runs: what was stored before is, what comes after is not.
    let done = move |outcome: Result<bool, StoreError>| match outcome {
        Ok(changed) => {
            match change {
                Change::Admit => {}
                Change::Bring => bring(&app, &hub, &room_id, &user_id),
                Change::Expel if !changed => {}
                Change::Expel => put_out(&app, &hub, &room_id, &user_id, |session| {
                    !app.access().admits(session, &room_id)
                }),
                Change::TakeOut => put_out(&app, &hub, &room_id, &user_id, |_| true),
            }
            answer.give(WasChanged { changed });
        }
        Err(error) => answer.refuse(&Fault::from(error)),
    };
    store.set_member(room.as_str(), user.as_str(), member, Box::new(done))?;
    Ok(())
}

/// Has every device of a user be in a room. One that is in too many rooms stays outside; its user
/// may still enter.
fn bring(app: &App, hub: &Hub, room_id: &RoomId, user_id: &UserId) {
    for (socket, client, session) in devices(hub, user_id) {
        if client.is_in(room_id) {
            continue;
        }
        if let Err(fault) = rooms::hear(app, &socket, &client, room_id) {
            tracing::info!(user = %user_id, room = %room_id, "a device was not brought in: {fault}");
            continue;
        }
        log_unsent(socket.emit(Added::NAME, &Added { room_id }));
        rooms::be_in(app, &socket, &client, &session, room_id);
    }
}

/// Takes those devices of a user out of a room.
fn put_out(
    app: &App,
    hub: &Hub,
    room_id: &RoomId,
    user_id: &UserId,
    is_meant: impl Fn(&Session) -> bool,
) {
    for (socket, client, session) in devices(hub, user_id) {
        if client.is_in(room_id) && is_meant(&session) {
            log_unsent(socket.emit(Removed::NAME, &Removed { room_id }));
            rooms::be_out(app, &socket, &client, &session, room_id);
        }
    }
}

/// The devices of a user that are connected. Who is here for one command only is none.
pub(crate) fn devices(
    hub: &Hub,
    user_id: &UserId,
) -> impl Iterator<Item = (Socket, Arc<Client>, Arc<Session>)> {
    let sockets = hub.to(channel::of_user(user_id)).local_sockets();
    sockets.into_iter().filter_map(|socket| {
        let client = Client::of(&socket)?;
        let session = client.session()?;
        (socket.connection().transport() != "rpc").then_some((socket, client, session))
    })
}

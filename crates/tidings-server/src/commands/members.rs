//! `room:add-member`, `room:remove-member`: who may enter a room by being stored as its member.

use std::sync::Arc;

use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_store::StoreError;

use super::rooms;
use crate::{
    app::App,
    client::Client,
    events::{Event as _, Removed},
    fault::{Code, Fault},
    names::{RoomId, UserId},
    private,
    registry::{Answer, Call, log_unsent},
};

/// Whose membership of which room.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Membership {
    room_id: RoomId,
    user_id: UserId,
}

/// Whether it was otherwise before.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct WasChanged {
    changed: bool,
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
/// goes on when they are.
pub(super) fn remember(app: &App, room_id: &RoomId, then: impl FnOnce() + Send + 'static) {
    let Some((one, other)) = private::parties(room_id) else {
        return then();
    };
    let failed = |outcome: Result<bool, StoreError>| {
        if let Err(error) = outcome {
            tracing::warn!(%error, "a private conversation is not among those of its user");
        }
    };
    let room = room_id.as_str();
    let first = app
        .store()
        .set_member(room, one.as_str(), true, Box::new(failed));
    failed(first.map(|()| true));
    // What goes on afterwards is done in any case, and not before the first was stored.
    let then = Arc::new(Mutex::new(Some(then)));
    let last = Arc::clone(&then);
    let done = move |outcome| {
        failed(outcome);
        if let Some(then) = last.lock().take() {
            then();
        }
    };
    let second = app
        .store()
        .set_member(room, other.as_str(), true, Box::new(done));
    if let Err(error) = second {
        failed(Err(error));
        if let Some(then) = then.lock().take() {
            then();
        }
    }
}

/// Makes a user a member.
pub(super) async fn add(
    call: Call,
    of: Membership,
    answer: Answer<WasChanged>,
) -> Result<(), Fault> {
    set(&call, of, true, answer)
}

/// Ends a user's membership.
pub(super) async fn remove(
    call: Call,
    of: Membership,
    answer: Answer<WasChanged>,
) -> Result<(), Fault> {
    set(&call, of, false, answer)
}

fn set(call: &Call, of: Membership, member: bool, answer: Answer<WasChanged>) -> Result<(), Fault> {
    let Membership { room_id, user_id } = of;
    if private::is_private(&room_id) {
        return Err(Fault::new(
            Code::BadRequest,
            "A private conversation is of those two whom its name names.",
        ));
    }
    let (app, hub) = (call.app.clone(), call.socket.hub().clone());
    let (room, user) = (room_id.clone(), user_id.clone());
    let done = move |outcome| match outcome {
        Ok(changed) => {
            if changed && !member {
                tokio::spawn(evict(app, hub, room_id, user_id));
            }
            answer.give(&WasChanged { changed });
        }
        Err(error) => answer.refuse(&Fault::from(error)),
    };
    call.app
        .store()
        .set_member(room.as_str(), user.as_str(), member, Box::new(done))?;
    Ok(())
}

/// Takes the devices of a user out of a room that nothing lets them into any more.
async fn evict(app: App, hub: tidings::Hub, room_id: RoomId, user_id: UserId) {
    let devices = app.rooms().with(&room_id, |room| {
        let member = room.members().get(&user_id);
        member.map(|it| it.devices.clone()).unwrap_or_default()
    });
    for device in devices.unwrap_or_default() {
        let Some(socket) = hub.socket(device.socket) else {
            continue;
        };
        let Some(client) = Client::of(&socket) else {
            continue;
        };
        let Some(session) = client.session() else {
            continue;
        };
        let still = app.access().enter(&session, &room_id).await;
        if still.is_err_and(|fault| fault.code() == Code::PermissionDenied) {
            log_unsent(socket.emit(Removed::NAME, &Removed { room_id: &room_id }));
            rooms::be_out(&app, &socket, &client, &Arc::clone(&session), &room_id);
        }
    }
}

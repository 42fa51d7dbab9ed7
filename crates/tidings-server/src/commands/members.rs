//! `room:add-member`, `room:remove-member`: who may enter a room by being stored as its member.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

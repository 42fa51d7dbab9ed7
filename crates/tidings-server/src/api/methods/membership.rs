//! `join` and `leave`: who is a member of which room.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    api::request::Request,
    commands::members::{self, Change, Membership, WasChanged},
    fault::Fault,
    names::{RoomId, UserId},
    registry::Answer,
};

/// Whose membership of which room.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Of {
    user_id: UserId,
    room_id: RoomId,
}

/// Makes a user a member.
pub(super) async fn join(request: Request, of: Of) -> Result<WasChanged, Fault> {
    set(request, of, Change::Bring).await
}

/// Ends a membership.
pub(super) async fn leave(request: Request, of: Of) -> Result<WasChanged, Fault> {
    set(request, of, Change::TakeOut).await
}

async fn set(request: Request, of: Of, change: Change) -> Result<WasChanged, Fault> {
    let Of { user_id, room_id } = of;
    request.check_room(&room_id)?;
    let of = Membership { room_id, user_id };
    let (answer, changed) = Answer::awaited();
    members::set(&request.app, &request.hub, of, change, answer)?;
    changed.outcome().await
}

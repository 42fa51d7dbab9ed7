//! `room:emit`: events of the clients' own, for games, cursors and live data.

use schemars::JsonSchema;
use serde::Deserialize;

use super::rooms::must_be_in;
use crate::{
    channel, events,
    fault::{Code, Fault},
    names::{EventName, RoomId},
    registry::{Call, Done},
};

/// An event for the others in a room.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Emit {
    room_id: RoomId,
    event: EventName,
    /// Anything, binary data too. It is passed on as it came.
    #[serde(default, rename = "data")]
    #[schemars(with = "serde_json::Value")]
    _data: serde::de::IgnoredAny,
    /// Whether clients that cannot take it at once do without.
    #[serde(default)]
    volatile: bool,
}

/// Sends an event to the others in a room.
pub(super) async fn emit(call: Call, emit: Emit) -> Result<Done, Fault> {
    let session = call.session()?;
    let Emit {
        room_id,
        event,
        volatile,
        ..
    } = emit;
    must_be_in(&call.client, &room_id)?;
    call.app.access().send(&session, &room_id, true).await?;
    if events::is_ours(event.as_str()) {
        return Err(Fault::new(
            Code::BadRequest,
            format!("The event {event} is the server's own; choose another name."),
        ));
    }
    // Passed on unread, in the encoding in which it came.
    let data = call.args.pluck(0, "data").map_err(Fault::internal)?;
    let others = call.socket.to(channel::of_room(&room_id));
    let others = if volatile { others.volatile() } else { others };
    others
        .emit(event.as_str(), data.unwrap_or_default())
        .map_err(Fault::internal)?;
    Ok(Done {})
}

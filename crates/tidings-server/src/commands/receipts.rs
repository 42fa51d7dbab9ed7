//! `chat:receipts`: how far users have come in a room, for a client that was not there to hear it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    delivered,
    fault::Fault,
    names::{InRoom, RoomOr},
    registry::Call,
};

/// How far users have come.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Receipts {
    receipts: Vec<Reached>,
}

/// How far one user has come.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Reached {
    user_id: String,
    delivered: u64,
    read: u64,
}

/// Reads how far users have come. Whoever has joined the room before misses none: what changes
/// afterwards is told by `chat:receipt`.
pub(super) async fn list(
    call: Call,
    RoomOr(InRoom { room_id }): RoomOr<InRoom>,
) -> Result<Receipts, Fault> {
    let session = call.session()?;
    if !call.client.is_in(&room_id) {
        call.app.access().enter(&session, &room_id).await?;
    }
    let rows = call.app.store().receipts(room_id.as_str()).await?;
    // Where receipts are not told, they are nobody's business but one's own.
    let everybody = delivered::has_receipts(&call.app, &room_id);
    let receipts = rows
        .into_iter()
        .filter(|it| everybody || it.user == session.user_id().as_str())
        .map(|it| Reached {
            user_id: it.user,
            delivered: it.delivered,
            read: it.read,
        });
    Ok(Receipts {
        receipts: receipts.collect(),
    })
}

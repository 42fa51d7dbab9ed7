//! What has reached a device of its recipients: gathered, and stored and told a few times a second
//! rather than for every message.
//!
//! Only rooms of few members have receipts at all (`chat.receipts_max_members`), so what is
//! gathered is bounded by who is in such rooms.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;
use tidings::Hub;
use tidings_store::{Mark, MarkKind};
use tokio::sync::Notify;

use crate::{
    app::App,
    channel, clock,
    events::{Event as _, Receipt, ReceiptStatus},
    names::{RoomId, UserId},
    private,
    registry::log_unsent,
};

/// How long deliveries are gathered.
const EVERY: Duration = Duration::from_millis(200);

/// How far each user has come in each room since it was last told.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    gathered: Mutex<HashMap<(RoomId, UserId), u64>>,
    woken: Notify,
}

impl Delivered {
    /// Everything up to that number has reached a device of that user.
    pub(crate) fn note(&self, room_id: &RoomId, user_id: UserId, seq: u64) {
        let mut gathered = self.gathered.lock();
        let first = gathered.is_empty();
        let known = gathered.entry((room_id.clone(), user_id)).or_default();
        *known = seq.max(*known);
        drop(gathered);
        if first {
            self.woken.notify_one();
        }
    }
}

/// Those whom a message reaches now, beside its sender, in a room that has receipts.
pub(crate) fn recipients(app: &App, room_id: &RoomId, sender: &str) -> Vec<UserId> {
    if let Some((one, other)) = private::parties(room_id) {
        let other = if one.as_str() == sender { other } else { one };
        let reached = other.as_str() != sender && app.presence().is_reachable(&other);
        return Vec::from_iter(reached.then_some(other));
    }
    let most = app.config().chat.receipts_max_members;
    app.rooms()
        .with(room_id, |room| {
            if room.members().len() > most {
                return Vec::new();
            }
            let others = room.members().keys().filter(|it| it.as_str() != sender);
            others.cloned().collect()
        })
        .unwrap_or_default()
}

/// Whether a room is small enough for receipts.
pub(crate) fn has_receipts(app: &App, room_id: &RoomId) -> bool {
    let most = app.config().chat.receipts_max_members;
    let members = |room: &crate::rooms::Room| room.members().len();
    private::is_private(room_id) || app.rooms().with(room_id, members).unwrap_or(0) <= most
}

/// Stores and tells what was gathered, for as long as it is polled.
pub(crate) async fn report(app: &App, hub: &Hub) {
    let delivered = app.delivered();
    loop {
        delivered.woken.notified().await;
        tokio::time::sleep(EVERY).await;
        let gathered = std::mem::take(&mut *delivered.gathered.lock());
        for ((room_id, user_id), seq) in gathered {
            let mark = Mark {
                room: room_id.shared(),
                user: user_id.shared(),
                seq,
                kind: MarkKind::Delivered,
                at: clock::now(),
            };
            let hub = hub.clone();
            let marked = app.store().mark(
                mark,
                Box::new(move |outcome| match outcome {
                    Ok(marked) if marked.advanced => {
                        tell(
                            &hub,
                            &room_id,
                            &user_id,
                            marked.seq,
                            ReceiptStatus::Delivered,
                        );
                    }
                    Ok(_) => {}
                    Err(error) => tracing::debug!(%error, "a delivery was not stored"),
                }),
            );
            if let Err(error) = marked {
                // The next message says it again.
                tracing::debug!(%error, "a delivery was not stored");
            }
        }
    }
}

/// Tells a room how far a user has come.
pub(crate) fn tell(hub: &Hub, room_id: &RoomId, user_id: &UserId, seq: u64, status: ReceiptStatus) {
    let receipt = Receipt {
        room_id,
        user_id,
        seq,
        status,
    };
    log_unsent(channel::hearers(hub, room_id).emit(Receipt::NAME, &receipt));
}

//! `chat:send`: saying something in a room.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Call, rooms::must_hold, tell_all, typing};
use crate::{
    app::{Chat, unique_id},
    clock,
    fault::Fault,
    history::Message,
    names::{ClientMessageId, Content, RoomId},
    receipts::Receipt,
};

/// What is to be said, and where.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Send {
    room_id: RoomId,
    content: Content,
    client_message_id: Option<ClientMessageId>,
}

/// The message that it became, by this command or by an earlier one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sent {
    message_id: Arc<str>,
    timestamp: Arc<str>,
    /// Whether this was a retry, and nothing new was said.
    duplicate: bool,
}

impl Sent {
    fn new(
        Receipt {
            message_id,
            timestamp,
        }: Receipt,
        duplicate: bool,
    ) -> Self {
        Self {
            message_id,
            timestamp,
            duplicate,
        }
    }
}

/// Says something in a room, to all its members, the sender among them. With a `clientMessageId`
/// it is said once, however often it is sent.
pub(super) async fn send(call: Call, send: Send) -> Result<Sent, Fault> {
    let identity = call.identity()?;
    let Send {
        room_id,
        content,
        client_message_id,
    } = send;
    let mut chat = call.app.chat().lock();
    must_hold(&chat.rooms, &call.socket, &room_id)?;
    let Chat { rooms, receipts } = &mut *chat;
    if let Some(name) = &client_message_id
        && let Some(receipt) = receipts.get(&identity.user_id, name)
    {
        return Ok(Sent::new(receipt.clone(), true));
    }
    let receipt = Receipt {
        message_id: unique_id(),
        timestamp: clock::now().into(),
    };
    if let Some(name) = &client_message_id {
        receipts.keep(&identity.user_id, name, receipt.clone());
    }
    let message = Arc::new(Message {
        message_id: Arc::clone(&receipt.message_id),
        room_id,
        sender_id: identity.user_id.clone(),
        sender_name: identity.username.clone(),
        content,
        timestamp: Arc::clone(&receipt.timestamp),
        client_message_id,
    });
    rooms.remember(&message);
    tell_all(
        call.socket.hub(),
        &message.room_id,
        "chat:message",
        &message,
    );
    drop(chat);
    typing::end(&call.app, &call.socket, &message.room_id, &identity);
    Ok(Sent::new(receipt, false))
}

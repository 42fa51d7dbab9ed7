//! `message`: what is said in a room by the backend, or by somebody for whom it speaks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    api::request::Request,
    commands::chat,
    fault::{Code, Fault},
    identity::Identity,
    names::{ClientMessageId, Content, MessageId, RoomId, UserId, Username},
    private,
    registry::Answer,
};

/// A message for a room.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {"required": ["content"], "properties": {"content": {"type": "string"}}},
    {"required": ["text"], "properties": {"text": {"type": "string"}}},
]))]
pub(super) struct Message {
    room_id: RoomId,
    /// What it says.
    content: Option<Content>,
    /// The same, for the short form.
    text: Option<Content>,
    /// Who says it. Of a private conversation, one of the two.
    sender_id: Option<UserId>,
    /// What the sender is called; by the id, when it is not there.
    sender_name: Option<Username>,
    /// The sender's own name for the message, by which a retry is known.
    client_message_id: Option<ClientMessageId>,
    /// Anything for programs; it is passed on as it is.
    meta: Option<Value>,
    /// The message that this one answers.
    reply_to: Option<MessageId>,
}

/// The message is stored.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sent {
    sent: bool,
    #[serde(flatten)]
    message: chat::Sent,
}

/// Sends a message to a room.
pub(super) async fn message(request: Request, message: Message) -> Result<Sent, Fault> {
    let Message {
        room_id,
        content,
        text,
        sender_id,
        sender_name,
        client_message_id,
        meta,
        reply_to,
    } = message;
    request.check_room(&room_id)?;
    request.check_stored("meta", meta.as_ref())?;
    let ((Some(content), None) | (None, Some(content))) = (content, text) else {
        let sentence = "Say in content, or in text, what the message says; in one of the two.";
        return Err(Fault::new(Code::BadRequest, sentence));
    };
    let sender = sender(&request, sender_id, sender_name)?;
    if private::is_private(&room_id) && !private::is_party(&room_id, &sender.user_id) {
        let sentence = format!(
            "Room {room_id} is a private conversation, in which {} says nothing; senderId has to \
             be one of the two.",
            sender.user_id
        );
        return Err(Fault::new(Code::PermissionDenied, sentence));
    }
    let client_message_id = match (client_message_id, request.name) {
        (Some(id), _) => Some(id),
        (None, Some(name)) => Some(ClientMessageId::new(&name.text()).map_err(Fault::internal)?),
        (None, None) => None,
    };
    let send = chat::Send {
        room_id,
        content,
        client_message_id,
        reply_to,
        meta,
    };
    let (answer, sent) = Answer::awaited();
    chat::submit(&request.app, &request.hub, sender, send, answer)?;
    Ok(Sent {
        sent: true,
        message: sent.outcome().await?,
    })
}

fn sender(
    request: &Request,
    id: Option<UserId>,
    name: Option<Username>,
) -> Result<Identity, Fault> {
    let user_id = match id {
        Some(id) => id,
        None => UserId::new(&request.holder.name).map_err(Fault::internal)?,
    };
    Ok(Identity {
        username: name.unwrap_or_else(|| Username::of_user(&user_id)),
        user_id,
    })
}

//! `chat:send`, `chat:private`, `chat:edit`, `chat:delete`, `chat:history`, `chat:read`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::to_raw_value};
use tidings::Hub;
use tidings_store::{
    Amended, Amendment, AmendmentKind, Appended, Mark, MarkKind, NewMessage, Page,
};

use super::{members, rooms::page_of, typing};
use crate::{
    app::App,
    channel, clock, delivered,
    events::{Deleted, Edited, Event as _, ReceiptStatus},
    fault::{Code, Fault},
    identity::Identity,
    message::{self, ChatMessage},
    names::{ClientMessageId, Content, MessageId, RoomId, UserId},
    private,
    registry::{Answer, Call, Done, log_unsent},
    rooms::Happening,
};

/// A message for a room.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Send {
    pub(crate) room_id: RoomId,
    pub(crate) content: Content,
    /// The sender's own name for the message, by which a retry is known.
    pub(crate) client_message_id: Option<ClientMessageId>,
    /// The message that this one answers.
    pub(crate) reply_to: Option<MessageId>,
    /// Anything for programs; it is passed on as it is.
    pub(crate) meta: Option<Value>,
}

/// A message for one user.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SendPrivately {
    to: UserId,
    content: Content,
    /// The sender's own name for the message, by which a retry is known.
    client_message_id: Option<ClientMessageId>,
    /// The message that this one answers.
    reply_to: Option<MessageId>,
    /// Anything for programs; it is passed on as it is.
    meta: Option<Value>,
}

/// The message is stored.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sent {
    message_id: String,
    /// Its number in the room's sequence.
    seq: u64,
    timestamp: String,
    /// Whether it had been sent before, under the same `clientMessageId`.
    duplicate: bool,
    room_id: String,
}

/// What a message shall say instead.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Edit {
    room_id: RoomId,
    message_id: MessageId,
    content: Content,
}

/// Which message shall be no more.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Delete {
    room_id: RoomId,
    message_id: MessageId,
}

/// The message is changed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ChangedAt {
    /// The number of the change in the room's sequence.
    seq: u64,
}

/// Which messages of a room are wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Wanted {
    pub(crate) room_id: RoomId,
    /// Only messages before that number: the last ones of those.
    pub(crate) before: Option<u64>,
    /// Only messages after that number: the first ones of those.
    pub(crate) after: Option<u64>,
    /// How many at most.
    pub(crate) limit: Option<usize>,
}

/// Messages of a room.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct History {
    /// Oldest first.
    messages: Vec<ChatMessage>,
    /// Whether there are more in the direction in which they were asked for.
    has_more: bool,
}

/// How far a user has read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Read {
    room_id: RoomId,
    seq: u64,
}

/// Sends a message to a room.
pub(super) async fn send(call: Call, send: Send, answer: Answer<Sent>) -> Result<(), Fault> {
    let session = call.session()?;
    let inside = call.client.is_in(&send.room_id);
    let access = call.app.access();
    access.send(&session, &send.room_id, inside).await?;
    let hub = call.socket.hub();
    submit(&call.app, hub, session.identity.clone(), send, answer)
}

/// Sends a message to the room of two.
pub(super) async fn private(
    call: Call,
    send: SendPrivately,
    answer: Answer<Sent>,
) -> Result<(), Fault> {
    let session = call.session()?;
    let room_id = private::room_of(session.user_id(), &send.to)
        .map_err(|why| Fault::new(Code::BadRequest, format!("There is no such room: {why}.")))?;
    let SendPrivately {
        content,
        client_message_id,
        reply_to,
        meta,
        ..
    } = send;
    let send = Send {
        room_id,
        content,
        client_message_id,
        reply_to,
        meta,
    };
    let hub = call.socket.hub();
    submit(&call.app, hub, session.identity.clone(), send, answer)
}

/// Has a message of somebody stored, and then published and answered. Whoever calls this has seen
/// to it that the sender may.
///
/// # Errors
///
/// When the store takes no more.
pub(crate) fn submit(
    app: &App,
    hub: &Hub,
    sender: Identity,
    send: Send,
    answer: Answer<Sent>,
) -> Result<(), Fault> {
    let meta = match &send.meta {
        Some(meta) => Some(Arc::from(to_raw_value(meta).map_err(Fault::internal)?)),
        None => None,
    };
    let message = NewMessage {
        room: send.room_id.shared(),
        sender: sender.user_id.shared(),
        sender_name: sender.username.shared(),
        content: send.content.shared(),
        client_message_id: send.client_message_id.as_ref().map(ClientMessageId::shared),
        reply_to: send.reply_to.as_ref().map(MessageId::shared),
        meta: meta
            .as_ref()
            .map(|it: &Arc<serde_json::value::RawValue>| it.get().into()),
        at: clock::now(),
    };
    let store = Arc::clone(app.store());
    let (app, hub, room_id) = (app.clone(), hub.clone(), send.room_id);
    let stored = message.clone();
    let done = move |outcome: Result<Appended, _>| {
        let appended = match outcome {
            Ok(appended) => appended,
            Err(error) => return answer.refuse(&Fault::from(error)),
        };
        let sent = Sent {
            message_id: appended.message_id,
            seq: appended.seq,
            timestamp: clock::rfc3339(appended.at),
            duplicate: appended.duplicate,
            room_id: appended.room.to_string(),
        };
        if !sent.duplicate {
            let message = ChatMessage {
                message_id: sent.message_id.as_str().into(),
                seq: sent.seq,
                room_id: stored.room,
                sender_id: stored.sender,
                sender_name: stored.sender_name,
                content: Some(stored.content),
                timestamp: sent.timestamp.clone(),
                client_message_id: stored.client_message_id,
                reply_to: stored.reply_to,
                meta,
                change_seq: None,
                changed_at: None,
                changed_by: None,
                deleted: false,
            };
            publish(&app, &hub, &room_id, Arc::new(message));
        }
        typing::end(&app, &hub, &room_id, &sender);
        if sent.seq == 1 {
            members::remember(&app, &room_id, move || answer.give(sent.clone()));
        } else {
            answer.give(sent);
        }
    };
    store.append(message, Box::new(done))?;
    Ok(())
}

fn publish(app: &App, hub: &Hub, room_id: &RoomId, message: Arc<ChatMessage>) {
    app.metrics().messages.add(1);
    let happening = Happening {
        seq: message.seq,
        message,
        new: true,
    };
    app.rooms().publish(room_id, &happening);
    let message = &*happening.message;
    log_unsent(channel::hearers(hub, room_id).emit(ChatMessage::NAME, message));
    for recipient in delivered::recipients(app, room_id, &message.sender_id) {
        app.delivered().note(room_id, recipient, message.seq);
    }
}

/// Changes what a message says.
pub(super) async fn edit(call: Call, edit: Edit, answer: Answer<ChangedAt>) -> Result<(), Fault> {
    let kind = AmendmentKind::Edit {
        content: edit.content.shared(),
    };
    amend(&call, edit.room_id, &edit.message_id, kind, answer).await
}

/// Deletes a message.
pub(super) async fn delete(
    call: Call,
    delete: Delete,
    answer: Answer<ChangedAt>,
) -> Result<(), Fault> {
    let kind = AmendmentKind::Delete;
    amend(&call, delete.room_id, &delete.message_id, kind, answer).await
}

async fn amend(
    call: &Call,
    room_id: RoomId,
    message_id: &MessageId,
    kind: AmendmentKind,
    answer: Answer<ChangedAt>,
) -> Result<(), Fault> {
    let session = call.session()?;
    let inside = call.client.is_in(&room_id);
    call.app.access().send(&session, &room_id, inside).await?;
    let amendment = Amendment {
        room: room_id.shared(),
        message_id: message_id.shared(),
        by: session.user_id().shared(),
        moderator: session.admin && matches!(kind, AmendmentKind::Delete),
        kind,
        at: clock::now(),
    };
    let (app, hub) = (call.app.clone(), call.socket.hub().clone());
    let done = move |outcome: Result<Amended, _>| match outcome {
        Ok(Amended { seq, message }) => {
            let message = Arc::new(ChatMessage::from(message));
            publish_change(&app, &hub, &room_id, seq, session.user_id(), message);
            answer.give(ChangedAt { seq });
        }
        Err(error) => answer.refuse(&Fault::from(error)),
    };
    call.app.store().amend(amendment, Box::new(done))?;
    Ok(())
}

fn publish_change(
    app: &App,
    hub: &Hub,
    room_id: &RoomId,
    seq: u64,
    user_id: &UserId,
    message: Arc<ChatMessage>,
) {
    let happening = Happening {
        seq,
        message: Arc::clone(&message),
        new: false,
    };
    app.rooms().publish(room_id, &happening);
    let hearers = channel::hearers(hub, room_id);
    let timestamp = message.changed_at.as_deref().unwrap_or_default();
    let sent = match &message.content {
        Some(content) => hearers.emit(
            Edited::NAME,
            &Edited {
                room_id,
                message_id: &message.message_id,
                seq,
                user_id,
                content,
                timestamp,
            },
        ),
        None => hearers.emit(
            Deleted::NAME,
            &Deleted {
                room_id,
                message_id: &message.message_id,
                seq,
                user_id,
                timestamp,
            },
        ),
    };
    log_unsent(sent);
}

/// Reads messages of a room.
pub(super) async fn history(call: Call, wanted: Wanted) -> Result<History, Fault> {
    let session = call.session()?;
    if !call.client.is_in(&wanted.room_id) {
        call.app.access().enter(&session, &wanted.room_id).await?;
    }
    look_back(&call.app, wanted).await
}

/// Reads messages of a room for somebody who may.
///
/// # Errors
///
/// When the store cannot be asked.
pub(crate) async fn look_back(app: &App, wanted: Wanted) -> Result<History, Fault> {
    let page = Page {
        before: wanted.before,
        after: wanted.after,
        limit: page_of(app, wanted.limit),
    };
    let from_oldest = page.after.is_some();
    let history = app.store().history(wanted.room_id.as_str(), page).await?;
    let messages: Vec<_> = history
        .messages
        .into_iter()
        .map(ChatMessage::from)
        .collect();
    let (messages, cut) = message::within(messages, message::ANSWER_BYTES, from_oldest);
    Ok(History {
        messages,
        has_more: history.has_more || cut,
    })
}

/// Says how far a user has read.
pub(super) async fn read(call: Call, read: Read, answer: Answer<Done>) -> Result<(), Fault> {
    let session = call.session()?;
    let Read { room_id, seq } = read;
    if !call.client.is_in(&room_id) {
        call.app.access().enter(&session, &room_id).await?;
    }
    let mark = Mark {
        room: room_id.shared(),
        user: session.user_id().shared(),
        seq,
        kind: MarkKind::Read,
        at: clock::now(),
    };
    let (app, hub) = (call.app.clone(), call.socket.hub().clone());
    let done = move |outcome: Result<tidings_store::Marked, _>| match outcome {
        Ok(marked) => {
            if marked.advanced && delivered::has_receipts(&app, &room_id) {
                let user_id = session.user_id();
                delivered::tell(&hub, &room_id, user_id, marked.seq, ReceiptStatus::Read);
            }
            answer.give(Done {});
        }
        Err(error) => answer.refuse(&Fault::from(error)),
    };
    call.app.store().mark(mark, Box::new(done))?;
    Ok(())
}

//! Writing with an answer to wait for, and the usual messages.

use tidings_store::{
    Amended, Amendment, AmendmentKind, Appended, Done, Mark, MarkKind, Marked, Message, NewMessage,
    NewNotification, NotificationsRead, Notified, Page, ReadIds, Store, StoreError, Time,
};
use tokio::sync::oneshot;

/// The answer to a write that was queued.
pub(crate) type Answer<T> = oneshot::Receiver<Result<T, StoreError>>;

/// Queues a write.
pub(crate) fn queue<T: Send + 'static>(
    write: impl FnOnce(Done<T>) -> Result<(), StoreError>,
) -> Answer<T> {
    let (tell, told) = oneshot::channel();
    write(Box::new(move |outcome| drop(tell.send(outcome)))).unwrap();
    told
}

/// A message that says something, at a time that is its number.
pub(crate) fn message(room: &str, sender: &str, content: &str) -> NewMessage {
    NewMessage {
        room: room.into(),
        sender: sender.into(),
        sender_name: format!("Name of {sender}").into(),
        content: content.into(),
        client_message_id: None,
        reply_to: None,
        meta: None,
        at: Time::from_millis(1_000),
    }
}

/// The same, with the sender's own name for it.
pub(crate) fn named(room: &str, sender: &str, content: &str, name: &str) -> NewMessage {
    NewMessage {
        client_message_id: Some(name.into()),
        ..message(room, sender, content)
    }
}

pub(crate) fn edit(room: &str, id: &str, by: &str, content: &str) -> Amendment {
    Amendment {
        room: room.into(),
        message_id: id.into(),
        by: by.into(),
        moderator: false,
        kind: AmendmentKind::Edit {
            content: content.into(),
        },
        at: Time::from_millis(2_000),
    }
}

pub(crate) fn delete(room: &str, id: &str, by: &str) -> Amendment {
    Amendment {
        kind: AmendmentKind::Delete,
        ..edit(room, id, by, "")
    }
}

pub(crate) async fn append(store: &dyn Store, message: NewMessage) -> Appended {
    let answer = queue(|done| store.append(message, done));
    answer.await.unwrap().unwrap()
}

/// Says so many things in a room: `1`, `2` and so on.
pub(crate) async fn fill(store: &dyn Store, room: &str, count: usize) -> Vec<Appended> {
    let answers: Vec<_> = (1..=count)
        .map(|it| queue(|done| store.append(message(room, "ana", &it.to_string()), done)))
        .collect();
    let mut appended = Vec::new();
    for answer in answers {
        appended.push(answer.await.unwrap().unwrap());
    }
    appended
}

pub(crate) async fn amend(store: &dyn Store, amendment: Amendment) -> Result<Amended, StoreError> {
    queue(|done| store.amend(amendment, done)).await.unwrap()
}

pub(crate) async fn mark(
    store: &dyn Store,
    room: &str,
    user: &str,
    kind: MarkKind,
    seq: u64,
    at: i64,
) -> Marked {
    let mark = Mark {
        room: room.into(),
        user: user.into(),
        seq,
        kind,
        at: Time::from_millis(at),
    };
    queue(|done| store.mark(mark, done)).await.unwrap().unwrap()
}

pub(crate) async fn notify(store: &dyn Store, user: &str, title: &str, at: i64) -> Notified {
    let notification = NewNotification {
        user: user.into(),
        title: title.into(),
        body: format!("Body of {title}").into(),
        data: None,
        key: None,
        at: Time::from_millis(at),
    };
    let answer = queue(|done| store.notify(notification, done));
    answer.await.unwrap().unwrap()
}

pub(crate) async fn read(store: &dyn Store, user: &str, ids: ReadIds) -> NotificationsRead {
    let at = Time::from_millis(9_000);
    let answer = queue(|done| store.read_notifications(user, ids, at, done));
    answer.await.unwrap().unwrap()
}

pub(crate) async fn set_member(store: &dyn Store, room: &str, user: &str, member: bool) -> bool {
    let answer = queue(|done| store.set_member(room, user, member, done));
    answer.await.unwrap().unwrap()
}

/// Everything in a room, oldest first.
pub(crate) async fn all(store: &dyn Store, room: &str) -> Vec<Message> {
    store
        .history(room, Page::newest(1_000))
        .await
        .unwrap()
        .messages
}

pub(crate) fn seqs(messages: &[Message]) -> Vec<u64> {
    messages.iter().map(|it| it.seq).collect()
}

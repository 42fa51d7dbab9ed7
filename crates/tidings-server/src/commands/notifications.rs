//! `notification:send`, `notification:list`, `notification:read`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidings::Hub;
use tidings_store::{self as store, NewNotification, NotificationQuery, Notified, ReadIds};

use super::rooms::page_of;
use crate::{
    app::App,
    channel, clock,
    events::{Event as _, Notification, NotificationsRead},
    fault::Fault,
    names::{Body, NotificationId, Title, UserId},
    registry::{Answer, Call, log_unsent},
};

/// Ids that one command may name.
const IDS_MAX: usize = 500;

/// What a user shall be told.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Notify {
    user_id: UserId,
    title: Title,
    body: Option<Body>,
    /// Anything for programs.
    data: Option<Value>,
}

/// What a notification says.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    pub(crate) title: Title,
    pub(crate) body: Option<Body>,
    pub(crate) data: Option<Value>,
}

/// The notification is stored.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stored {
    pub(crate) notification_id: String,
    pub(crate) timestamp: String,
    /// Whether it had been stored before, under the same key.
    #[serde(skip)]
    pub(crate) duplicate: bool,
}

/// Which notifications are wanted.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Wanted {
    unread_only: bool,
    /// Only those older than that one.
    before: Option<NotificationId>,
    limit: Option<usize>,
}

/// A user's inbox.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Inbox {
    /// Newest first.
    notifications: Vec<Notification>,
    /// How many the user has not read, in all.
    unread: u64,
}

/// Which were read.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Which {
    /// All of them, when it is not there.
    ids: Option<Vec<NotificationId>>,
}

/// How many are left.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StillUnread {
    unread: u64,
}

fn wire(notification: store::Notification) -> Notification {
    Notification {
        notification_id: notification.id,
        title: notification.title,
        body: (!notification.body.is_empty()).then_some(notification.body),
        data: notification
            .data
            .and_then(|data| serde_json::from_str(&data).ok()),
        timestamp: clock::rfc3339(notification.at),
        read: notification.read_at.is_some(),
    }
}

/// Leaves a notification in a user's inbox.
pub(super) async fn send(call: Call, notify: Notify, answer: Answer<Stored>) -> Result<(), Fault> {
    let Notify {
        user_id,
        title,
        body,
        data,
    } = notify;
    let note = Note { title, body, data };
    leave(&call.app, call.socket.hub(), user_id, note, None, answer)
}

/// Leaves a notification in a user's inbox, and shows it on every device. With a key, the same
/// key again is answered with the first one.
///
/// # Errors
///
/// When the store takes no more.
pub(crate) fn leave(
    app: &App,
    hub: &Hub,
    user_id: UserId,
    note: Note,
    key: Option<Arc<str>>,
    answer: Answer<Stored>,
) -> Result<(), Fault> {
    let Note { title, body, data } = note;
    let new = NewNotification {
        user: user_id.shared(),
        title: title.shared(),
        body: body.map_or_else(|| "".into(), |body| body.shared()),
        data: data.map(|data| data.to_string().into()),
        key,
        at: clock::now(),
    };
    let hub = hub.clone();
    let done = move |outcome: Result<Notified, _>| match outcome {
        Ok(Notified {
            notification,
            duplicate,
            ..
        }) => {
            let event = wire(notification);
            if !duplicate {
                let devices = hub.to(channel::of_user(&user_id));
                log_unsent(devices.emit(Notification::NAME, &event));
            }
            answer.give(Stored {
                notification_id: event.notification_id,
                timestamp: event.timestamp,
                duplicate,
            });
        }
        Err(error) => answer.refuse(&Fault::from(error)),
    };
    app.store().notify(new, Box::new(done))?;
    Ok(())
}

/// Reads the user's inbox.
pub(super) async fn list(call: Call, wanted: Option<Wanted>) -> Result<Inbox, Fault> {
    let session = call.session()?;
    let Wanted {
        unread_only,
        before,
        limit,
    } = wanted.unwrap_or_default();
    let query = NotificationQuery {
        unread_only,
        before: before.map(|it| it.as_str().to_owned()),
        limit: page_of(&call.app, limit),
    };
    let store = call.app.store();
    let found = store
        .notifications(session.user_id().as_str(), query)
        .await?;
    Ok(Inbox {
        notifications: found.notifications.into_iter().map(wire).collect(),
        unread: found.unread,
    })
}

/// Marks notifications as read, and says so to every device.
pub(super) async fn read(
    call: Call,
    which: Option<Which>,
    answer: Answer<StillUnread>,
) -> Result<(), Fault> {
    let session = call.session()?;
    let ids = match which.unwrap_or_default().ids {
        None => ReadIds::All,
        Some(ids) => {
            let ids = ids.iter().take(IDS_MAX);
            ReadIds::Ids(ids.map(|it| it.as_str().to_owned()).collect())
        }
    };
    let hub = call.socket.hub().clone();
    let user_id = session.user_id().clone();
    let done = move |outcome: Result<store::NotificationsRead, _>| match outcome {
        Ok(store::NotificationsRead { read, unread }) => {
            if !read.is_empty() {
                let event = NotificationsRead { ids: &read, unread };
                let devices = hub.to(channel::of_user(&user_id));
                log_unsent(devices.emit(NotificationsRead::NAME, &event));
            }
            answer.give(StillUnread { unread });
        }
        Err(error) => answer.refuse(&Fault::from(error)),
    };
    call.app.store().read_notifications(
        session.user_id().as_str(),
        ids,
        clock::now(),
        Box::new(done),
    )?;
    Ok(())
}

//! `notification:send`, `notification:list`, `notification:read`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidings_store::{self as store, NewNotification, NotificationQuery, Notified, ReadIds};

use super::rooms::page_of;
use crate::{
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

/// The notification is stored.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stored {
    notification_id: String,
    timestamp: String,
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

/// Leaves a notification in a user's inbox, and shows it on every device.
pub(super) async fn send(call: Call, notify: Notify, answer: Answer<Stored>) -> Result<(), Fault> {
    let Notify {
        user_id,
        title,
        body,
        data,
    } = notify;
    let new = NewNotification {
        user: user_id.shared(),
        title: title.shared(),
        body: body.map_or_else(|| "".into(), |body| body.shared()),
        data: data.map(|data| data.to_string().into()),
        at: clock::now(),
    };
    let hub = call.socket.hub().clone();
    let done = move |outcome: Result<Notified, _>| match outcome {
        Ok(Notified { notification, .. }) => {
            let event = wire(notification);
            let devices = hub.to(channel::of_user(&user_id));
            log_unsent(devices.emit(Notification::NAME, &event));
            answer.give(&Stored {
                notification_id: event.notification_id,
                timestamp: event.timestamp,
            });
        }
        Err(error) => answer.refuse(&Fault::from(error)),
    };
    call.app.store().notify(new, Box::new(done))?;
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
            answer.give(&StillUnread { unread });
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

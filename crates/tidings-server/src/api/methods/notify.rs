//! `notify`: notifications in the inboxes of users.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    api::request::Request,
    commands::notifications::{self, Note, Stored},
    fault::{Code, Fault},
    names::{Body, Title, UserId},
    registry::Answer,
};

/// Users that one notification may be for.
const USERS_MAX: usize = 1_000;

/// What users shall be told.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {"required": ["userId"], "properties": {"userId": {"type": "string"}}},
    {"required": ["userIds"], "properties": {"userIds": {"type": "array"}}},
]))]
pub(super) struct Notify {
    /// Whom.
    user_id: Option<UserId>,
    /// Or several.
    #[schemars(length(min = 1, max = 1000))]
    user_ids: Option<Vec<UserId>>,
    title: Title,
    body: Option<Body>,
    /// Anything for programs.
    data: Option<Value>,
}

/// The notifications are stored.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AllStored {
    /// One for each user, in the order in which they were named.
    notifications: Vec<OneStored>,
}

/// A notification is stored.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OneStored {
    user_id: UserId,
    notification_id: String,
    timestamp: String,
    /// Whether it had been stored before, under the same `Idempotency-Key`.
    duplicate: bool,
}

/// Leaves a notification for users.
pub(super) async fn notify(request: Request, notify: Notify) -> Result<AllStored, Fault> {
    let Notify {
        user_id,
        user_ids,
        title,
        body,
        data,
    } = notify;
    request.check_stored("data", data.as_ref())?;
    let user_ids = match (user_id, user_ids) {
        (Some(user_id), None) => vec![user_id],
        (None, Some(user_ids)) if (1..=USERS_MAX).contains(&user_ids.len()) => user_ids,
        (None, Some(_)) => {
            let sentence = format!("userIds has to have 1 to {USERS_MAX} entries.");
            return Err(Fault::new(Code::BadRequest, sentence));
        }
        (Some(_), Some(_)) | (None, None) => {
            let sentence = "Say in userId, or in userIds, whom to notify; in one of the two.";
            return Err(Fault::new(Code::BadRequest, sentence));
        }
    };
    let note = Note { title, body, data };
    let key: Option<Arc<str>> = request.name.map(|name| name.text().into());
    // All are queued before the first is waited for, so that they are committed together.
    let mut awaited = Vec::with_capacity(user_ids.len());
    for user_id in user_ids {
        let (answer, stored) = Answer::awaited();
        let (note, key, whose) = (note.clone(), key.clone(), user_id.clone());
        notifications::leave(&request.app, &request.hub, whose, note, key, answer)?;
        awaited.push((user_id, stored));
    }
    let mut notifications = Vec::with_capacity(awaited.len());
    for (user_id, stored) in awaited {
        let Stored {
            notification_id,
            timestamp,
            duplicate,
        } = stored.outcome().await?;
        notifications.push(OneStored {
            user_id,
            notification_id,
            timestamp,
            duplicate,
        });
    }
    Ok(AllStored { notifications })
}

//! `user`: what a connected user is called, and what others are shown.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    api::request::Request,
    commands::{members, rooms},
    fault::{Code, Fault},
    identity::Identity,
    names::{UserId, Username},
    session::Session,
};

/// What a user is to be from now on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("anyOf" = [
    {"required": ["username"], "properties": {"username": {"type": "string"}}},
    {"required": ["info"], "properties": {"info": {"not": {"type": "null"}}}},
]))]
pub(super) struct Update {
    user_id: UserId,
    /// What the user is called.
    username: Option<Username>,
    /// What others are shown of the user.
    info: Option<Value>,
}

/// The user is changed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Updated {
    /// Connected devices of the user. When there is none, nothing was changed.
    devices: usize,
}

/// Changes a user.
pub(super) async fn update(request: Request, update: Update) -> Result<Updated, Fault> {
    let Update {
        user_id,
        username,
        info,
    } = update;
    if username.is_none() && info.is_none() {
        let sentence = "Say in username, or in info, what to change; in one of them at least.";
        return Err(Fault::new(Code::BadRequest, sentence));
    }
    request.check_stored("info", info.as_ref())?;
    let info = info.map(Arc::new);
    let mut devices = 0;
    for (socket, client, session) in members::devices(&request.hub, &user_id) {
        let session = Arc::new(Session {
            identity: Identity {
                user_id: user_id.clone(),
                username: username
                    .clone()
                    .unwrap_or(session.identity.username.clone()),
            },
            info: info.clone().or_else(|| session.info.clone()),
            ..Session::clone(&session)
        });
        client.sign_in(Arc::clone(&session));
        socket.set_data(&*session).map_err(Fault::internal)?;
        for room_id in client.rooms() {
            rooms::show(&request.app, &socket, &session, &room_id);
        }
        request.app.presence().rename(&session.identity);
        devices += 1;
    }
    Ok(Updated { devices })
}

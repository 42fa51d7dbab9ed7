//! `presence:set`, `presence:get`, and telling others who comes and goes.

use std::{collections::HashMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings::{Hub, Socket};

use crate::{
    app::App,
    channel,
    client::Client,
    clock,
    config::services::Audience,
    device::Device,
    events::{Event as _, PresenceChanged, UserOffline, UserOnline},
    fault::{Code, Fault},
    names::{RoomId, UserId, Username},
    presence::{Change, Chosen, Status},
    registry::{Call, Done, log_unsent},
    session::Session,
};

/// Users that one command may ask about.
const USERS_MAX: usize = 500;

/// What others shall see.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Set {
    status: Chosen,
}

/// Whose presence is asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Get {
    user_ids: Vec<UserId>,
}

/// Who is online.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Users {
    users: Vec<UserPresence>,
}

/// What others see of a user.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserPresence {
    user_id: UserId,
    status: Status,
    /// Now for who is online; not there for somebody who has never been.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<String>,
    devices: usize,
}

/// A device of a user is there.
pub(super) fn arrive(app: &App, socket: &Socket, client: &Client, session: &Arc<Session>) {
    let hub = socket.hub();
    let user = &session.identity;
    let (device, now) = (client.device, clock::now());
    let mut came = false;
    app.presence()
        .arrive(&user.user_id, &user.username, device, now, |change| {
            came = true;
            tell(app, hub, session, &[], &change);
        });
    if came {
        // Should the server be killed, this is the last that is known.
        see(app, &user.user_id, &user.username);
    }
    if !socket.is_connected() {
        // It went meanwhile, and whoever clears up has been here already.
        app.presence().lose(&user.user_id, device);
        depart(app, hub, device, session, &[]);
    }
}

/// The grace of a device has passed.
pub(super) fn depart(
    app: &App,
    hub: &Hub,
    device: Device,
    session: &Arc<Session>,
    rooms: &[RoomId],
) {
    let user = &session.identity;
    let now = clock::now();
    let offline = app.presence().depart(&user.user_id, device, now, |change| {
        tell(app, hub, session, rooms, &change);
    });
    if offline {
        see(app, &user.user_id, &user.username);
    }
}

/// Has it stored that somebody was there now.
pub(crate) fn see(app: &App, user_id: &UserId, username: &Username) {
    let seen = app
        .store()
        .seen(user_id.as_str(), username.as_str(), clock::now());
    if let Err(error) = seen {
        tracing::debug!(%error, "when a user was last seen is not stored");
    }
}

/// Tells the others of a change. `left` are rooms that the user was in until now.
fn tell(app: &App, hub: &Hub, session: &Session, left: &[RoomId], change: &Change) {
    let timestamp = clock::rfc3339(change.at);
    let audience = match app.config().presence.audience {
        Audience::Everyone => hub.to(channel::EVERYBODY),
        Audience::Rooms => {
            let named = session.rooms.exact().filter_map(|it| RoomId::new(it).ok());
            let known = named.chain(left.iter().cloned());
            let own = hub.to(channel::of_user(&change.user_id));
            known.fold(own, |to, room_id| to.to(channel::of_room(&room_id)))
        }
    };
    let user_id = &change.user_id;
    let username = &change.username;
    let timestamp = timestamp.as_str();
    let others = audience.except(channel::of_user(user_id));
    match (change.before, change.now) {
        (_, Status::Offline) => {
            app.webhooks().offline(user_id, username);
            let event = UserOffline {
                user_id,
                username,
                timestamp,
            };
            log_unsent(others.emit(UserOffline::NAME, &event));
        }
        (Status::Offline, _) => {
            app.webhooks().online(user_id, username);
            let event = UserOnline {
                user_id,
                username,
                timestamp,
            };
            log_unsent(others.emit(UserOnline::NAME, &event));
        }
        _ => {}
    }
    let event = PresenceChanged {
        user_id,
        status: change.now,
        last_seen: timestamp,
    };
    log_unsent(others.emit(PresenceChanged::NAME, &event));
}

/// Chooses what others see.
pub(super) async fn set(call: Call, set: Set) -> Result<Done, Fault> {
    let session = call.session()?;
    let hub = call.socket.hub();
    let rooms = call.client.rooms();
    let (user_id, device) = (session.user_id(), call.client.device);
    call.app
        .presence()
        .choose(user_id, device, set.status, clock::now(), |change| {
            tell(&call.app, hub, &session, &rooms, &change);
        });
    Ok(Done {})
}

/// Asks who is online.
pub(super) async fn get(call: Call, get: Get) -> Result<Users, Fault> {
    call.session()?;
    look_up(&call.app, get.user_ids).await
}

/// What others see of these users.
///
/// # Errors
///
/// When they are too many, or the store cannot be asked.
pub(crate) async fn look_up(app: &App, user_ids: Vec<UserId>) -> Result<Users, Fault> {
    if user_ids.len() > USERS_MAX {
        return Err(Fault::new(
            Code::BadRequest,
            format!("userIds may have {USERS_MAX} entries."),
        ));
    }
    let presence = app.presence();
    let seen: Vec<_> = user_ids.iter().map(|id| presence.get(id)).collect();
    let offline = user_ids.iter().zip(&seen);
    let offline = offline.filter(|(_, seen)| seen.is_none_or(|it| it.hidden_since.is_some()));
    let offline: Vec<String> = offline.map(|(id, _)| id.as_str().to_owned()).collect();
    let rows = if offline.is_empty() {
        Vec::new()
    } else {
        app.store().users(&offline).await?
    };
    let last_seen: HashMap<_, _> = rows.into_iter().map(|it| (it.id, it.last_seen)).collect();
    let now = clock::now();
    let users = user_ids.into_iter().zip(seen).map(|(user_id, seen)| {
        let last = match seen {
            Some(seen) if seen.status != Status::Offline => Some(now),
            Some(seen) => seen.hidden_since,
            None => last_seen.get(user_id.as_str()).copied(),
        };
        UserPresence {
            status: seen.map_or(Status::Offline, |it| it.status),
            devices: seen.map_or(0, |it| it.devices),
            last_seen: last.map(clock::rfc3339),
            user_id,
        }
    });
    Ok(Users {
        users: users.collect(),
    })
}

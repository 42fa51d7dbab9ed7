//! What somebody who has signed in is entitled to on one connection.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidings_store::Time;

use crate::{
    identity::{Identity, claims::Claims, patterns::Patterns},
    names::{RoomId, UserId, Username},
};

/// Somebody who has signed in: who, and with what rights, until when. It is kept with the socket's
/// data as well, which a recovered connection brings back.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Session {
    #[serde(flatten)]
    pub(crate) identity: Identity,
    /// What the token says about the user for others to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) info: Option<Arc<Value>>,
    /// The rooms that the token opens.
    pub(crate) rooms: Patterns,
    /// The rooms in which the token lets the user send; all that are open when it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) publish: Option<Patterns>,
    #[serde(default)]
    pub(crate) admin: bool,
    /// When the token expires, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<i64>,
}

impl Session {
    /// The session of whoever has that token.
    pub(crate) fn of_claims(claims: Claims) -> Self {
        let username = claims
            .name
            .unwrap_or_else(|| Username::of_user(&claims.sub));
        Self {
            identity: Identity {
                user_id: claims.sub,
                username,
            },
            info: claims.info,
            rooms: claims.rooms,
            publish: claims.publish,
            admin: claims.admin,
            expires: claims.exp,
        }
    }

    /// The session of a guest, who needs no token while the server is in development.
    pub(crate) fn of_guest(user_id: UserId, username: Option<Username>) -> Self {
        let username = username.unwrap_or_else(|| Username::of_user(&user_id));
        Self {
            identity: Identity { user_id, username },
            info: None,
            rooms: Patterns::default(),
            publish: None,
            admin: false,
            expires: None,
        }
    }

    /// When the token expires.
    pub(crate) fn expires(&self) -> Option<Time> {
        self.expires
            .map(|seconds| Time::from_millis(seconds.saturating_mul(1000)))
    }

    /// Whether the token has expired at that time.
    pub(crate) fn has_expired(&self, now: Time) -> bool {
        self.expires().is_some_and(|expires| expires <= now)
    }

    /// The user.
    pub(crate) fn user_id(&self) -> &UserId {
        &self.identity.user_id
    }

    /// Whether the token names that room among those in which the user may send; a token that
    /// names none leaves it to who may join.
    pub(crate) fn may_send(&self, room: &RoomId) -> bool {
        self.publish
            .as_ref()
            .is_none_or(|publish| publish.matches(room.as_str()))
    }
}

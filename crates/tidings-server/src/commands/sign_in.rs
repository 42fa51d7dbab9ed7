//! `auth`: signing in, with the handshake or later, and going on with a new token.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings::{CloseCode, Socket};

use super::presence;
use crate::{
    app::{App, Due},
    channel,
    client::Client,
    clock,
    events::{Bounds, Event as _, Heartbeat, Removed, Welcome},
    fault::{Code, Fault},
    identity::verifier::TokenError,
    names::{UserId, Username},
    registry::{Answer, Call, log_unsent},
    session::Session,
    webhooks::event::Connection,
};

/// Who signs in.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Auth {
    /// A JSON Web Token.
    token: Option<String>,
    /// The id of a guest, where there are guests.
    #[serde(alias = "userId")]
    id: Option<UserId>,
    /// What a guest wants to be called.
    username: Option<Username>,
}

/// Who has signed in.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedIn {
    user_id: UserId,
    username: Username,
    /// This connection.
    client_id: String,
    /// When the token expires, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

/// Signs in, or goes on with a new token. Who is turned away is answered before the connection is
/// closed.
pub(super) async fn auth(call: Call, auth: Auth, answer: Answer<SignedIn>) -> Result<(), Fault> {
    let Call {
        app,
        socket,
        client,
        ..
    } = &call;
    let session = match auth {
        Auth {
            token: Some(token), ..
        } => match verify(app, &token).await {
            Ok(session) => session,
            Err(fault) => {
                answer.refuse(&fault);
                // A wrong token is no slip of the hand, and guessing shall cost a connection.
                if client.session().is_none() && fault.code() == Code::InvalidToken {
                    socket.close(CloseCode::INVALID_TOKEN, fault.code().as_str());
                }
                return Ok(());
            }
        },
        Auth {
            id: Some(id),
            username,
            ..
        } if app.is_dev() => Session::of_guest(id, username),
        Auth { id: Some(_), .. } => {
            return Err(Fault::new(
                Code::InvalidToken,
                "This server has no guests. Sign in with a token.",
            ));
        }
        Auth { .. } => {
            let wanted = if app.is_dev() { "token or id" } else { "token" };
            return Err(Fault::new(
                Code::BadRequest,
                format!("The data of auth does not fit: missing field `{wanted}`."),
            ));
        }
    };
    let session = Arc::new(session);
    let before = client.session();
    if let Err(fault) = enter(app, socket, client, &session) {
        answer.refuse(&fault);
        if fault.code() == Code::ConnectionLimit {
            socket.close(CloseCode::CONNECTION_LIMIT, fault.code().as_str());
        }
        return Ok(());
    }
    match before {
        None => welcome(app, socket, client, &session),
        Some(_) => {
            narrow(app, socket, client, &session).await;
            schedule(app, socket, client, &session);
            presence::arrive(app, socket, client, &session);
        }
    }
    answer.give(SignedIn {
        user_id: session.user_id().clone(),
        username: session.identity.username.clone(),
        client_id: socket.id().to_string(),
        expires_at: session.expires().map(clock::rfc3339),
    });
    Ok(())
}

/// The session that a token entitles to.
///
/// # Errors
///
/// When the token is not good.
pub(super) async fn verify(app: &App, token: &str) -> Result<Session, Fault> {
    let verified = app.verifier().verify_fresh(token, Timestamp::now()).await;
    let claims = verified.map_err(|error| {
        let code = match error {
            TokenError::Expired => Code::TokenExpired,
            _ => Code::InvalidToken,
        };
        Fault::new(code, error.sentence())
    })?;
    Ok(Session::of_claims(claims))
}

/// Gives the connection to a user. It hears what is said to the user from here on.
///
/// # Errors
///
/// When it is another user's already, or the user has too many connections.
pub(super) fn enter(
    app: &App,
    socket: &Socket,
    client: &Client,
    session: &Arc<Session>,
) -> Result<(), Fault> {
    if let Some(known) = client.session()
        && known.user_id() != session.user_id()
    {
        let sentence = format!(
            "This connection belongs to {} already. Open another one to be somebody else.",
            known.user_id()
        );
        return Err(Fault::new(Code::AlreadyAuthenticated, sentence));
    }
    app.guard().sign_in(socket, session.user_id())?;
    socket.set_data(&**session).map_err(Fault::internal)?;
    client.sign_in(Arc::clone(session));
    for name in [
        channel::of_user(session.user_id()),
        channel::EVERYBODY.to_owned(),
    ] {
        socket.join(name).map_err(Fault::internal)?;
    }
    app.clear_due(&Due::SignIn(client.device));
    Ok(())
}

/// Greets a user who has signed in, and tells the others.
pub(super) fn welcome(app: &App, socket: &Socket, client: &Client, session: &Arc<Session>) {
    schedule(app, socket, client, session);
    if socket.connection().transport() == "rpc" {
        // It is here for one command, and nobody's device.
        return;
    }
    let config = app.config();
    let milliseconds = |it: Duration| u64::try_from(it.as_millis()).unwrap_or(u64::MAX);
    let id = socket.id();
    let welcome = Welcome {
        client_id: id.as_str(),
        user_id: session.user_id(),
        username: &session.identity.username,
        server_time: clock::rfc3339(clock::now()),
        heartbeat: Heartbeat {
            interval_ms: milliseconds(config.heartbeat.interval),
            timeout_ms: milliseconds(config.heartbeat.timeout),
        },
        limits: Bounds {
            command_bytes: config.limits.command_bytes,
            payload_bytes: config.limits.payload_bytes,
            rooms: config.rooms.max_per_connection,
            commands_per_second: config.limits.rate.connection.per_second,
            burst: config.limits.rate.connection.burst,
        },
        recovered: socket.recovered(),
        session: socket.session().map(|it| it.reveal().to_owned()),
    };
    log_unsent(socket.emit(Welcome::NAME, &welcome));
    app.webhooks().connected(&Connection {
        client_id: id.as_str(),
        user_id: session.user_id(),
        username: &session.identity.username,
        transport: socket.connection().transport(),
        recovered: Some(socket.recovered()),
        reason: None,
    });
    presence::arrive(app, socket, client, session);
}

/// Has the token's end noticed.
fn schedule(app: &App, socket: &Socket, client: &Client, session: &Session) {
    let device = client.device;
    let Some(expires) = session.expires() else {
        app.clear_due(&Due::Expiring(device));
        app.clear_due(&Due::Expired(device));
        return;
    };
    let left = expires.since(clock::now());
    let notice = left.saturating_sub(app.config().auth.expiring_notice);
    app.set_due(Due::Expiring(device), notice);
    // For as long as a new connection is let in with it; otherwise they would chase each other.
    app.set_due(Due::Expired(device), left + app.config().auth.leeway);
    if !socket.is_connected() {
        // It went meanwhile, and whoever clears up has been here already.
        app.clear_due(&Due::Expiring(device));
        app.clear_due(&Due::Expired(device));
    }
}

/// Takes the connection out of rooms that the new token does not open any more.
async fn narrow(app: &App, socket: &Socket, client: &Client, session: &Arc<Session>) {
    for room_id in client.rooms() {
        let entered = app.access().enter(session, &room_id).await;
        if entered.is_err_and(|fault| fault.code() == Code::PermissionDenied) {
            log_unsent(socket.emit(Removed::NAME, &Removed { room_id: &room_id }));
            super::rooms::be_out(app, socket, client, session, &room_id);
        }
    }
}

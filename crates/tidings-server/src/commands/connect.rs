//! What happens when a connection comes, goes, or has been there for too long.
//!
//! A connection may bring its token in the handshake, and is then refused or signed in before
//! anything else happens to it; or it signs in later with the command `auth`, for which it has
//! `auth.timeout`. The grace after a connection has gone is the same for all that others hear of
//! it: that its user has left a room, and that its user is offline.

use std::sync::Arc;

use serde::Deserialize;
use tidings::{CloseCode, CloseReason, ConnectRefused, Hub, Socket, State};

use super::sign_in;
use crate::{
    app::{App, Due},
    batching::Batching,
    channel,
    client::Client,
    clock,
    commands::{documents, rooms, typing},
    device::Device,
    events::{ErrorEvent, Event as _, Expiring},
    fault::{Code, Fault},
    identity::{mask, verifier::TokenError},
    limits::meters::Limit,
    names::{RoomId, UserId, Username},
    origin,
    registry::log_unsent,
    session::Session,
    webhooks::event::Connection,
};

/// Rooms that the URL of an event stream or of long-polling may ask for; more have to be joined.
const ROOMS_OF_URL: usize = 32;

/// Decides over a connection, before it can hear anything.
pub(super) async fn middleware(
    socket: Socket,
    State(app): State<App>,
) -> Result<(), ConnectRefused> {
    decide(&app, &socket).await.map_err(|fault| {
        tracing::info!(
            from = %app.guard().address_of(socket.handshake()),
            url = %mask::url(socket.handshake().url()),
            code = fault.code().as_str(),
            "refused a connection: {fault}"
        );
        refused(&fault)
    })
}

async fn decide(app: &App, socket: &Socket) -> Result<(), Fault> {
    let welcome = {
        let allowed = &app.config().allowed_origins;
        origin::is_welcome(socket.handshake(), allowed, app.is_dev())
    };
    if !welcome {
        let sentence = if app.is_dev() {
            "With --dev, only pages of this machine (localhost) may connect."
        } else {
            "Pages of this origin may not connect; the setting allowed_origins says which may."
        };
        return Err(Fault::new(Code::PermissionDenied, sentence));
    }
    let address = app.guard().address_of(socket.handshake());
    let client = Arc::new(Client::new(app.new_device(socket), address));
    socket.insert(Arc::clone(&client));
    if let Some(Batching { size, interval }) = Batching::asked_by(socket)? {
        socket.batch(size, interval);
    }
    // A session of somebody who never signed in has nothing in it that could be told.
    let kept = socket.data::<Option<Session>>().ok().flatten();
    let session = match (credentials(app, socket).await?, kept) {
        (None, None) => return Ok(()),
        // It needs no new token while the old one is good.
        (None, Some(kept)) if kept.has_expired(clock::now()) => {
            let sentence = TokenError::Expired.sentence();
            return Err(Fault::new(Code::TokenExpired, sentence));
        }
        (None, Some(kept)) => kept,
        // Whoever takes over a session has to be who it belongs to.
        (Some(session), Some(kept)) if kept.user_id() != session.user_id() => {
            return Err(Fault::new(
                Code::PermissionDenied,
                "The session that was to be continued belongs to another user.",
            ));
        }
        (Some(session), _) => session,
    };
    let session = Arc::new(session);
    sign_in::enter(app, socket, &client, &session)?;
    leave_closed_rooms(app, socket, &session).await?;
    for room_id in rooms_of_url(socket)? {
        app.access().enter(&session, &room_id).await?;
        rooms::hear(app, socket, &client, &room_id)?;
    }
    Ok(())
}

/// Who the handshake says that the client is, if it says so.
async fn credentials(app: &App, socket: &Socket) -> Result<Option<Session>, Fault> {
    #[derive(Debug, Default, Deserialize)]
    struct Given {
        token: Option<String>,
        id: Option<UserId>,
        username: Option<Username>,
    }
    let given = match socket.auth() {
        Some(auth) => serde_json::from_str(auth.get()).map_err(|error| {
            Fault::new(
                Code::BadRequest,
                format!("What the client authenticates with does not fit: {error}."),
            )
        })?,
        None => Given::default(),
    };
    let handshake = socket.handshake();
    let bearer = || {
        let header = handshake.header("authorization")?;
        let (scheme, token) = header.split_once(' ')?;
        (scheme.eq_ignore_ascii_case("bearer")).then(|| token.trim().to_owned())
    };
    if let Some(token) = given.token.or_else(bearer) {
        return sign_in::verify(app, &token).await.map(Some);
    }
    if app.is_dev() {
        let of_url = |name| handshake.query(name);
        let id = match (given.id, of_url("id")) {
            (Some(id), _) => Some(id),
            (None, Some(id)) => {
                Some(UserId::new(&id).map_err(|it| Fault::new(Code::BadRequest, it))?)
            }
            (None, None) => None,
        };
        let username = match (given.username, of_url("username")) {
            (Some(name), _) => Some(name),
            (None, Some(name)) => {
                Some(Username::new(&name).map_err(|it| Fault::new(Code::BadRequest, it))?)
            }
            (None, None) => None,
        };
        if let Some(id) = id {
            return Ok(Some(Session::of_guest(id, username)));
        }
    }
    Ok(None)
}

/// A session that is continued loses the rooms that its user may not enter any more.
async fn leave_closed_rooms(app: &App, socket: &Socket, session: &Session) -> Result<(), Fault> {
    for name in socket.rooms() {
        let document = channel::document_of(&name).map(|it| it.room());
        let Some(room_id) = channel::room_of(&name).or(document) else {
            continue;
        };
        match app.access().enter(session, &room_id).await {
            Err(fault) if fault.code() == Code::PermissionDenied => socket.leave(&*name),
            entered => entered?,
        }
    }
    Ok(())
}

fn rooms_of_url(socket: &Socket) -> Result<Vec<RoomId>, Fault> {
    let handshake = socket.handshake();
    let asked = handshake.query_pairs().filter(|(name, _)| name == "rooms");
    let names: Vec<String> = asked
        .flat_map(|(_, names)| {
            let names = names.split(',').map(str::to_owned);
            names.collect::<Vec<_>>()
        })
        .collect();
    if names.len() > ROOMS_OF_URL {
        return Err(Fault::new(
            Code::TooManyRooms,
            format!("A URL may name {ROOMS_OF_URL} rooms; join the others with room:join."),
        ));
    }
    let read = |name: &String| RoomId::new(name).map_err(|it| Fault::new(Code::BadRequest, it));
    names.iter().map(read).collect()
}

fn refused(fault: &Fault) -> ConnectRefused {
    let close = match fault.code() {
        Code::InvalidToken => CloseCode::INVALID_TOKEN,
        Code::TokenExpired => CloseCode::TOKEN_EXPIRED,
        Code::ConnectionLimit => CloseCode::CONNECTION_LIMIT,
        Code::BadRequest | Code::TooManyRooms => CloseCode::BAD_REQUEST,
        Code::Unavailable | Code::Overloaded => CloseCode::SHUTDOWN,
        _ => CloseCode::PERMISSION_DENIED,
    };
    ConnectRefused::new(fault.sentence())
        .code(fault.code().as_str())
        .close_code(close)
}

/// A connection is in. One that signed in with its handshake is welcomed; the others have to.
pub(super) async fn connected(socket: Socket, State(app): State<App>) {
    let Some(client) = Client::of(&socket) else {
        return;
    };
    let Some(session) = client.session() else {
        let due = Due::SignIn(client.device);
        app.set_due(due, app.config().auth.timeout);
        return;
    };
    for name in socket.rooms() {
        if let Some(room_id) = channel::room_of(&name) {
            rooms::be_in(&app, &socket, &client, &session, &room_id);
        }
        if let Some(document_id) = channel::document_of(&name) {
            documents::be_in(&app, &socket, &client, &session, &document_id).await;
        }
    }
    sign_in::welcome(&app, &socket, &client, &session);
}

/// A connection has gone; whoever was on it may be back within the grace.
pub(super) async fn gone(socket: Socket, State(app): State<App>, reason: CloseReason) {
    let Some(client) = Client::of(&socket) else {
        return;
    };
    let device = client.device;
    for due in [
        Due::SignIn(device),
        Due::Expiring(device),
        Due::Expired(device),
    ] {
        app.clear_due(&due);
    }
    let Some(session) = client.session() else {
        return;
    };
    app.presence().lose(session.user_id(), device);
    let transport = socket.connection().transport();
    let grace = if transport == "rpc" {
        // It was never there for anybody.
        std::time::Duration::ZERO
    } else {
        app.webhooks().disconnected(&Connection {
            client_id: device.socket.as_str(),
            user_id: session.user_id(),
            username: &session.identity.username,
            transport,
            recovered: None,
            reason: Some(reason.as_str()),
        });
        app.config().presence.grace
    };
    app.departures()
        .keep(device, Arc::clone(&session), client.rooms());
    app.set_due(Due::Departed(device), grace);
    documents::be_out_of_all(&app, &client, &session).await;
}

/// Does what has become due for a connection.
pub(crate) fn on_due(app: &App, hub: &Hub, due: Due) {
    match due {
        // They come back when the server does, and so have not left for anybody.
        Due::Departed(_) if app.guard().is_draining() => {}
        Due::Departed(device) => departed(app, hub, device),
        Due::Vacated(room_id) => app.rooms().settle(&room_id),
        Due::SignIn(device) => {
            if let Some((socket, _)) = connection(hub, device) {
                app.guard().hit(Limit::AuthTimeout);
                let sentence = "Nobody has signed in on this connection in time.";
                dismiss(&socket, Code::Unauthenticated, sentence, CloseCode::STALE);
            }
        }
        Due::Expiring(device) => {
            if let Some((socket, client)) = connection(hub, device)
                && let Some(expires) = client.session().and_then(|it| it.expires())
            {
                let event = Expiring {
                    expires_at: clock::rfc3339(expires),
                };
                log_unsent(socket.emit(Expiring::NAME, &event));
            }
        }
        Due::Expired(device) => {
            if let Some((socket, _)) = connection(hub, device) {
                let sentence = TokenError::Expired.sentence();
                dismiss(
                    &socket,
                    Code::TokenExpired,
                    &sentence,
                    CloseCode::TOKEN_EXPIRED,
                );
            }
        }
    }
}

/// Closes a connection, and says why.
pub(crate) fn dismiss(socket: &Socket, code: Code, message: &str, close: CloseCode) {
    log_unsent(socket.emit(ErrorEvent::NAME, &ErrorEvent { code, message }));
    socket.close(close, code.as_str());
}

/// A connection, if it is there still.
fn connection(hub: &Hub, device: Device) -> Option<(Socket, Arc<Client>)> {
    let socket = hub.socket(device.socket)?;
    let client = Client::of(&socket)?;
    (client.device == device).then_some((socket, client))
}

/// The grace has passed: the others hear of it.
fn departed(app: &App, hub: &Hub, device: Device) {
    let Some((session, rooms)) = app.departures().take(&device) else {
        return;
    };
    for room_id in &rooms {
        rooms::depart(app, hub, device, &session, room_id);
        if !app.rooms().holds(room_id, session.user_id()) {
            typing::end(app, hub, room_id, &session.identity);
        }
    }
    super::presence::depart(app, hub, device, &session, &rooms);
}

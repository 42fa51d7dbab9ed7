//! What an Engine.IO request is checked for, in the order of the reference, and who answers it.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use http_body::Body as HttpBody;
use tidings_protocol::{engine::ErrorCode, websocket::handshake::is_upgrade};

use super::{Endpoint, config::ConnectionError, polling, websocket};
use crate::{
    server::{
        body::{Body, BoxError, empty, respond},
        peer::Peer,
    },
    transport::{connection::Connection, handshake::Handshake},
};

/// The query parameters that the protocol itself reads; the last of several counts.
pub(crate) struct Query<'a>(HashMap<Cow<'a, str>, Cow<'a, str>>);

impl<'a> Query<'a> {
    pub(crate) fn of(parts: &'a Parts) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        Self(form_urlencoded::parse(query.as_bytes()).collect())
    }

    /// A parameter that is there and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|it| &**it).filter(|it| !it.is_empty())
    }
}

/// Why a request is refused.
#[derive(Debug)]
pub(crate) struct Refused {
    code: ErrorCode,
    context: &'static str,
    message: Option<String>,
}

impl Refused {
    fn new(code: ErrorCode, context: &'static str) -> Self {
        Self {
            code,
            context,
            message: None,
        }
    }
}

/// Which transport a checked request wants, and the session that it belongs to.
enum Wanted {
    Open {
        websocket: bool,
    },
    Session {
        connection: Arc<Connection>,
        websocket: bool,
    },
}

/// Answers a request.
pub(crate) async fn handle<B>(endpoint: &Arc<Endpoint>, request: Request<B>) -> Response<Body>
where
    B: HttpBody<Data = Bytes> + Send,
    B::Error: Into<BoxError>,
{
    let (mut parts, body) = request.into_parts();
    if let Some(hook) = &endpoint.config.request_hook {
        hook(&parts);
    }
    if parts.method == Method::OPTIONS
        && let Some(cors) = &endpoint.config.cors
    {
        return cors.preflight(&parts.headers);
    }
    let upgrade = is_upgrade(&parts.headers);
    let mut handshake = false;
    let mut response = match check(endpoint, &parts, upgrade).await {
        Ok(Wanted::Open { websocket }) => {
            handshake = true;
            open(endpoint, &mut parts, websocket)
        }
        Ok(Wanted::Session {
            connection,
            websocket: true,
        }) => websocket::upgrade(endpoint, &mut parts, connection),
        Ok(Wanted::Session {
            connection,
            websocket: false,
        }) => match parts.method {
            Method::GET => polling::get(endpoint, &parts, connection).await,
            Method::POST => polling::post(endpoint, &parts, body, connection).await,
            _ => empty(StatusCode::INTERNAL_SERVER_ERROR),
        },
        Err(refused) => refuse(endpoint, &parts, upgrade, refused),
    };
    if let Some(cors) = &endpoint.config.cors {
        cors.apply(&parts.headers, response.headers_mut());
    }
    if let Some(hook) = &endpoint.config.headers_hook {
        hook(&parts, handshake, response.headers_mut());
    }
    response
}

async fn check(endpoint: &Endpoint, parts: &Parts, upgrade: bool) -> Result<Wanted, Refused> {
    use ErrorCode::{
        BadHandshakeMethod, BadRequest, Forbidden, SessionUnknown, TransportUnknown,
        UnsupportedProtocolVersion,
    };
    let query = Query::of(parts);
    let config = &endpoint.config;
    let websocket = match query.get("transport") {
        Some("polling") if config.polling => false,
        Some("websocket") if config.websocket => true,
        _ => return Err(Refused::new(TransportUnknown, "UNKNOWN_TRANSPORT")),
    };
    if upgrade != websocket && (upgrade || query.get("sid").is_some()) {
        let context = if upgrade {
            "TRANSPORT_MISMATCH"
        } else {
            "TRANSPORT_HANDSHAKE_ERROR"
        };
        return Err(Refused::new(BadRequest, context));
    }
    if let Some(sid) = query.get("sid") {
        let connection = endpoint
            .core
            .registry
            .get(sid)
            .ok_or(Refused::new(SessionUnknown, "UNKNOWN_SID"))?;
        if !websocket && connection.transport() != "polling" {
            return Err(Refused::new(BadRequest, "TRANSPORT_MISMATCH"));
        }
        if query.get("EIO") != Some("4") {
            return Err(Refused::new(BadRequest, "PROTOCOL_MISMATCH"));
        }
        return Ok(Wanted::Session {
            connection,
            websocket,
        });
    }
    if parts.method != Method::GET {
        return Err(Refused::new(BadHandshakeMethod, "BAD_HANDSHAKE_METHOD"));
    }
    if websocket && !upgrade {
        return Err(Refused::new(BadRequest, "TRANSPORT_HANDSHAKE_ERROR"));
    }
    if config
        .cors
        .as_ref()
        .is_some_and(|cors| cors.refuses(&parts.headers))
    {
        return Err(Refused::new(Forbidden, "ORIGIN_NOT_ALLOWED"));
    }
    if let Some(gate) = &config.gate
        && let Err(message) = gate(handshake_of(parts)).await
    {
        let message = Some(message).filter(|it| !it.is_empty());
        return Err(Refused {
            message,
            ..Refused::new(Forbidden, "ALLOW_REQUEST")
        });
    }
    if query.get("EIO") != Some("4") {
        return Err(Refused::new(
            UnsupportedProtocolVersion,
            "UNSUPPORTED_PROTOCOL_VERSION",
        ));
    }
    Ok(Wanted::Open { websocket })
}

/// The record of the request that opens a session.
pub(crate) fn handshake_of(parts: &Parts) -> Handshake {
    let peer = Peer::of(&parts.extensions);
    Handshake::new(parts, peer.address, peer.secure)
}

fn refuse(endpoint: &Endpoint, parts: &Parts, upgrade: bool, refused: Refused) -> Response<Body> {
    let Refused {
        code,
        context,
        message,
    } = refused;
    let message = message.unwrap_or_else(|| code.message().to_owned());
    endpoint.core.stats.connections_refused.add(1);
    if let Some(hook) = &endpoint.config.error_hook {
        hook(&ConnectionError {
            code: code as u8,
            message: message.clone(),
            context,
            url: parts.uri.to_string(),
        });
    }
    if upgrade {
        // A browser's WebSocket shows its page no body; the reference sends the bare text.
        let mut response = respond(StatusCode::BAD_REQUEST, "text/html", message);
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
        return response;
    }
    let status = match code {
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    };
    let body = serde_json::json!({ "code": code as u8, "message": message }).to_string();
    respond(status, "application/json", body)
}

/// Answers the handshake of a new session.
fn open(endpoint: &Arc<Endpoint>, parts: &mut Parts, websocket: bool) -> Response<Body> {
    if !endpoint.core.has_room() {
        return unavailable(endpoint);
    }
    let handshake = handshake_of(parts);
    match endpoint.core.admit(&handshake) {
        Ok(permit) if websocket => websocket::open(endpoint, parts, handshake, permit),
        Ok(permit) => polling::open(endpoint, parts, handshake, permit),
        Err(refusal) if refusal.status() == StatusCode::SERVICE_UNAVAILABLE => {
            let mut response = unavailable(endpoint);
            refusal.apply(&mut response);
            response
        }
        Err(refusal) => {
            let message = Some(refusal.message().to_owned());
            let refused = Refused {
                message,
                ..Refused::new(ErrorCode::Forbidden, "ADMISSION")
            };
            let mut response = refuse(endpoint, parts, websocket, refused);
            refusal.apply(&mut response);
            response
        }
    }
}

/// The answer when the server takes no new connections, now or at all.
fn unavailable(endpoint: &Endpoint) -> Response<Body> {
    endpoint.core.stats.connections_refused.add(1);
    let mut response = empty(StatusCode::SERVICE_UNAVAILABLE);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    response
}

//! The options of a plain WebSocket endpoint, and its handshake.

use std::{sync::Arc, time::Duration};

use http::{Response, StatusCode, request::Parts};
use tidings_protocol::websocket::{Decoder, Limits, handshake::is_upgrade};

use crate::{
    engine::{cors::Cors, http::handshake_of},
    server::{
        body::{Body, respond},
        core::Core,
        upgrade::{self, Upgraded},
    },
    transport::{
        Acceptor,
        connection::{Connection, HeartbeatConfig, Opening, Wire},
        frame::WireEncoding,
        outbox::Sink,
        reader::Reader,
    },
};

/// Options of a plain WebSocket endpoint.
#[derive(Debug, Clone)]
#[must_use]
pub struct WebSocketConfig {
    pub(crate) ping_interval: Duration,
    pub(crate) ping_timeout: Duration,
    pub(crate) max_payload: usize,
    pub(crate) deflate: Option<usize>,
    pub(crate) origins: Option<Cors>,
    pub(crate) any_path: bool,
}

impl Default for WebSocketConfig {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            max_payload: 1_000_000,
            deflate: None,
            origins: None,
            any_path: false,
        }
    }
}

impl WebSocketConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Time from a pong, or from the opening, to the next ping frame. 25 s.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.ping_interval = interval;
        self
    }

    /// Time that a client has to answer a ping. 20 s.
    pub fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.ping_timeout = timeout;
        self
    }

    /// Bytes of the largest message, inclusive. 1,000,000.
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    /// Negotiates permessage-deflate (RFC 7692) and compresses messages of at least so many
    /// bytes; `None` declines it. Off.
    pub fn deflate(mut self, threshold: Option<usize>) -> Self {
        self.deflate = threshold;
        self
    }

    /// Refuses handshakes of pages from other origins than these. Off: any page may connect.
    pub fn allowed_origins(mut self, origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.origins = Some(Cors::origins(origins).strict());
        self
    }

    /// Answers on every path that no other endpoint has.
    pub fn any_path(mut self) -> Self {
        self.any_path = true;
        self
    }
}

/// One mounted plain WebSocket endpoint.
pub(crate) struct PlainEndpoint {
    pub(crate) core: Arc<Core>,
    pub(crate) config: WebSocketConfig,
    pub(crate) acceptor: Box<dyn PlainAcceptor>,
    pub(crate) limits: Arc<Limits>,
}

/// Makes the receivers of a plain endpoint, whose kind may depend on the subprotocol.
pub(crate) trait PlainAcceptor: Send + Sync + 'static {
    /// The subprotocols that are understood, best first.
    fn protocols(&self) -> &'static [&'static str];

    /// The acceptor for a connection that negotiated that subprotocol.
    fn acceptor(&self, protocol: Option<&str>) -> Box<dyn Acceptor>;
}

impl PlainEndpoint {
    /// Answers a handshake.
    pub(crate) fn handle(self: &Arc<Self>, parts: &mut Parts) -> Response<Body> {
        let refuse = |status, why: &'static str| {
            self.core.stats.connections_refused.add(1);
            respond(status, "text/plain", why)
        };
        if !is_upgrade(&parts.headers) {
            return refuse(StatusCode::UPGRADE_REQUIRED, "this is a WebSocket endpoint");
        }
        if self
            .config
            .origins
            .as_ref()
            .is_some_and(|it| it.refuses(&parts.headers))
        {
            return refuse(StatusCode::FORBIDDEN, "this origin is not allowed");
        }
        let core = &self.core;
        if !core.has_room() {
            return refuse(StatusCode::SERVICE_UNAVAILABLE, "no more connections");
        }
        let handshake = handshake_of(parts);
        let permit = match core.admit(&handshake) {
            Ok(permit) => permit,
            Err(refusal) => {
                core.stats.connections_refused.add(1);
                return refusal.into_response();
            }
        };
        let endpoint = Arc::clone(self);
        let deflate = self.config.deflate;
        let protocols = self.acceptor.protocols();
        upgrade::accept(
            core,
            parts,
            deflate.is_some(),
            protocols,
            move |upgraded| async move {
                let Upgraded {
                    read,
                    write,
                    early,
                    deflate: negotiated,
                    compress,
                    protocol,
                } = upgraded;
                let connection = Connection::open(
                    &endpoint.core,
                    Opening {
                        wire: Wire::Plain,
                        sink: Sink::Socket(Arc::new(write)),
                        encoding: WireEncoding {
                            deflate: compress,
                            deflate_threshold: WireEncoding::threshold(deflate),
                            base64: false,
                        },
                        heartbeat: HeartbeatConfig {
                            interval: endpoint.config.ping_interval,
                            timeout: endpoint.config.ping_timeout,
                        },
                        handshake,
                        permit,
                    },
                );
                endpoint.core.stats.connections_opened.add(1);
                connection.accept(&*endpoint.acceptor.acceptor(protocol.as_deref()));
                if let Some(receiver) = connection.receiver() {
                    Arc::clone(receiver).opened(&connection);
                }
                let decoder = Decoder::new(Arc::clone(&endpoint.limits), negotiated);
                endpoint.core.tasks.spawn(
                    Reader {
                        connection,
                        socket: read,
                        decoder,
                    }
                    .run(early),
                );
            },
        )
    }
}

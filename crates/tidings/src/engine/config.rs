//! The options of an Engine.IO endpoint.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use http::{HeaderMap, request::Parts};

use super::cors::Cors;
use crate::transport::handshake::Handshake;

type GateFuture = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;
type Gate = Arc<dyn Fn(Handshake) -> GateFuture + Send + Sync>;
type HeadersHook = Arc<dyn Fn(&Parts, bool, &mut HeaderMap) + Send + Sync>;
type RequestHook = Arc<dyn Fn(&Parts) + Send + Sync>;
type ErrorHook = Arc<dyn Fn(&ConnectionError) + Send + Sync>;

/// A refused request, as given to [`EngineConfig::on_connection_error`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectionError {
    /// The numeric code of the answer, 0 to 5 as in the reference.
    pub code: u8,
    /// The message of the answer.
    pub message: String,
    /// What exactly was wrong, such as `TRANSPORT_MISMATCH`.
    pub context: &'static str,
    /// Path and query of the request. They may hold a session's id: mask them in logs.
    pub url: String,
}

/// The cookie that an answered polling handshake sets, for load balancers that route by it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Cookie {
    /// Its name; `io` in the reference.
    pub name: String,
    /// Attributes after the value, such as `Path=/; HttpOnly; SameSite=Lax`.
    pub attributes: String,
}

impl Cookie {
    /// A cookie of that name with `Path=/; HttpOnly; SameSite=Lax`.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            attributes: "Path=/; HttpOnly; SameSite=Lax".into(),
        }
    }
}

/// Options of an Engine.IO endpoint. The defaults are those of the reference, except that nothing
/// is allowed across origins until [`cors`](Self::cors) says so.
#[derive(Clone)]
#[must_use]
pub struct EngineConfig {
    pub(crate) ping_interval: Duration,
    pub(crate) ping_timeout: Duration,
    pub(crate) upgrade_timeout: Duration,
    pub(crate) max_payload: usize,
    pub(crate) polling: bool,
    pub(crate) websocket: bool,
    pub(crate) allow_upgrades: bool,
    pub(crate) cors: Option<Cors>,
    pub(crate) cookie: Option<Cookie>,
    pub(crate) http_compression: Option<usize>,
    pub(crate) deflate: Option<usize>,
    pub(crate) gate: Option<Gate>,
    pub(crate) request_hook: Option<RequestHook>,
    pub(crate) headers_hook: Option<HeadersHook>,
    pub(crate) error_hook: Option<ErrorHook>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_millis(25_000),
            ping_timeout: Duration::from_millis(20_000),
            upgrade_timeout: Duration::from_secs(10),
            max_payload: 1_000_000,
            polling: true,
            websocket: true,
            allow_upgrades: true,
            cors: None,
            cookie: None,
            http_compression: Some(1024),
            deflate: None,
            gate: None,
            request_hook: None,
            headers_hook: None,
            error_hook: None,
        }
    }
}

impl fmt::Debug for EngineConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineConfig")
            .field("ping_interval", &self.ping_interval)
            .field("ping_timeout", &self.ping_timeout)
            .field("max_payload", &self.max_payload)
            .finish_non_exhaustive()
    }
}

impl EngineConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Time from a pong, or from the opening, to the next ping. 25 s.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.ping_interval = interval;
        self
    }

    /// Time that a client has to answer a ping. 20 s.
    pub fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.ping_timeout = timeout;
        self
    }

    /// Time that an upgrade may take before its WebSocket is closed; the polling session goes on.
    /// 10 s.
    pub fn upgrade_timeout(mut self, timeout: Duration) -> Self {
        self.upgrade_timeout = timeout;
        self
    }

    /// Bytes of the largest message, inclusive, on either transport; on polling, of a whole body.
    /// 1,000,000.
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    /// Which transports are offered. Both.
    pub fn transports(mut self, polling: bool, websocket: bool) -> Self {
        self.polling = polling;
        self.websocket = websocket;
        self
    }

    /// Whether a polling session may move to a WebSocket. Yes.
    pub fn allow_upgrades(mut self, allow: bool) -> Self {
        self.allow_upgrades = allow;
        self
    }

    /// Answers requests from other origins. Off: no header is sent, and browsers refuse them.
    pub fn cors(mut self, cors: Cors) -> Self {
        self.cors = Some(cors);
        self
    }

    /// Sets a cookie with the answer to a polling handshake. Off.
    pub fn cookie(mut self, cookie: Cookie) -> Self {
        self.cookie = Some(cookie);
        self
    }

    /// Compresses polling answers of at least so many bytes; `None` never. 1,024.
    pub fn http_compression(mut self, threshold: Option<usize>) -> Self {
        self.http_compression = threshold;
        self
    }

    /// Negotiates permessage-deflate (RFC 7692) and compresses messages of at least so many
    /// bytes; `None` declines it. Off.
    pub fn deflate(mut self, threshold: Option<usize>) -> Self {
        self.deflate = threshold;
        self
    }

    /// Decides about each handshake. A refusal is answered with 403 and its text as the message,
    /// `Forbidden` when it is empty. Requests of a session that exists are not asked again.
    pub fn allow_request<F, Fut>(mut self, gate: F) -> Self
    where
        F: Fn(Handshake) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.gate = Some(Arc::new(move |handshake| Box::pin(gate(handshake))));
        self
    }

    /// Sees every request of the endpoint before it is answered.
    pub fn on_request(mut self, hook: impl Fn(&Parts) + Send + Sync + 'static) -> Self {
        self.request_hook = Some(Arc::new(hook));
        self
    }

    /// Sees every request of the endpoint with the headers of its answer, which it may change.
    /// The flag says whether this is the answer to a handshake.
    pub fn on_headers(
        mut self,
        hook: impl Fn(&Parts, bool, &mut HeaderMap) + Send + Sync + 'static,
    ) -> Self {
        self.headers_hook = Some(Arc::new(hook));
        self
    }

    /// Hears of every refused request.
    pub fn on_connection_error(
        mut self,
        hook: impl Fn(&ConnectionError) + Send + Sync + 'static,
    ) -> Self {
        self.error_hook = Some(Arc::new(hook));
        self
    }
}

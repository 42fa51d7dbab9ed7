//! Who may connect at all: the application's word on every new connection, before anything of it
//! is kept.
//!
//! It is asked within the answer to an HTTP request, with no lock held, from many threads at once.

use std::{any::Any, fmt, time::Duration};

use http::{HeaderValue, Response, StatusCode, header::RETRY_AFTER};

use crate::{
    server::body::{Body, respond},
    transport::handshake::Handshake,
};

/// Decides about new connections, such as by how many their address has already.
///
/// It is asked once for every connection: for the handshake of an Engine.IO session over polling
/// or WebSocket, for that of a plain WebSocket, for an event stream, for the first poll of a
/// session, and for a command that comes without one; but not when an Engine.IO session changes
/// its transport and not for later polls. What a client authenticates itself with is not known yet; that is for
/// the [middleware](crate::Namespace::middleware) of a namespace.
///
/// ```
/// use std::sync::Arc;
/// use tidings::{Admission, Handshake, Permit, Refusal, Server};
/// use tokio::sync::Semaphore;
///
/// /// Lets a number of clients in at a time.
/// struct AtMost(Arc<Semaphore>);
///
/// impl Admission for AtMost {
///     fn admit(&self, _: &Handshake) -> Result<Permit, Refusal> {
///         match Arc::clone(&self.0).try_acquire_owned() {
///             // Given back when the connection is over.
///             Ok(place) => Ok(Permit::holding(place)),
///             Err(_) => Err(Refusal::too_many_requests("the house is full")),
///         }
///     }
/// }
///
/// let builder = Server::builder().admission(AtMost(Arc::new(Semaphore::new(100))));
/// ```
pub trait Admission: Send + Sync + 'static {
    /// Lets a connection in, or not. It must not block.
    ///
    /// # Errors
    ///
    /// What the client is told instead.
    fn admit(&self, handshake: &Handshake) -> Result<Permit, Refusal>;
}

/// The right of a connection to be there, with whatever has to be given back when it is over: it
/// is dropped then.
#[derive(Default)]
pub struct Permit(Option<Box<dyn Any + Send>>);

impl Permit {
    /// A permit with nothing to give back.
    pub fn free() -> Self {
        Self::default()
    }

    /// A permit that drops `held` when the connection is over: when its socket is closed, or its
    /// polling session has ended. No lock is held then.
    pub fn holding(held: impl Send + 'static) -> Self {
        Self(Some(Box::new(held)))
    }
}

impl Permit {
    /// What the permit holds, if it is of that type.
    pub(crate) fn held<T: Clone + 'static>(&self) -> Option<T> {
        self.0.as_ref()?.downcast_ref().cloned()
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&self.0.is_some()).finish()
    }
}

/// A refusal to let a connection in.
///
/// Plain WebSockets are answered with the status and the message, and the endpoints of plain HTTP
/// with both and `{"success":false,"code":…,"error":message}`. Engine.IO answers as its clients know
/// refusals: 403 and `{"code":4,"message":…}`, or 400 and the message to a WebSocket handshake; and
/// with 503 when the server is [unavailable](Self::unavailable).
#[derive(Debug, Clone)]
pub struct Refusal {
    status: StatusCode,
    message: String,
    retry_after: Option<Duration>,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            retry_after: None,
        }
    }

    /// The client has connected too often, or has too many connections: 429.
    pub fn too_many_requests(message: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, message)
    }

    /// The client may not connect: 403.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// The server takes nobody for now: 503.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// Asks the client to wait for so long before it tries again (`Retry-After`, in whole
    /// seconds).
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Adds what headers can say of the refusal.
    pub(crate) fn apply(&self, response: &mut Response<Body>) {
        if let Some(seconds) = self.retry_after_seconds() {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
    }

    /// After how many whole seconds the client may try again.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        let wait = self.retry_after?;
        Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
    }

    /// The answer of a plain endpoint.
    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = respond(self.status, "text/plain", self.message.clone());
        self.apply(&mut response);
        response
    }
}

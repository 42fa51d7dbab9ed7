//! Raw WebSocket messages, and rooms for them.

use std::sync::Arc;

use super::endpoint::PlainAcceptor;
use crate::{
    hub::{Socket, encoding::Encoding, namespaces::Namespaces},
    reason::CloseReason,
    transport::{Acceptor, Malformed, Receiver, connection::{Connection, Goodbye}},
};

/// What is done with the messages of a plain WebSocket endpoint.
///
/// Each client is a [`Socket`] of a namespace of its own, so it can join rooms and be reached by
/// [`Broadcast::send_text`](crate::Broadcast::send_text). The methods must not block; spawn what
/// takes time.
///
/// ```
/// use tidings::{Server, Socket, WebSocketConfig, WebSocketHandler};
///
/// /// Sends every message to everybody, its sender included.
/// struct Relay;
///
/// impl WebSocketHandler for Relay {
///     fn text(&self, socket: &Socket, text: &str) {
///         socket.hub().everyone().send_text(text);
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().websocket("/relay", WebSocketConfig::new(), Relay).build()?;
/// # server.close().await;
/// # Ok(()) }
/// ```
pub trait WebSocketHandler: Send + Sync + 'static {
    /// A client has connected.
    fn opened(&self, socket: &Socket) {
        let _ = socket;
    }

    /// A text message came.
    fn text(&self, socket: &Socket, text: &str) {
        let _ = (socket, text);
    }

    /// A binary message came.
    fn binary(&self, socket: &Socket, bytes: &[u8]) {
        let _ = (socket, bytes);
    }

    /// The client has gone.
    fn closed(&self, socket: &Socket, reason: CloseReason) {
        let _ = (socket, reason);
    }
}

pub(crate) struct RawEndpoint {
    pub(crate) handler: Arc<dyn WebSocketHandler>,
    pub(crate) namespaces: Arc<Namespaces>,
    /// The name of the namespace that its sockets are in.
    pub(crate) namespace: Arc<str>,
}

impl PlainAcceptor for RawEndpoint {
    fn protocols(&self) -> &'static [&'static str] {
        &[]
    }

    fn acceptor(&self, _: Option<&str>) -> Box<dyn Acceptor> {
        Box::new(RawAcceptor {
            handler: Arc::clone(&self.handler),
            namespaces: Arc::clone(&self.namespaces),
            namespace: Arc::clone(&self.namespace),
        })
    }
}

struct RawAcceptor {
    handler: Arc<dyn WebSocketHandler>,
    namespaces: Arc<Namespaces>,
    namespace: Arc<str>,
}

impl Acceptor for RawAcceptor {
    fn accept(&self, connection: &Arc<Connection>) -> Arc<dyn Receiver> {
        let Some(hub) = self.namespaces.enter(&self.namespace) else {
            connection.end(CloseReason::ForcedClose, Goodbye::Frame(None, ""));
            return Arc::new(Nobody);
        };
        let socket = hub.welcome(connection, Encoding::Raw, None, None);
        hub.admit(&socket, None, || {});
        self.handler.opened(&socket);
        Arc::new(RawReceiver { handler: Arc::clone(&self.handler), socket })
    }
}

struct Nobody;

impl Receiver for Nobody {
    fn text(&self, _: &Arc<Connection>, _: &str) -> Result<bool, Malformed> {
        Err(Malformed)
    }

    fn binary(&self, _: &Arc<Connection>, _: &[u8]) -> Result<bool, Malformed> {
        Err(Malformed)
    }

    fn closed(&self, _: &Arc<Connection>, _: CloseReason) {}
}

struct RawReceiver {
    handler: Arc<dyn WebSocketHandler>,
    socket: Socket,
}

impl Receiver for RawReceiver {
    fn text(&self, _: &Arc<Connection>, text: &str) -> Result<bool, Malformed> {
        self.handler.text(&self.socket, text);
        Ok(false)
    }

    fn binary(&self, _: &Arc<Connection>, bytes: &[u8]) -> Result<bool, Malformed> {
        self.handler.binary(&self.socket, bytes);
        Ok(false)
    }

    fn closed(&self, _: &Arc<Connection>, reason: CloseReason) {
        self.socket.depart(reason);
        self.socket.hub().forget_one();
        self.handler.closed(&self.socket, reason);
    }
}

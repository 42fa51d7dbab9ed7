//! Raw WebSocket messages, and rooms for them.

use std::sync::Arc;

use parking_lot::Mutex;

use super::endpoint::PlainAcceptor;
use crate::{
    hub::{Socket, encoding::Encoding, namespaces::Namespaces},
    reason::CloseReason,
    transport::{
        Acceptor, Malformed, Receiver,
        connection::{Connection, Goodbye},
    },
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
/// /// Sends every message to everybody in the sender's room, which the URL names.
/// struct Relay;
///
/// impl WebSocketHandler for Relay {
///     fn opened(&self, socket: &Socket) {
///         let room = socket.handshake().query("room").unwrap_or_default();
///         if socket.join(format!("room {room}")).is_err() {
///             socket.disconnect(true);
///         }
///     }
///
///     fn text(&self, socket: &Socket, text: &str) {
///         for room in socket.rooms().iter().skip(1) {
///             socket.hub().to(room).send_text(text);
///         }
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

impl Socket {
    /// Sends a text message to this client, if it is one of a raw WebSocket endpoint.
    pub fn send_text(&self, text: &str) {
        if self.encoding() == Encoding::Raw {
            self.connection().send_text(text);
        }
    }

    /// Sends a binary message to this client, if it is one of a raw WebSocket endpoint.
    pub fn send_binary(&self, bytes: &[u8]) {
        if self.encoding() == Encoding::Raw {
            self.connection().send_binary(bytes);
        }
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
    fn accept(&self, _: &Arc<Connection>) -> Arc<dyn Receiver> {
        Arc::new(RawReceiver {
            handler: Arc::clone(&self.handler),
            namespaces: Arc::clone(&self.namespaces),
            namespace: Arc::clone(&self.namespace),
            state: Mutex::new(State::Opening),
        })
    }
}

struct RawReceiver {
    handler: Arc<dyn WebSocketHandler>,
    namespaces: Arc<Namespaces>,
    namespace: Arc<str>,
    state: Mutex<State>,
}

enum State {
    Opening,
    Open(Socket),
    /// Let go of, since a socket holds its connection and a connection its receiver.
    Gone(CloseReason),
}

impl RawReceiver {
    fn socket(&self) -> Option<Socket> {
        match &*self.state.lock() {
            State::Open(socket) => Some(socket.clone()),
            State::Opening | State::Gone(_) => None,
        }
    }

    fn leave(&self, socket: &Socket, reason: CloseReason) {
        socket.depart(reason);
        socket.hub().forget_one();
        self.handler.closed(socket, reason);
    }
}

impl Receiver for RawReceiver {
    fn opened(self: Arc<Self>, connection: &Arc<Connection>) {
        let Some(hub) = self.namespaces.enter(&self.namespace) else {
            connection.end(CloseReason::ForcedClose, Goodbye::Frame(None, ""));
            return;
        };
        let socket = hub.welcome(connection, Encoding::Raw, None, None, None);
        hub.admit(&socket, None, |_| {});
        self.handler.opened(&socket);
        let mut state = self.state.lock();
        if let State::Gone(reason) = *state {
            drop(state);
            self.leave(&socket, reason);
        } else {
            *state = State::Open(socket);
        }
    }

    fn text(&self, _: &Arc<Connection>, text: &str) -> Result<bool, Malformed> {
        let socket = self.socket().ok_or(Malformed)?;
        self.handler.text(&socket, text);
        Ok(false)
    }

    fn binary(&self, _: &Arc<Connection>, bytes: &[u8]) -> Result<bool, Malformed> {
        let socket = self.socket().ok_or(Malformed)?;
        self.handler.binary(&socket, bytes);
        Ok(false)
    }

    fn closed(&self, _: &Arc<Connection>, reason: CloseReason) {
        let before = std::mem::replace(&mut *self.state.lock(), State::Gone(reason));
        if let State::Open(socket) = before {
            self.leave(&socket, reason);
        }
    }
}

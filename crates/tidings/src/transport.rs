//! What carries bytes: connections and their outboxes, the shards that write them, the wheel of
//! deadlines, and the reading loop of an upgraded socket.
//!
//! Nothing here knows of namespaces or rooms. A [`Connection`] hands what it receives to its
//! [`Receiver`], and writes the [`Frame`](frame::Frame)s that it is given.

pub(crate) mod connection;
pub(crate) mod frame;
pub(crate) mod gathering;
pub(crate) mod handshake;
pub(crate) mod longpoll;
pub(crate) mod outbox;
pub(crate) mod queue;
pub(crate) mod reader;
pub(crate) mod registry;
pub(crate) mod shard;
pub(crate) mod socket;
pub(crate) mod streaming;
pub(crate) mod timers;
pub(crate) mod tls;

use std::sync::Arc;

use connection::{Connection, Goodbye};
use tidings_protocol::close::CloseCode;

use crate::{hub::Socket, reason::CloseReason};

/// What stands on top of a connection: Socket.IO, bare Engine.IO, or a plain WebSocket endpoint.
pub(crate) trait Receiver: Send + Sync + 'static {
    /// The connection has this receiver now. What ends the connection from here on is told to
    /// [`closed`](Receiver::closed), even while this runs.
    fn opened(self: Arc<Self>, connection: &Arc<Connection>) {
        let _ = connection;
    }

    /// Takes a text message. `Ok(true)` says that it was only the beginning of a longer unit,
    /// which then has to be completed in time.
    fn text(&self, connection: &Arc<Connection>, text: &str) -> Result<bool, Malformed>;

    /// Takes a binary message; the answer is as for [`text`](Receiver::text).
    fn binary(&self, connection: &Arc<Connection>, bytes: &[u8]) -> Result<bool, Malformed>;

    /// The connection is over. Called once, with no lock held.
    fn closed(&self, connection: &Arc<Connection>, reason: CloseReason);

    /// The server has enough of one of the connection's sockets, with `close` of all of it.
    fn disconnect(&self, connection: &Arc<Connection>, socket: &Socket, close: bool) {
        let _ = (socket, close);
        connection.end(
            CloseReason::ServerNamespaceDisconnect,
            Goodbye::Frame(None, ""),
        );
    }

    /// The server has enough of the connection. A client that may come back, by the class of the
    /// code, is left to find that out by its own means; any other is also told to stay away.
    fn close(&self, connection: &Arc<Connection>, code: CloseCode, why: &'static str) {
        connection.end(
            CloseReason::ForcedServerClose,
            Goodbye::Frame(Some(code), why),
        );
    }
}

/// Makes the receiver of a new connection.
pub(crate) trait Acceptor: Send + Sync + 'static {
    /// Called once, when the connection can be written to and before anything is read.
    fn accept(&self, connection: &Arc<Connection>) -> Arc<dyn Receiver>;
}

/// The peer sent something that its protocol does not allow; the connection ends.
#[derive(Debug)]
pub(crate) struct Malformed;

//! Why a connection or a socket ended.

use std::fmt;

/// Why a socket was disconnected. Printed, it is the text that Node's Socket.IO uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// The connection broke, or the peer broke the rules of its transport.
    TransportError,
    /// The peer closed the connection.
    TransportClose,
    /// The server closed the connection under the socket.
    ForcedClose,
    /// The peer did not answer a heartbeat in time.
    PingTimeout,
    /// The peer sent something unreadable.
    ParseError,
    /// The server is shutting down.
    ServerShuttingDown,
    /// The server closed the connection because of what the peer sent.
    ForcedServerClose,
    /// The client left the namespace.
    ClientNamespaceDisconnect,
    /// The server disconnected the socket from the namespace.
    ServerNamespaceDisconnect,
    /// The peer did not read what it was sent, and its outbox was full.
    SlowConsumer,
}

impl CloseReason {
    /// Whether the client may come back to the same session (connection state recovery).
    ///
    /// Those that are not were somebody's decision, or show a peer that cannot be trusted to
    /// know what it has received.
    pub fn is_recoverable(self) -> bool {
        !matches!(
            self,
            Self::ParseError | Self::ClientNamespaceDisconnect | Self::ServerNamespaceDisconnect
        )
    }

    /// Whether the server ended the connection of its own accord.
    pub(crate) fn is_servers_own(self) -> bool {
        matches!(
            self,
            Self::ForcedClose
                | Self::ForcedServerClose
                | Self::ServerShuttingDown
                | Self::ServerNamespaceDisconnect
                | Self::SlowConsumer
        )
    }

    /// The text that Node's Socket.IO uses; `slow consumer` is ours.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TransportError => "transport error",
            Self::TransportClose => "transport close",
            Self::ForcedClose => "forced close",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ServerShuttingDown => "server shutting down",
            Self::ForcedServerClose => "forced server close",
            Self::ClientNamespaceDisconnect => "client namespace disconnect",
            Self::ServerNamespaceDisconnect => "server namespace disconnect",
            Self::SlowConsumer => "slow consumer",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

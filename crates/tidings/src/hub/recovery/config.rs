//! The options of recovery.

use std::time::Duration;

/// How sessions are recovered after a connection was lost.
///
/// ```
/// # use std::time::Duration;
/// use tidings::{EmitError, Namespace, RecoveryConfig, Server, Socket, SocketIo};
///
/// async fn welcome(socket: Socket) -> Result<(), EmitError> {
///     if socket.recovered() {
///         // Same id, rooms and data, and what was sent meanwhile is on its way.
///         return Ok(());
///     }
///     socket.emit("hello", &socket.id())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder()
///     .recovery(RecoveryConfig::new().max_disconnection(Duration::from_secs(60)))
///     .namespace("/", Namespace::new().on_connect(welcome))
///     .socketio("/socket.io/", SocketIo::new())
///     .build()?;
/// # server.close().await;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct RecoveryConfig {
    pub(crate) max_disconnection: Duration,
    pub(crate) log_bytes: usize,
    pub(crate) session_bytes: usize,
    pub(crate) sessions: usize,
    pub(crate) skip_middleware: bool,
}

impl Default for RecoveryConfig {
    fn default() -> Self {
        Self {
            max_disconnection: Duration::from_secs(120),
            log_bytes: 64 * 1024 * 1024,
            session_bytes: 1024 * 1024,
            sessions: 100_000,
            skip_middleware: false,
        }
    }
}

impl RecoveryConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long a client may be away. 2 minutes.
    pub fn max_disconnection(mut self, duration: Duration) -> Self {
        self.max_disconnection = duration;
        self
    }

    /// Bytes of events that the server keeps, all namespaces together. 64 MiB.
    pub fn log_bytes(mut self, bytes: usize) -> Self {
        self.log_bytes = bytes;
        self
    }

    /// Bytes of missed events that one client is sent; who missed more starts anew. 1 MiB.
    pub fn session_bytes(mut self, bytes: usize) -> Self {
        self.session_bytes = bytes;
        self
    }

    /// Sessions that are kept in each namespace; the oldest give way. 100,000.
    pub fn sessions(mut self, sessions: usize) -> Self {
        self.sessions = sessions;
        self
    }

    /// Lets recovered sessions in without asking the middleware again. Off: somebody may have
    /// lost the right to connect while away.
    pub fn skip_middleware(mut self, skip: bool) -> Self {
        self.skip_middleware = skip;
        self
    }
}

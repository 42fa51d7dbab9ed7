//! The server: what is mounted where, and the listeners in front of it.

pub(crate) mod accept;
pub(crate) mod body;
pub(crate) mod builder;
pub(crate) mod core;
pub(crate) mod listener;
pub(crate) mod peer;
pub(crate) mod service;
pub(crate) mod tls;
pub(crate) mod upgrade;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

pub use accept::Listener;
pub use body::{Body, BoxError};
pub use builder::{BuildError, ServerBuilder};
pub use peer::Peer;
pub use service::TidingsService;
pub use tls::Tls;

use http::HeaderMap;

use self::core::Core;
use crate::{
    engine::Endpoint,
    hub::{Hub, namespaces::Namespaces, recovery::snapshot},
    reason::CloseReason,
    stats::{Queued, Stats, Transports},
    stream::{events::EventsEndpoint, poll::PollEndpoint, rpc::RpcEndpoint},
    websocket::endpoint::PlainEndpoint,
};

/// A Tidings server. Cheap to clone; clones are the same server.
///
/// ```no_run
/// use tidings::{Data, Namespace, Server, Socket, SocketIo};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let chat = Namespace::new().on("message", |socket: Socket, Data(text): Data<String>| async move {
///     socket.broadcast().emit("message", &text)
/// });
/// let server = Server::builder().namespace("/", chat).socketio("/socket.io/", SocketIo::new()).build()?;
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
/// server.serve(listener).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Server(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) core: Arc<Core>,
    pub(crate) namespaces: Arc<Namespaces>,
    pub(crate) mounts: Vec<(String, Mount)>,
    /// What every response of the listeners says, unless it says otherwise.
    pub(crate) headers: HeaderMap,
}

/// What is mounted at a path.
#[derive(Clone)]
pub(crate) enum Mount {
    Engine(Arc<Endpoint>),
    WebSocket(Arc<PlainEndpoint>),
    EventStream(Arc<EventsEndpoint>),
    LongPoll(Arc<PollEndpoint>),
    Rpc(Arc<RpcEndpoint>),
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field(
                "mounts",
                &self
                    .0
                    .mounts
                    .iter()
                    .map(|(path, _)| path)
                    .collect::<Vec<_>>(),
            )
            .field("namespaces", &self.0.namespaces)
            .finish()
    }
}

impl Server {
    /// Begins to configure a server.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// The live namespace of that name.
    pub fn hub(&self, namespace: &str) -> Option<Hub> {
        self.0.namespaces.get(namespace)
    }

    /// All live namespaces.
    pub fn hubs(&self) -> Vec<Hub> {
        self.0.namespaces.all()
    }

    /// How many clients are connected, each counted once whatever namespaces it is in.
    pub fn connections(&self) -> usize {
        self.0.core.registry.len()
    }

    /// The same, by transport.
    pub fn transports(&self) -> Transports {
        self.0.core.registry.transports()
    }

    /// What waits to be written. Every connection is asked, so this is for now and then.
    pub fn queued(&self) -> Queued {
        self.0.core.registry.queued()
    }

    /// What the server has counted since its start.
    pub fn stats(&self) -> &Stats {
        &self.0.core.stats
    }

    /// A tower service, to mount on another HTTP server. Requests for paths where nothing is
    /// mounted are answered with 404.
    pub fn service(&self) -> TidingsService {
        TidingsService::new(self.clone())
    }

    /// What clients may come back for, as bytes for
    /// [`ServerBuilder::recover_from`] of the next run: call it when [`close`](Self::close) has
    /// returned. It holds the sessions of all clients that were connected, and the events that
    /// they may have missed, no more than [`RecoveryConfig`](crate::RecoveryConfig) allows.
    ///
    /// Whoever reads it can take these sessions over: keep it like a secret.
    ///
    /// ```no_run
    /// # use tidings::{Namespace, RecoveryConfig, Server, SocketIo};
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let path = "recovery.snapshot";
    /// let mut builder = Server::builder()
    ///     .recovery(RecoveryConfig::new())
    ///     .namespace("/", Namespace::new())
    ///     .socketio("/socket.io/", SocketIo::new());
    /// if let Ok(snapshot) = std::fs::read(path) {
    ///     // Once only: a session that was recovered must not come back a second time.
    ///     std::fs::remove_file(path)?;
    ///     builder = builder.recover_from(snapshot);
    /// }
    /// let server = builder.build()?;
    /// // Serve until it is time to stop, and then:
    /// server.close().await;
    /// std::fs::write(path, server.recovery_snapshot())?;
    /// # Ok(()) }
    /// ```
    pub fn recovery_snapshot(&self) -> Vec<u8> {
        let hubs = self.hubs();
        let kept = hubs.iter().filter_map(Hub::snapshot).collect();
        snapshot::write(kept, SystemTime::now())
    }

    /// Closes the server: nobody is let in any more, every client is told to come back, what is
    /// queued is written, and tasks are waited for, 10 seconds at most.
    pub async fn close(&self) {
        let core = &self.0.core;
        core.draining.cancel();
        for connection in core.registry.all() {
            connection.shut_down();
        }
        core.tasks.close();
        let _ = tokio::time::timeout(Duration::from_secs(10), core.tasks.wait()).await;
        core.stop.cancel();
        core.house.close();
        core.house.wait().await;
        for connection in core.registry.all() {
            connection.transport_gone(CloseReason::ServerShuttingDown);
        }
    }
}

//! Putting a server together.

use std::{
    collections::BTreeMap,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::HeaderMap;
use thiserror::Error;

use super::{Inner, Mount, Server, core::Core};
use crate::{
    adapter::{Adapter, Local},
    admission::Admission,
    engine::{
        Endpoint,
        bare::{BareAcceptor, EngineHandler},
        config::EngineConfig,
    },
    handler::Namespace,
    hub::{RecoveryConfig, namespaces::Namespaces, recovery::snapshot::Snapshot},
    limits::Limits,
    socketio::{SocketIo, client::SocketIoAcceptor},
    stream::{
        RpcConfig, StreamConfig, audience::Audience, events::EventsEndpoint, poll::PollEndpoint,
        rpc::RpcEndpoint,
    },
    websocket::{
        WebSocketConfig, WebSocketHandler,
        endpoint::{PlainAcceptor, PlainEndpoint},
        envelope::EnvelopeEndpoint,
        raw::RawEndpoint,
    },
};

/// What is kept for recovery is looked through no more often than this.
const SWEEP_MIN: Duration = Duration::from_millis(100);

type Matcher = Box<dyn Fn(&str) -> bool + Send + Sync>;

enum Planned {
    SocketIo(SocketIo),
    Engine(EngineConfig, Arc<dyn EngineHandler>),
    Raw(WebSocketConfig, Arc<dyn WebSocketHandler>),
    Envelope(WebSocketConfig, String),
    EventStream(StreamConfig, String),
    LongPoll(StreamConfig, String),
    Rpc(RpcConfig, String),
}

impl Planned {
    /// The namespace for whose handlers it speaks, which has to be there.
    fn namespace(&self) -> Option<&String> {
        match self {
            Self::Envelope(_, namespace)
            | Self::EventStream(_, namespace)
            | Self::LongPoll(_, namespace)
            | Self::Rpc(_, namespace) => Some(namespace),
            Self::SocketIo(_) | Self::Engine(..) | Self::Raw(..) => None,
        }
    }
}

/// Why a server could not be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The name of a namespace has to begin with a slash.
    #[error("the namespace {0:?} does not begin with a slash")]
    BadNamespace(String),
    /// A path has to begin with a slash.
    #[error("the path {0:?} does not begin with a slash")]
    BadPath(String),
    /// A path or a namespace is there twice.
    #[error("{0:?} is there twice")]
    Twice(String),
    /// An endpoint speaks for a namespace that is not there.
    #[error("the namespace {0:?} is not registered")]
    UnknownNamespace(String),
    /// A heartbeat or a wait with no time in it would close every connection.
    #[error("the intervals and timeouts of {0:?} have to be longer than nothing")]
    BadHeartbeat(String),
    /// A server has tasks, which need a runtime.
    #[error("a server has to be built within a Tokio runtime")]
    NoRuntime,
}

/// Configures a [`Server`].
#[must_use]
pub struct ServerBuilder {
    limits: Limits,
    shards: usize,
    admission: Option<Box<dyn Admission>>,
    adapter: Arc<dyn Adapter>,
    recovery: Option<RecoveryConfig>,
    recover_from: Option<Vec<u8>>,
    namespaces: Vec<(String, Namespace)>,
    dynamic: Vec<(Matcher, Namespace)>,
    mounts: Vec<(String, Planned)>,
    headers: HeaderMap,
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Default for ServerBuilder {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            shards: std::thread::available_parallelism().map_or(1, usize::from),
            admission: None,
            adapter: Arc::new(Local),
            recovery: None,
            recover_from: None,
            namespaces: Vec::new(),
            dynamic: Vec::new(),
            mounts: Vec::new(),
            headers: HeaderMap::new(),
        }
    }
}

impl ServerBuilder {
    /// Sets the bounds of everything that clients can grow.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how many tasks share the work of writing. As many as there are cores.
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// Asks about every new connection before it is let in. Everybody is let in by default, up to
    /// [`Limits::connections`].
    pub fn admission(mut self, admission: impl Admission) -> Self {
        self.admission = Some(Box::new(admission));
        self
    }

    /// Connects the server to others. It is alone by default.
    pub fn adapter(mut self, adapter: impl Adapter) -> Self {
        self.adapter = Arc::new(adapter);
        self
    }

    /// Recovers Socket.IO sessions after a lost connection. Off.
    pub fn recovery(mut self, recovery: RecoveryConfig) -> Self {
        self.recovery = Some(recovery);
        self
    }

    /// Takes over what an earlier run of the server has kept for clients that may come back
    /// ([`Server::recovery_snapshot`]), so that a restart is to them like a lost connection. The
    /// time in between counts, by the wall clock, as time that they were away.
    ///
    /// Without [`recovery`](Self::recovery) it has no effect. A snapshot that cannot be read, or
    /// of another version, is logged and ignored: clients then begin anew. What belongs to
    /// namespaces that are not registered any more is dropped.
    pub fn recover_from(mut self, snapshot: Vec<u8>) -> Self {
        self.recover_from = Some(snapshot);
        self
    }

    /// Registers a namespace. Clients join `/` unless they ask for another.
    pub fn namespace(mut self, name: impl Into<String>, namespace: Namespace) -> Self {
        self.namespaces.push((name.into(), namespace));
        self
    }

    /// Registers namespaces that come into being when a client asks for a name that matches, and
    /// go when they are empty. Matchers are tried in the order of registration.
    ///
    /// ```
    /// use tidings::{EmitError, Namespace, Server, Socket, SocketIo};
    ///
    /// async fn welcome(socket: Socket) -> Result<(), EmitError> {
    ///     let board = socket.hub().name().trim_start_matches("/board-").to_owned();
    ///     socket.emit("this is", &board)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let boards = Namespace::new().on_connect(welcome);
    /// let server = Server::builder()
    ///     .dynamic_namespace(|name| name.starts_with("/board-"), boards)
    ///     .socketio("/socket.io/", SocketIo::new())
    ///     .build()?;
    /// # server.close().await;
    /// # Ok(()) }
    /// ```
    pub fn dynamic_namespace(
        mut self,
        matches: impl Fn(&str) -> bool + Send + Sync + 'static,
        namespace: Namespace,
    ) -> Self {
        self.dynamic.push((Box::new(matches), namespace));
        self
    }

    /// Sets headers that every response of the server's listeners has, unless it has them already:
    /// those that make browsers careful, for instance.
    pub fn response_headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }

    /// Mounts Socket.IO at a path, usually `/socket.io/`.
    pub fn socketio(mut self, path: impl Into<String>, config: SocketIo) -> Self {
        self.mounts.push((path.into(), Planned::SocketIo(config)));
        self
    }

    /// Mounts bare Engine.IO at a path.
    pub fn engine(
        mut self,
        path: impl Into<String>,
        config: EngineConfig,
        handler: impl EngineHandler,
    ) -> Self {
        self.mounts
            .push((path.into(), Planned::Engine(config, Arc::new(handler))));
        self
    }

    /// Mounts a plain WebSocket endpoint at a path. Its clients are the sockets of a namespace
    /// named like the path.
    pub fn websocket(
        mut self,
        path: impl Into<String>,
        config: WebSocketConfig,
        handler: impl WebSocketHandler,
    ) -> Self {
        self.mounts
            .push((path.into(), Planned::Raw(config, Arc::new(handler))));
        self
    }

    /// Mounts a WebSocket endpoint at a path whose clients send and receive the events of a
    /// namespace as `{"type": name, "data": …, "id": …}`: JSON, or MessagePack with the
    /// subprotocol `tidings.msgpack.v1`.
    pub fn envelope(
        mut self,
        path: impl Into<String>,
        config: WebSocketConfig,
        namespace: impl Into<String>,
    ) -> Self {
        self.mounts
            .push((path.into(), Planned::Envelope(config, namespace.into())));
        self
    }

    /// Mounts Server-Sent Events at a path: `GET` gives a stream of the events of a namespace, each
    /// with its name and one line of JSON.
    ///
    /// A client with `?session=` (20 characters of letters, digits, `-` and `_`, chosen at random
    /// and kept to itself) that comes back with the `Last-Event-ID` that its browser sends, or
    /// `?lastEventId=`, goes on where it was, with [recovery](Self::recovery) on. One without a
    /// session is sent what its rooms to begin with have heard since.
    ///
    /// ```
    /// use tidings::{Namespace, RpcConfig, Server, StreamConfig};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder()
    ///     .namespace("/", Namespace::new())
    ///     .event_stream("/sse", StreamConfig::new(), "/")
    ///     .long_poll("/poll", StreamConfig::new(), "/")
    ///     .rpc("/rpc", RpcConfig::new(), "/")
    ///     .build()?;
    /// # server.close().await;
    /// # Ok(()) }
    /// ```
    pub fn event_stream(
        mut self,
        path: impl Into<String>,
        config: StreamConfig,
        namespace: impl Into<String>,
    ) -> Self {
        let planned = Planned::EventStream(config, namespace.into());
        self.mounts.push((path.into(), planned));
        self
    }

    /// Mounts long-polling at a path: `GET` gives the events of a namespace that wait, or the
    /// first that comes, as
    /// `{"session": …, "cursor": …, "recovered": …, "events": [{"type": name, "data": …}, …]}`.
    ///
    /// The client repeats `session` and `cursor` with its next request. `recovered` says whether
    /// these events follow on that cursor without a gap.
    pub fn long_poll(
        mut self,
        path: impl Into<String>,
        config: StreamConfig,
        namespace: impl Into<String>,
    ) -> Self {
        let planned = Planned::LongPoll(config, namespace.into());
        self.mounts.push((path.into(), planned));
        self
    }

    /// Mounts commands at a path: `POST` of `{"type": name, "data": …}`, as JSON or
    /// `application/msgpack`, is answered with what the handler of that event answers.
    ///
    /// With `?session=` or the header `X-Tidings-Session` the command is one of the client of that
    /// event stream or long-polling session. Without, a client joins the namespace for this one
    /// command.
    pub fn rpc(
        mut self,
        path: impl Into<String>,
        config: RpcConfig,
        namespace: impl Into<String>,
    ) -> Self {
        self.mounts
            .push((path.into(), Planned::Rpc(config, namespace.into())));
        self
    }

    /// Builds the server and starts its tasks.
    ///
    /// # Errors
    ///
    /// When the configuration contradicts itself, or outside of a Tokio runtime.
    pub fn build(self) -> Result<Server, BuildError> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(BuildError::NoRuntime);
        }
        self.check()?;
        let core = Core::new(self.limits, self.shards, self.admission);
        let mut fixed: Vec<_> = self
            .namespaces
            .into_iter()
            .map(|(name, namespace)| (name, namespace.into_handlers()))
            .collect();
        for (path, mount) in &self.mounts {
            if matches!(mount, Planned::Raw(..)) {
                fixed.push((path.clone(), Namespace::new().into_handlers()));
            }
        }
        let dynamic = self
            .dynamic
            .into_iter()
            .map(|(matches, namespace)| (matches, namespace.into_handlers()))
            .collect();
        let sweep_every = self
            .recovery
            .as_ref()
            .map(|it| (it.max_disconnection / 4).max(SWEEP_MIN));
        let namespaces = Namespaces::new(
            Arc::clone(&core),
            self.adapter,
            self.recovery,
            fixed,
            dynamic,
        );
        if let (Some(bytes), Some(_)) = (self.recover_from, sweep_every) {
            match Snapshot::read(&bytes, SystemTime::now()) {
                Ok(snapshot) => namespaces.restore(snapshot),
                Err(error) => tracing::warn!(
                    %error,
                    "the recovery snapshot is ignored, and clients that come back begin anew"
                ),
            }
        }
        // Streams, polls and commands of one namespace share their sessions.
        let mut audiences = BTreeMap::new();
        let mounts = self
            .mounts
            .into_iter()
            .map(|(path, planned)| {
                let mount = mount(&core, &namespaces, &path, planned, &mut audiences);
                (path, mount)
            })
            .collect();
        core.shards.spawn(&core.house, &core.stop);
        if let Some(every) = sweep_every {
            let sweep = Namespaces::sweep(Arc::downgrade(&namespaces), every);
            core.house
                .spawn(core.stop.clone().run_until_cancelled_owned(sweep));
        }
        Ok(Server(Arc::new(Inner {
            core,
            namespaces,
            mounts,
            headers: self.headers,
        })))
    }

    fn check(&self) -> Result<(), BuildError> {
        let names: Vec<&String> = self.namespaces.iter().map(|(name, _)| name).collect();
        let paths: Vec<&String> = self.mounts.iter().map(|(path, _)| path).collect();
        if let Some(name) = names.iter().find(|name| !name.starts_with('/')) {
            return Err(BuildError::BadNamespace((*name).clone()));
        }
        if let Some(path) = paths.iter().find(|path| !path.starts_with('/')) {
            return Err(BuildError::BadPath((*path).clone()));
        }
        for list in [&names, &paths] {
            for (index, name) in list.iter().enumerate() {
                if list[..index].contains(name) {
                    return Err(BuildError::Twice((*name).clone()));
                }
            }
        }
        for (path, planned) in &self.mounts {
            let (interval, timeout) = match planned {
                Planned::SocketIo(config) => {
                    (config.engine.ping_interval, config.engine.ping_timeout)
                }
                Planned::Engine(config, _) => (config.ping_interval, config.ping_timeout),
                Planned::Raw(config, _) | Planned::Envelope(config, _) => {
                    (config.ping_interval, config.ping_timeout)
                }
                Planned::EventStream(config, _) => (config.keep_alive, config.keep_alive),
                Planned::LongPoll(config, _) => (config.poll_wait, config.session_timeout),
                Planned::Rpc(config, _) => (config.timeout, config.timeout),
            };
            if interval.is_zero() || timeout.is_zero() {
                return Err(BuildError::BadHeartbeat(path.clone()));
            }
            if let Some(namespace) = planned.namespace()
                && !names.contains(&namespace)
            {
                return Err(BuildError::UnknownNamespace(namespace.clone()));
            }
        }
        Ok(())
    }
}

fn mount(
    core: &Arc<Core>,
    namespaces: &Arc<Namespaces>,
    path: &str,
    planned: Planned,
    audiences: &mut BTreeMap<String, Arc<Audience>>,
) -> Mount {
    let mut audience = |namespace: String| {
        let audience = audiences
            .entry(namespace)
            .or_insert_with_key(|it| Audience::new(namespaces, it));
        Arc::clone(audience)
    };
    let plain = |config: WebSocketConfig, acceptor: Box<dyn PlainAcceptor>| {
        let limits = core.websocket_limits(config.max_payload);
        let core = Arc::clone(core);
        Mount::WebSocket(Arc::new(PlainEndpoint {
            core,
            config,
            acceptor,
            limits,
        }))
    };
    match planned {
        Planned::SocketIo(config) => {
            let acceptor = SocketIoAcceptor {
                namespaces: Arc::clone(namespaces),
                parser: config.parser,
                connect_timeout: config.connect_timeout,
            };
            let core = Arc::clone(core);
            Mount::Engine(Arc::new(Endpoint::new(
                core,
                config.engine,
                Box::new(acceptor),
            )))
        }
        Planned::Engine(config, handler) => {
            let acceptor = Box::new(BareAcceptor(handler));
            Mount::Engine(Arc::new(Endpoint::new(Arc::clone(core), config, acceptor)))
        }
        Planned::Raw(config, handler) => {
            let namespaces = Arc::clone(namespaces);
            plain(
                config,
                Box::new(RawEndpoint {
                    handler,
                    namespaces,
                    namespace: path.into(),
                }),
            )
        }
        Planned::EventStream(config, namespace) => {
            let audience = audience(namespace);
            Mount::EventStream(Arc::new(EventsEndpoint { audience, config }))
        }
        Planned::LongPoll(config, namespace) => {
            let audience = audience(namespace);
            Mount::LongPoll(Arc::new(PollEndpoint { audience, config }))
        }
        Planned::Rpc(config, namespace) => {
            let audience = audience(namespace);
            Mount::Rpc(Arc::new(RpcEndpoint { audience, config }))
        }
        Planned::Envelope(config, namespace) => {
            let namespaces = Arc::clone(namespaces);
            let namespace = namespace.into();
            plain(
                config,
                Box::new(EnvelopeEndpoint {
                    namespaces,
                    namespace,
                }),
            )
        }
    }
}

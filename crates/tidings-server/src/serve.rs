//! `tidings serve`: putting the server together, saying what it is, and ending it well.

mod introduce;

use std::{io, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use thiserror::Error;
use tidings::{
    BuildError, Cors, EngineConfig, Hub, Limits, RecoveryConfig, RpcConfig, Server, SocketIo,
    StreamConfig, WebSocketConfig,
};
use tidings_store::{OpenError, SqliteOptions, SqliteStore, Store, StoreError, SyncMode};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};

use crate::{
    app::App,
    channel,
    cli::Serve,
    commands,
    config::{
        self, Config, Loaded, Problems,
        auth::Secret,
        services::{Audience, Sync},
    },
    events::{Draining, Event as _},
    guard::Guard,
    identity::{
        jwks::FetchError,
        verifier::{KeyError, Verifier},
    },
    origin, pages,
    registry::log_unsent,
};

const NAMESPACE: &str = "/";
/// The name under which sessions are stored while the server is down.
const SESSIONS: &str = "recovery";
/// When clients shall come back to a server that shuts down.
const RECONNECT_AFTER_MS: u64 = 1_000;
/// Time for those that are between two polls to hear so.
const GOODBYE_LASTS: Duration = Duration::from_millis(500);

/// Why the server did not start, or did not go on.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The settings are at fault.
    #[error("{0}")]
    Settings(#[from] Problems),
    /// Tokens cannot be checked.
    #[error("cannot check tokens: {0}")]
    Key(#[from] KeyError),
    /// The keys that tokens are checked with are out of reach.
    #[error("cannot fetch the keys that tokens are checked with: {0}")]
    Keys(#[from] FetchError),
    /// What is to last cannot be kept.
    #[error("cannot use the store {}: {error}", path.display())]
    Open { path: PathBuf, error: OpenError },
    /// What was kept could not be read, or written at the end.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    /// The address is taken, or not one of this machine.
    #[error("cannot listen on {address}: {error}{}", advice(.error))]
    Listen {
        address: SocketAddr,
        error: io::Error,
    },
    /// The library refuses what we ask of it.
    #[error("cannot set the server up: {0}")]
    Build(#[from] BuildError),
    /// Without signals, nobody could end the server well.
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
    /// The listener failed.
    #[error("the server broke off: {0}")]
    Serve(io::Error),
}

/// What to do about an address that cannot be listened on.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; choose another one with --listen",
        _ => "",
    }
}

impl Failure {
    /// 2 when the settings are at fault, 1 when the machine is.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Settings(_) | Self::Key(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}

/// Runs the server until it is told to end.
///
/// # Errors
///
/// When the settings are refused, or the server cannot run.
pub(crate) async fn run(options: &Serve) -> Result<(), Failure> {
    let dev = options.settings.dev;
    let Loaded { config, file, .. } = config::load(&options.settings.inputs())?;
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(io::stderr)
        .init();
    let mut signals = Signals::new().map_err(Failure::Signals)?;
    let config = if dev { loosened(config) } else { config };
    let listen = config.listen;
    let store = open_store(&config)?;
    let verifier = verifier(&config, dev).await?;
    let guard = Guard::new(&config);
    let app = App::new(config, dev, Arc::clone(&store), verifier, guard);
    let sessions = store.take_snapshot(SESSIONS).await?;
    let (server, hub) = build(&app, sessions)?;
    let listen_failed = |error| Failure::Listen {
        address: listen,
        error,
    };
    let listener = TcpListener::bind(listen).await.map_err(listen_failed)?;
    let address = listener.local_addr().map_err(listen_failed)?;
    introduce::introduce(&app, file.as_deref(), address);

    let pages = pages::router(server.clone(), hub.clone(), app.clone());
    let house = tokio::spawn(app.clone().keep_house(hub.clone()));
    // A task of its own: whoever polls has to be let in until the very end.
    let serving = tokio::spawn({
        let server = server.clone();
        async move { server.serve_with(listener, pages).await }
    });
    tokio::select! {
        ended = serving => ended.map_err(io::Error::from).flatten().map_err(Failure::Serve)?,
        () = signals.next() => {}
    }
    let goodbye = Draining {
        reconnect_after_ms: RECONNECT_AFTER_MS,
    };
    log_unsent(hub.to(channel::EVERYBODY).emit(Draining::NAME, &goodbye));
    let close = async {
        tokio::time::sleep(GOODBYE_LASTS).await;
        server.close().await;
    };
    // Whoever asks a second time does not want to wait.
    tokio::select! {
        () = close => {}
        () = signals.next() => {}
    }
    house.abort();
    for (user_id, username) in app.presence().users() {
        commands::see(&app, &user_id, &username);
    }
    store
        .put_snapshot(SESSIONS, server.recovery_snapshot())
        .await?;
    store.close().await?;
    Ok(())
}

/// What development loosens beside guests and open rooms. Without a key, tokens are signed with a
/// secret of this run's own.
fn loosened(mut config: Config) -> Config {
    config.presence.audience = Audience::Everyone;
    if !config.auth.has_key() {
        config.auth.secret = Some(Secret::random());
    }
    config
}

fn open_store(config: &Config) -> Result<Arc<dyn Store>, Failure> {
    let options = SqliteOptions {
        sync: match config.store.sync {
            Sync::Full => SyncMode::Full,
            Sync::Normal => SyncMode::Normal,
        },
        queue: config.store.queue,
        ..SqliteOptions::default()
    };
    let path = &config.store.path;
    let store = SqliteStore::open(path, options).map_err(|error| Failure::Open {
        path: path.clone(),
        error,
    })?;
    Ok(Arc::new(store))
}

/// Who reads tokens, with the keys that are published at this moment.
async fn verifier(config: &Config, dev: bool) -> Result<Verifier, Failure> {
    let verifier = Verifier::new(&config.auth)?;
    let verifier = if dev {
        verifier.take_unending()
    } else {
        verifier
    };
    if let Some(keys) = verifier.key_set() {
        keys.refresh().await?;
    }
    Ok(verifier)
}

/// The server with all its endpoints, and the namespace that they speak for.
fn build(app: &App, sessions: Option<Vec<u8>>) -> Result<(Server, Hub), BuildError> {
    let config = app.config();
    let mut limits = Limits::default();
    limits.room_name_bytes = config.rooms.name_bytes + channel::PREFIX_BYTES;
    limits.rooms_per_socket = config.rooms.max_per_connection + channel::BESIDE;
    limits.outbox_bytes = config.limits.outbox_bytes;
    limits.connections = config.limits.connections;
    limits.header_bytes = config.limits.header_bytes;
    limits.header_timeout = config.limits.header_timeout;
    limits.attachments = config.limits.attachments;
    limits.attachment_timeout = config.limits.attachment_timeout;
    let origins = config.allowed_origins.clone();
    let dev = app.is_dev();
    let cors = Cors::matching(move |it| origin::may_read(it, &origins, dev));
    let (interval, timeout) = (config.heartbeat.interval, config.heartbeat.timeout);
    let engine = EngineConfig::new()
        .ping_interval(interval)
        .ping_timeout(timeout)
        .max_payload(config.limits.payload_bytes)
        .cors(cors.clone());
    let websocket = WebSocketConfig::new()
        .ping_interval(interval)
        .ping_timeout(timeout)
        .max_payload(config.limits.payload_bytes);
    let stream = StreamConfig::new().cors(cors.clone());
    let rpc = RpcConfig::new()
        .max_payload(config.limits.payload_bytes)
        .cors(cors);
    let recovery = RecoveryConfig::new()
        .max_disconnection(config.recovery.max_disconnection)
        .log_bytes(config.recovery.log_bytes)
        .session_bytes(config.recovery.session_bytes);
    let mut builder = Server::builder()
        .limits(limits)
        .recovery(recovery)
        .admission(app.guard().clone())
        .namespace(NAMESPACE, commands::namespace(app.clone()))
        .socketio("/socket.io/", SocketIo::new().engine(engine))
        .envelope("/ws", websocket, NAMESPACE)
        .event_stream("/sse", stream.clone(), NAMESPACE)
        .long_poll("/poll", stream, NAMESPACE)
        .rpc("/rpc", rpc, NAMESPACE);
    if let Some(sessions) = sessions {
        builder = builder.recover_from(sessions);
    }
    let server = builder.build()?;
    let hub = server
        .hub(NAMESPACE)
        .expect("the namespace was registered just now");
    Ok((server, hub))
}

/// The signals that ask a server to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

//! The server put together from its settings: the store, the keys, and all endpoints.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};
use tidings::{
    BuildError, Cors, EngineConfig, Hub, Limits, RecoveryConfig, RpcConfig, Server, SocketIo,
    StreamConfig, WebSocketConfig,
};
use tidings_store::{SqliteOptions, SqliteStore, Store, SyncMode};

use super::Failure;
use crate::{
    app::App,
    channel, commands,
    config::{
        Config,
        api::KeyConfig,
        auth::Secret,
        services::{Audience, Sync},
    },
    identity::verifier::Verifier,
    names::{DocumentId, RoomId},
    origin,
    webhooks::{self, event::Stored},
};

const NAMESPACE: &str = "/";
/// The room in which a development server says how busy it is, unless it is told of another.
const METRICS: &str = "server:metrics";

/// What development loosens beside guests and open rooms. Without a key, tokens are signed with a
/// secret of this run's own, and so is there a key of the HTTP API.
pub(super) fn loosened(mut config: Config) -> Config {
    config.presence.audience = Audience::Everyone;
    config.metrics.room = config.metrics.room.or_else(|| RoomId::new(METRICS).ok());
    config.admin.enabled = true;
    if !config.auth.has_key() {
        config.auth.secret = Some(Secret::random());
    }
    if config.api.keys.is_empty() {
        config.api.keys.push(KeyConfig {
            name: "dev".to_owned(),
            key: Secret::random(),
            methods: None,
            rooms: None,
        });
    }
    config
}

/// What is kept, opened.
///
/// # Errors
///
/// When it cannot be.
pub(super) fn open_store(config: &Config) -> Result<Arc<dyn Store>, Failure> {
    let options = SqliteOptions {
        sync: match config.store.sync {
            Sync::Full => SyncMode::Full,
            Sync::Normal => SyncMode::Normal,
        },
        queue: config.store.queue,
        announcer: Some(Stored::among(webhooks::wanted(&config.webhooks))),
        outbox: config.webhooks.queue,
        outbox_bytes: config.webhooks.queue_bytes as u64,
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
///
/// # Errors
///
/// When a key is none, or those that are published cannot be had.
pub(super) async fn verifier(config: &Config, dev: bool) -> Result<Verifier, Failure> {
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
///
/// # Errors
///
/// When the library refuses what is asked of it.
pub(super) fn server(app: &App, sessions: Option<Vec<u8>>) -> Result<(Server, Hub), BuildError> {
    let config = app.config();
    let mut limits = Limits::default();
    limits.room_name_bytes =
        config.rooms.name_bytes.max(DocumentId::MAX_BYTES) + channel::PREFIX_BYTES;
    limits.rooms_per_socket =
        config.rooms.max_per_connection + config.documents.max_per_connection + channel::BESIDE;
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
        .response_headers(response_headers(&config, dev))
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

/// What every response tells a browser: to take nothing for what it is not said to be, to tell
/// nobody where it comes from, and with TLS to come with TLS for a year.
fn response_headers(config: &Config, dev: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    // A browser would keep it for all that a developer ever runs on this address.
    if config.tls.files().is_some() && !dev {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    headers
}

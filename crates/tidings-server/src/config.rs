//! What the server is told before it starts: one typed struct, every setting of it documented.
//!
//! Settings come from four layers, each over the one before: the defaults, `tidings.toml`,
//! variables `TIDINGS_…` and flags ([`layers`]). Nothing else reads a setting from anywhere, and
//! nothing here knows what a setting is used for beyond whether it can be right ([`check`]).
//! A [`Config`] never changes; a server that is told to reads another one ([`reload`]).

pub(crate) mod admin;
pub(crate) mod api;
pub(crate) mod auth;
mod check;
pub(crate) mod documents;
pub(crate) mod duration;
mod file;
mod keys;
mod layers;
pub(crate) mod limits;
pub(crate) mod listen;
pub(crate) mod listeners;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod origins;
pub(crate) mod problem;
pub(crate) mod reload;
pub(crate) mod services;
mod show;
mod shutdown;
mod size;
mod weakness;
pub(crate) mod webhooks;

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::limits::address::{Network, ProxyHeader};

pub(crate) use self::{
    admin::AdminConfig,
    api::ApiConfig,
    auth::AuthConfig,
    documents::DocumentsConfig,
    layers::{Inputs, Loaded, load},
    limits::LimitsConfig,
    listen::Listen,
    listeners::{InternalConfig, TlsConfig},
    log::LogConfig,
    metrics::MetricsConfig,
    origins::Origins,
    problem::{Problem, Problems},
    services::{
        ChatConfig, HeartbeatConfig, NotificationsConfig, PresenceConfig, RecoveryConfig,
        RoomsConfig, StoreConfig, TypingConfig,
    },
    shutdown::ShutdownConfig,
    webhooks::WebhooksConfig,
};

/// The file with every setting at its default and a word about each.
pub(crate) const DEFAULT_TOML: &str = include_str!("config/default.toml");

/// All settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Where clients connect.
    pub(crate) listen: Listen,
    /// What is kept off the addresses where clients connect.
    pub(crate) internal: InternalConfig,
    /// The certificate to present there.
    pub(crate) tls: TlsConfig,
    /// The networks of proxies whose word about a client's address is taken.
    pub(crate) trusted_proxies: Vec<Network>,
    /// The header in which those proxies say it.
    pub(crate) proxy_header: ProxyHeader,
    /// The web pages that may connect.
    pub(crate) allowed_origins: Origins,
    /// Who may connect.
    pub(crate) auth: AuthConfig,
    /// Rooms: who may enter without being asked, and what is kept.
    pub(crate) rooms: RoomsConfig,
    /// Where what must last is kept.
    pub(crate) store: StoreConfig,
    /// What a client may use up.
    pub(crate) limits: LimitsConfig,
    /// How dead connections are found.
    pub(crate) heartbeat: HeartbeatConfig,
    /// Who is online, and who hears of it.
    pub(crate) presence: PresenceConfig,
    /// The note that somebody is typing.
    pub(crate) typing: TypingConfig,
    /// Messages.
    pub(crate) chat: ChatConfig,
    /// Collaborative documents: how large, how many, and what is kept.
    pub(crate) documents: DocumentsConfig,
    /// Notifications.
    pub(crate) notifications: NotificationsConfig,
    /// Sessions that continue where they broke off.
    pub(crate) recovery: RecoveryConfig,
    /// What the server says of how busy it is.
    pub(crate) metrics: MetricsConfig,
    /// The log.
    pub(crate) log: LogConfig,
    /// The page for whoever operates the server.
    pub(crate) admin: AdminConfig,
    /// Shutting down.
    pub(crate) shutdown: ShutdownConfig,
    /// The HTTP API.
    pub(crate) api: ApiConfig,
    /// Backends that are told and asked.
    pub(crate) webhooks: WebhooksConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)).into(),
            internal: InternalConfig::default(),
            tls: TlsConfig::default(),
            trusted_proxies: Vec::new(),
            proxy_header: ProxyHeader::default(),
            allowed_origins: Origins::default(),
            auth: AuthConfig::default(),
            rooms: RoomsConfig::default(),
            store: StoreConfig::default(),
            limits: LimitsConfig::default(),
            heartbeat: HeartbeatConfig::default(),
            presence: PresenceConfig::default(),
            typing: TypingConfig::default(),
            chat: ChatConfig::default(),
            documents: DocumentsConfig::default(),
            notifications: NotificationsConfig::default(),
            recovery: RecoveryConfig::default(),
            metrics: MetricsConfig::default(),
            log: LogConfig::default(),
            admin: AdminConfig::default(),
            shutdown: ShutdownConfig::default(),
            api: ApiConfig::default(),
            webhooks: WebhooksConfig::default(),
        }
    }
}

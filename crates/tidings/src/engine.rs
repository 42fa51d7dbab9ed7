//! Engine.IO 4: sessions over long-polling and WebSocket, and the upgrade between them.
//!
//! Reading order: [`config`](self::config), then `http` (what a request is checked for), `polling`,
//! `websocket`, `packets`.

pub(crate) mod bare;
pub(crate) mod config;
pub(crate) mod cors;
pub(crate) mod http;
pub(crate) mod packets;
pub(crate) mod polling;
pub(crate) mod websocket;

use std::sync::Arc;

use tidings_protocol::{engine::Open, websocket::Limits};

use self::config::EngineConfig;
use crate::{
    server::core::Core,
    transport::{
        Acceptor,
        connection::{Connection, HeartbeatConfig},
        frame::Frame,
    },
};

/// One mounted Engine.IO endpoint.
pub(crate) struct Endpoint {
    pub(crate) core: Arc<Core>,
    pub(crate) config: EngineConfig,
    pub(crate) acceptor: Box<dyn Acceptor>,
    pub(crate) websocket_limits: Arc<Limits>,
}

impl Endpoint {
    pub(crate) fn new(core: Arc<Core>, config: EngineConfig, acceptor: Box<dyn Acceptor>) -> Self {
        let websocket_limits = core.websocket_limits(config.max_payload);
        Self {
            core,
            config,
            acceptor,
            websocket_limits,
        }
    }

    fn heartbeat(&self) -> HeartbeatConfig {
        HeartbeatConfig {
            interval: self.config.ping_interval,
            timeout: self.config.ping_timeout,
        }
    }

    /// Queues the packet that opens the session.
    fn greet(&self, connection: &Arc<Connection>, upgrades: &[&str]) {
        let id = connection.id();
        let open = Open {
            sid: id.reveal(),
            upgrades,
            ping_interval: self.config.ping_interval,
            ping_timeout: self.config.ping_timeout,
            max_payload: self.config.max_payload,
        };
        let frame = Frame::text(|out| out.extend_from_slice(open.encode().as_bytes()));
        connection.push(&Arc::new(frame), false);
        self.core.stats.connections_opened.add(1);
    }
}

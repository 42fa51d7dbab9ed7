//! The options of a Socket.IO endpoint.

use std::time::Duration;

use tidings_protocol::socket::Parser;

use crate::engine::config::EngineConfig;

/// Options of a Socket.IO endpoint.
#[derive(Debug, Clone)]
#[must_use]
pub struct SocketIo {
    pub(crate) engine: EngineConfig,
    pub(crate) parser: Parser,
    pub(crate) connect_timeout: Duration,
}

impl Default for SocketIo {
    fn default() -> Self {
        Self {
            engine: EngineConfig::default(),
            parser: Parser::Json,
            connect_timeout: Duration::from_secs(45),
        }
    }
}

impl SocketIo {
    /// The defaults of the reference.
    pub fn new() -> Self {
        Self::default()
    }

    /// The options of the Engine.IO connections underneath.
    pub fn engine(mut self, engine: EngineConfig) -> Self {
        self.engine = engine;
        self
    }

    /// The packet format, which clients have to use as well. JSON.
    pub fn parser(mut self, parser: Parser) -> Self {
        self.parser = parser;
        self
    }

    /// Time for a connection to join its first namespace before it is closed. 45 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }
}

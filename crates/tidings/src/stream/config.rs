//! The options of event streams, of long-polling and of commands over HTTP.

use std::time::Duration;

use crate::engine::cors::Cors;

/// Options of an event stream or of a long-polling endpoint.
#[derive(Debug, Clone)]
#[must_use]
pub struct StreamConfig {
    pub(crate) keep_alive: Duration,
    pub(crate) poll_wait: Duration,
    pub(crate) session_timeout: Duration,
    pub(crate) retry: Duration,
    pub(crate) cors: Option<Cors>,
}

impl Default for StreamConfig {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(15),
            poll_wait: Duration::from_secs(25),
            session_timeout: Duration::from_secs(30),
            retry: Duration::from_secs(2),
            cors: None,
        }
    }
}

impl StreamConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Time between the comments that an event stream is kept alive with. A stream that takes
    /// nothing for twice that long is closed. 15 s.
    pub fn keep_alive(mut self, interval: Duration) -> Self {
        self.keep_alive = interval;
        self
    }

    /// How long a poll waits for an event before it is answered with none. 25 s.
    pub fn poll_wait(mut self, wait: Duration) -> Self {
        self.poll_wait = wait;
        self
    }

    /// How long a long-polling session may go without a poll before it ends. 30 s.
    pub fn session_timeout(mut self, timeout: Duration) -> Self {
        self.session_timeout = timeout;
        self
    }

    /// How long browsers wait before they come back to an event stream that ended. 2 s.
    pub fn retry(mut self, wait: Duration) -> Self {
        self.retry = wait;
        self
    }

    /// Answers requests of pages from other origins. Off: no header is sent, and browsers refuse
    /// them.
    pub fn cors(mut self, cors: Cors) -> Self {
        self.cors = Some(cors);
        self
    }
}

/// Options of an endpoint for commands.
#[derive(Debug, Clone)]
#[must_use]
pub struct RpcConfig {
    pub(crate) max_payload: usize,
    pub(crate) timeout: Duration,
    pub(crate) cors: Option<Cors>,
}

impl Default for RpcConfig {
    fn default() -> Self {
        Self {
            max_payload: 1_000_000,
            timeout: Duration::from_secs(30),
            cors: None,
        }
    }
}

impl RpcConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes of the largest command, inclusive. 1,000,000.
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    /// How long a command may take to arrive, and then to be answered. 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Answers requests of pages from other origins. Off: no header is sent, and browsers refuse
    /// them.
    pub fn cors(mut self, cors: Cors) -> Self {
        self.cors = Some(cors);
        self
    }
}

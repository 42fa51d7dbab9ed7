//! What all connections of a server share.

use std::{fmt, sync::Arc};

use tidings_protocol::{
    event_stream,
    websocket::{self, Opcode},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    admission::{Admission, Permit, Refusal},
    limits::Limits,
    stats::Stats,
    transport::{frame::Frame, handshake::Handshake, registry::Registry, shard::Shards},
};

/// The shared state of a server: no globals, so that one process can hold several.
pub(crate) struct Core {
    pub(crate) limits: Limits,
    admission: Option<Box<dyn Admission>>,
    pub(crate) shards: Shards,
    pub(crate) registry: Registry,
    pub(crate) stats: Stats,
    pub(crate) frames: ConstantFrames,
    /// Everything that was spawned for clients.
    pub(crate) tasks: TaskTracker,
    /// What serves all of them: it goes on until the last goodbye is written.
    pub(crate) house: TaskTracker,
    /// Stops accepting connections.
    pub(crate) draining: CancellationToken,
    /// Stops the shards, last of all.
    pub(crate) stop: CancellationToken,
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("limits", &self.limits)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

/// Frames that never change.
#[derive(Debug)]
pub(crate) struct ConstantFrames {
    pub(crate) engine_ping: Arc<Frame>,
    pub(crate) websocket_ping: Arc<Frame>,
    pub(crate) keep_alive: Arc<Frame>,
}

impl Core {
    pub(crate) fn new(
        limits: Limits,
        shards: usize,
        admission: Option<Box<dyn Admission>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            limits,
            admission,
            shards: Shards::new(shards),
            registry: Registry::new(),
            stats: Stats::default(),
            frames: ConstantFrames {
                engine_ping: Arc::new(Frame::raw(Opcode::Text, b"2").uncompressed()),
                websocket_ping: Arc::new(Frame::raw(Opcode::Ping, b"")),
                keep_alive: Arc::new(Frame::raw(Opcode::Text, event_stream::KEEP_ALIVE)),
            },
            tasks: TaskTracker::new(),
            house: TaskTracker::new(),
            draining: CancellationToken::new(),
            stop: CancellationToken::new(),
        })
    }

    /// Whether there is room for one more connection, and time to serve it.
    pub(crate) fn has_room(&self) -> bool {
        !self.draining.is_cancelled() && self.registry.len() < self.limits.connections
    }

    /// Asks the application about a new connection, before anything of it is kept. The caller
    /// counts refusals.
    pub(crate) fn admit(&self, handshake: &Handshake) -> Result<Permit, Refusal> {
        match &self.admission {
            Some(admission) => admission.admit(handshake),
            None => Ok(Permit::free()),
        }
    }

    /// The limits of a WebSocket decoder whose messages may have `max_message` bytes.
    pub(crate) fn websocket_limits(&self, max_message: usize) -> Arc<websocket::Limits> {
        Arc::new(websocket::Limits {
            max_message,
            max_fragments: self.limits.fragments,
            max_inflate_ratio: self.limits.inflate_ratio,
        })
    }
}

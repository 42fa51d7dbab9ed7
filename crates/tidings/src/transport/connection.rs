//! One connection: its outbox, its deadlines, how it is written to and how it ends.
//!
//! Locks, none ever held across an await or while calling a receiver: the shard's wheel before
//! the connection's timers; the outbox alone.

mod deadlines;
mod ending;
mod receiving;
mod streaming;
mod writing;

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::Waker,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tidings_protocol::{close::CloseCode, websocket::Opcode};

use super::{
    Acceptor, Receiver,
    frame::{Frame, WireEncoding},
    gathering::{Compose, Gathering},
    handshake::Handshake,
    outbox::{Outbox, Sink},
    shard::Shard,
    timers::Timers,
};
use crate::{admission::Permit, id::PrivateId, reason::CloseReason, server::core::Core};

/// How the bytes of a connection are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Engine.IO 4 packets, over polling or WebSocket.
    Engine,
    /// WebSocket messages as they are.
    Plain,
    /// Server-Sent Events.
    EventStream,
    /// Long-polling in JSON.
    Poll,
    /// One command, and nothing else.
    Rpc,
}

impl Wire {
    /// How many kinds there are.
    pub(crate) const COUNT: usize = Self::Rpc as usize + 1;
}

/// The heartbeat of an endpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeartbeatConfig {
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
}

/// Copies of what stands under the locks, so that the common message takes fewer of them.
#[derive(Debug, Default)]
struct Hints {
    closed: AtomicBool,
    awaiting_pong: AtomicBool,
    partial: AtomicBool,
    /// The receiver has heard of the end.
    told: AtomicBool,
}

/// How a connection is told that it is over.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goodbye {
    /// A WebSocket close frame; polling clients get the close packet.
    Frame(Option<CloseCode>, &'static str),
    /// Nothing: the socket is cut.
    Cut,
}

/// A client's connection, whatever its transport.
pub struct Connection {
    id: PrivateId,
    wire: Wire,
    core: Arc<Core>,
    shard: Arc<Shard>,
    shard_index: usize,
    heartbeat: HeartbeatConfig,
    handshake: Handshake,
    receiver: OnceLock<Arc<dyn Receiver>>,
    outbox: Mutex<Outbox>,
    timers: Mutex<Timers>,
    /// What `outbox.closed` and `timers` say, for those who only want to know whether there is
    /// anything to do under their locks.
    hints: Hints,
    /// Why it ended, once it has.
    reason: OnceLock<CloseReason>,
    /// Handlers that are running for this client.
    in_flight: AtomicU32,
    /// What is given back when it is over.
    permit: Mutex<Permit>,
    /// The reader, when it waits for handlers to finish.
    paused: Mutex<Option<Waker>>,
}

/// What an idle connection costs is decided here; see `bench/run.sh idle-memory`.
const _: () = assert!(size_of::<Connection>() <= 472);

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.id)
            .field("wire", &self.wire)
            .finish()
    }
}

/// What became of a frame that was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Nothing is left to do: somebody is going to flush, or the frame is dropped.
    Quiet,
    /// The connection has to be flushed: the frame is the first since the last flush.
    Dirty,
    /// There is no room for it: the connection has to be ended.
    Full,
}

/// What a connection is made of.
pub(crate) struct Opening {
    pub(crate) wire: Wire,
    pub(crate) sink: Sink,
    pub(crate) encoding: WireEncoding,
    pub(crate) heartbeat: HeartbeatConfig,
    pub(crate) handshake: Handshake,
    pub(crate) permit: Permit,
}

impl Connection {
    /// Makes the connection known to the server. Nothing is written or accepted yet: see
    /// [`accept`](Self::accept).
    pub(crate) fn open(core: &Arc<Core>, opening: Opening) -> Arc<Self> {
        let (shard_index, shard) = core.shards.assign();
        let now = Instant::now();
        let connection = Arc::new(Self {
            id: PrivateId::random(),
            wire: opening.wire,
            core: Arc::clone(core),
            shard,
            shard_index,
            heartbeat: opening.heartbeat,
            handshake: opening.handshake,
            receiver: OnceLock::new(),
            outbox: Mutex::new(Outbox::new(opening.sink, opening.encoding)),
            timers: Mutex::new(Timers::new(now + opening.heartbeat.interval)),
            hints: Hints::default(),
            reason: OnceLock::new(),
            in_flight: AtomicU32::new(0),
            permit: Mutex::new(opening.permit),
            paused: Mutex::new(None),
        });
        core.registry.insert(Arc::clone(&connection));
        // A request takes care of its own time, and the wheel would remember it for longer.
        if opening.wire != Wire::Rpc {
            connection
                .shard
                .schedule(&connection, now + opening.heartbeat.interval);
        }
        connection
    }

    /// Gives the connection its receiver.
    pub(crate) fn accept(self: &Arc<Self>, acceptor: &dyn Acceptor) {
        let receiver = acceptor.accept(self);
        let _ = self.receiver.set(receiver);
        if self.is_closed() {
            // Closed by its own acceptor, before there was anybody to tell.
            self.tell_closed();
        }
        if self.core.draining.is_cancelled() {
            // Opened while the server was telling everybody that it closes.
            self.shut_down();
        }
    }

    pub(crate) fn receiver(&self) -> Option<&Arc<dyn Receiver>> {
        self.receiver.get()
    }

    pub(crate) fn id(&self) -> PrivateId {
        self.id
    }

    /// The private id: what the client knows its Engine.IO session by, and nobody else may.
    pub fn private_id(&self) -> PrivateId {
        self.id
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    pub(crate) fn shard(&self) -> &Arc<Shard> {
        &self.shard
    }

    pub(crate) fn shard_index(&self) -> usize {
        self.shard_index
    }

    pub(crate) fn wire(&self) -> Wire {
        self.wire
    }

    /// The request that opened the connection.
    pub fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    /// Whether the connection has ended, or is about to.
    pub fn is_closed(&self) -> bool {
        self.hints.closed.load(Ordering::Acquire)
    }

    /// Why the connection ended, once it has.
    pub(crate) fn ended(&self) -> Option<CloseReason> {
        self.reason.get().copied()
    }

    /// What the [`Permit`] of the connection holds, if that is of this type and the connection is
    /// not over; an `Arc`, usually.
    pub fn held<T: Clone + 'static>(&self) -> Option<T> {
        self.permit.lock().held()
    }

    /// The transport in use: `websocket` or `polling`, `sse` for an event stream, `poll` for
    /// long-polling in JSON, `rpc` for a single command.
    pub fn transport(&self) -> &'static str {
        match self.wire {
            Wire::EventStream => "sse",
            Wire::Poll => "poll",
            Wire::Rpc => "rpc",
            Wire::Plain => "websocket",
            Wire::Engine => match self.outbox.lock().sink {
                Sink::Polling(_) => "polling",
                _ => "websocket",
            },
        }
    }

    /// Bytes that wait to be written.
    pub fn queued_bytes(&self) -> usize {
        self.outbox.lock().bytes()
    }

    /// Sends a text message. Transports that carry only events drop it.
    pub fn send_text(self: &Arc<Self>, text: &str) {
        if !self.carries_messages() {
            return;
        }
        let frame = match self.wire {
            Wire::Engine => Frame::text(|out| {
                out.push(b'4');
                out.extend_from_slice(text.as_bytes());
            }),
            _ => Frame::raw(Opcode::Text, text.as_bytes()),
        };
        self.send(&Arc::new(frame));
    }

    /// Sends a binary message. Transports that carry only events drop it.
    pub fn send_binary(self: &Arc<Self>, bytes: &[u8]) {
        if !self.carries_messages() {
            return;
        }
        self.send(&Arc::new(Frame::raw(Opcode::Binary, bytes)));
    }

    fn carries_messages(&self) -> bool {
        matches!(self.wire, Wire::Engine | Wire::Plain)
    }

    /// Closes the connection. What is queued is still written, then a close frame with the code.
    pub fn close(self: &Arc<Self>, code: Option<CloseCode>) {
        self.end(CloseReason::ForcedClose, Goodbye::Frame(code, ""));
    }

    /// Cuts the connection with no goodbye.
    pub fn cut(self: &Arc<Self>) {
        self.end(CloseReason::ForcedClose, Goodbye::Cut);
    }

    /// Queues a frame and has it written.
    pub(crate) fn send(self: &Arc<Self>, frame: &Arc<Frame>) {
        match self.push(frame, false) {
            Pushed::Quiet => {}
            Pushed::Dirty => self.shard.flush_soon([Arc::clone(self)]),
            Pushed::Full => self.overflow(),
        }
    }

    /// Queues a frame. Takes no lock but the outbox's, and calls nobody: what has to follow is
    /// the caller's, once it holds no lock itself.
    pub(crate) fn push(&self, frame: &Arc<Frame>, volatile: bool) -> Pushed {
        let mut outbox = self.outbox.lock();
        if outbox.closed {
            return Pushed::Quiet;
        }
        let limits = &self.core.limits;
        let waits = outbox.bytes() > 0;
        let full = waits && outbox.bytes() + frame.len() > limits.outbox_bytes
            || outbox.blocked && outbox.len() >= limits.outbox_messages;
        if volatile && (full || !outbox.is_writable()) {
            self.core.stats.volatile_dropped.add(1);
            return Pushed::Quiet;
        }
        if full {
            return Pushed::Full;
        }
        if !outbox.push(Arc::clone(frame)) || outbox.dirty || outbox.blocked {
            return Pushed::Quiet;
        }
        outbox.dirty = true;
        Pushed::Dirty
    }

    /// Has items that are pushed from now on sent in messages of up to `size`, at the latest when
    /// the first of them has waited for `interval`.
    pub(crate) fn gather(&self, size: usize, interval: Duration, compose: Compose) {
        let mut outbox = self.outbox.lock();
        if !outbox.closed {
            let bytes = self.core.limits.outbox_bytes;
            outbox
                .gather(|| Gathering::new(compose, bytes))
                .set(size, interval);
        }
    }

    /// Queues a frame whatever waits already; whoever calls this bounds it, and has the
    /// connection flushed.
    pub(crate) fn push_unbounded(&self, frame: &Arc<Frame>) {
        let mut outbox = self.outbox.lock();
        if !outbox.closed {
            outbox.push(Arc::clone(frame));
        }
    }
}

#[cfg(test)]
mod tests;

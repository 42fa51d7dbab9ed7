//! One connection: its outbox, its deadlines, how it is written to and how it ends.
//!
//! Locks, none ever held across an await or while calling a receiver: the shard's wheel before
//! the connection's timers; the outbox alone.

use std::{
    fmt,
    net::Shutdown,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use socket2::SockRef;
use tidings_protocol::{
    close::CloseCode,
    websocket::{Event, Opcode},
};
use tokio::net::tcp::OwnedWriteHalf;

use super::{
    Acceptor, Malformed, Receiver,
    frame::{Frame, WireEncoding},
    handshake::Handshake,
    outbox::{Batch, Outbox, PollAnswer, Polling, Sink, Written},
    shard::Shard,
    timers::{Heartbeat, Timers},
};
use crate::{id::PrivateId, reason::CloseReason, server::core::Core};

/// How long a closing peer has to read what is left and to answer the close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a closed polling session waits for a GET that can be told so.
const PARK_TIMEOUT: Duration = Duration::from_secs(30);

/// How the bytes of a connection are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Engine.IO 4 packets, over polling or WebSocket.
    Engine,
    /// WebSocket messages as they are.
    Plain,
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
    /// The reader, when it waits for handlers to finish.
    paused: Mutex<Option<Waker>>,
}

/// What an idle connection costs is decided here; see `bench/run.sh idle-memory`.
const _: () = assert!(size_of::<Connection>() <= 448);

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
            paused: Mutex::new(None),
        });
        core.registry.insert(Arc::clone(&connection));
        connection
            .shard
            .schedule(&connection, now + opening.heartbeat.interval);
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
            self.end(CloseReason::ServerShuttingDown, Goodbye::Frame(None, ""));
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

    /// The transport in use: `websocket` or `polling`.
    pub fn transport(&self) -> &'static str {
        match self.outbox.lock().sink {
            Sink::Polling(_) => "polling",
            Sink::Socket(_) | Sink::Closed => "websocket",
        }
    }

    /// Bytes that wait to be written.
    pub fn queued_bytes(&self) -> usize {
        self.outbox.lock().bytes()
    }

    /// Sends a text message.
    pub fn send_text(self: &Arc<Self>, text: &str) {
        let frame = match self.wire {
            Wire::Engine => Frame::text(|out| {
                out.push(b'4');
                out.extend_from_slice(text.as_bytes());
            }),
            Wire::Plain => Frame::raw(Opcode::Text, text.as_bytes()),
        };
        self.send(&Arc::new(frame));
    }

    /// Sends a binary message.
    pub fn send_binary(self: &Arc<Self>, bytes: &[u8]) {
        self.send(&Arc::new(Frame::raw(Opcode::Binary, bytes)));
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
        let full =
            outbox.bytes() > 0 && outbox.bytes() + frame.len() > self.core.limits.outbox_bytes;
        if volatile && (full || !outbox.is_writable()) {
            self.core.stats.volatile_dropped.add(1);
            return Pushed::Quiet;
        }
        if full {
            return Pushed::Full;
        }
        outbox.push(Arc::clone(frame));
        if outbox.dirty || outbox.blocked {
            return Pushed::Quiet;
        }
        outbox.dirty = true;
        Pushed::Dirty
    }

    /// Queues a frame whatever waits already; whoever calls this bounds it, and has the
    /// connection flushed.
    pub(crate) fn push_unbounded(&self, frame: &Arc<Frame>) {
        let mut outbox = self.outbox.lock();
        if !outbox.closed {
            outbox.push(Arc::clone(frame));
        }
    }

    /// Ends a connection whose client does not read what it is sent. A task does it: the handlers
    /// of the client's departure must not run within somebody else's call to send.
    pub(crate) fn overflow(self: &Arc<Self>) {
        let connection = Arc::clone(self);
        self.core.tasks.spawn(async move {
            let goodbye = Goodbye::Frame(Some(CloseCode::SLOW_CONSUMER), "slow consumer");
            if connection.end(CloseReason::SlowConsumer, goodbye) {
                connection.core.stats.outbox_overflows.add(1);
                tracing::debug!(?connection, "the outbox is full, the connection is closed");
            }
        });
    }

    /// Starts a turn of the reader: what handlers send meanwhile is written at its end, in one
    /// piece.
    pub(crate) fn cork(&self) -> bool {
        let mut outbox = self.outbox.lock();
        let corked = !outbox.dirty;
        outbox.dirty = true;
        corked
    }

    /// Writes what waits, as far as the transport takes it.
    pub(crate) fn flush(self: &Arc<Self>) {
        loop {
            let mut outbox = self.outbox.lock();
            outbox.dirty = false;
            if outbox.blocked {
                return;
            }
            let socket = match &mut outbox.sink {
                Sink::Closed => return outbox.clear(),
                Sink::Socket(socket) => Arc::clone(socket),
                Sink::Polling(_) => return Self::answer_poll(&mut outbox),
            };
            let Some(batch) = outbox.take_batch() else {
                shut_if_done(&outbox, &socket);
                return;
            };
            drop(outbox);
            match self.write(batch, &socket) {
                Ok((Written::Everything, false)) => return,
                Ok((Written::Everything, true)) => {}
                Ok((Written::Blocked, _)) => {
                    let drain = Arc::clone(self).drain(socket);
                    self.core.tasks.spawn(drain);
                    return;
                }
                Err(()) => return,
            }
        }
    }

    /// Writes a batch. Also says whether there is more to be written at once.
    fn write(
        self: &Arc<Self>,
        mut batch: Batch,
        socket: &OwnedWriteHalf,
    ) -> Result<(Written, bool), ()> {
        let mut done = 0;
        let written = batch.write_to(socket, &mut done);
        let mut outbox = self.outbox.lock();
        let again = outbox.give_back(batch, done);
        match written {
            Ok(written) => {
                outbox.blocked = written == Written::Blocked;
                shut_if_done(&outbox, socket);
                Ok((written, again))
            }
            Err(_) => {
                drop(outbox);
                self.end(CloseReason::TransportError, Goodbye::Cut);
                Err(())
            }
        }
    }

    /// Waits until a socket that was full takes bytes again. Cutting the socket ends it too.
    async fn drain(self: Arc<Self>, socket: Arc<OwnedWriteHalf>) {
        while socket.writable().await.is_ok() {
            let Some(batch) = self.outbox.lock().take_batch() else {
                break;
            };
            match self.write(batch, &socket) {
                Ok((Written::Blocked, _)) => {}
                // What was pushed while it was blocked is nobody else's to write.
                Ok((Written::Everything, _)) => return self.flush(),
                Err(()) => return,
            }
        }
        self.end(CloseReason::TransportError, Goodbye::Cut);
    }

    fn answer_poll(outbox: &mut Outbox) {
        if outbox.is_empty() {
            return;
        }
        let Sink::Polling(polling) = &mut outbox.sink else {
            return;
        };
        let Some(waiting) = polling.waiting.take() else {
            return;
        };
        if waiting.is_closed() {
            return;
        }
        let answer = outbox.take_payload();
        let _ = waiting.send(answer);
    }

    /// Runs `f` on the polling side of the outbox; `None` when the transport is another.
    pub(crate) fn with_polling<T>(
        &self,
        f: impl FnOnce(&mut Outbox, &mut Polling) -> T,
    ) -> Option<T> {
        let mut outbox = self.outbox.lock();
        match std::mem::replace(&mut outbox.sink, Sink::Closed) {
            Sink::Polling(mut polling) => {
                let out = f(&mut outbox, &mut polling);
                if matches!(outbox.sink, Sink::Closed) {
                    outbox.sink = Sink::Polling(polling);
                }
                Some(out)
            }
            other => {
                outbox.sink = other;
                None
            }
        }
    }

    pub(crate) fn set_encoding(&self, encoding: WireEncoding) {
        self.outbox.lock().encoding = encoding;
    }

    /// Moves the session to an upgraded socket; false when it has ended meanwhile.
    pub(crate) fn switch_to(self: &Arc<Self>, socket: Arc<OwnedWriteHalf>) -> bool {
        let mut outbox = self.outbox.lock();
        if outbox.closed {
            return false;
        }
        let before = std::mem::replace(&mut outbox.sink, Sink::Socket(socket));
        drop(outbox);
        if let Sink::Polling(Polling {
            waiting: Some(waiting),
            ..
        }) = before
        {
            let _ = waiting.send(PollAnswer {
                payload: b"6".to_vec(),
                compress: false,
            });
        }
        // A ping that was lost with the old transport must not be waited for.
        self.timers.lock().heartbeat = Heartbeat::Idle {
            ping_at: Instant::now() + self.heartbeat.interval,
        };
        self.flush();
        true
    }

    /// Ends the connection: nothing more is accepted, and the receiver is told once. Says whether
    /// this call was the one that ended it.
    pub(crate) fn end(self: &Arc<Self>, reason: CloseReason, goodbye: Goodbye) -> bool {
        let mut outbox = self.outbox.lock();
        let first = !outbox.closed;
        outbox.closed = true;
        self.reason.get_or_init(|| reason);
        self.hints.closed.store(true, Ordering::Release);
        // Only a client that did nothing wrong, and is still there, comes back to hear of it.
        let park = reason.is_servers_own() && !matches!(goodbye, Goodbye::Cut);
        let mut parked = false;
        match &mut outbox.sink {
            Sink::Closed => {}
            Sink::Socket(socket) => {
                let socket = Arc::clone(socket);
                match goodbye {
                    Goodbye::Cut => {
                        outbox.clear();
                        let _ = SockRef::from((*socket).as_ref()).shutdown(Shutdown::Both);
                    }
                    Goodbye::Frame(code, text) if first => {
                        let mut frame = Vec::new();
                        tidings_protocol::websocket::encode_close(&mut frame, code, text);
                        // `encode_close` gives a whole frame; its header is two bytes long.
                        outbox.push(Arc::new(Frame::raw(Opcode::Close, &frame[2..])));
                    }
                    Goodbye::Frame(..) => {}
                }
            }
            Sink::Polling(polling) => {
                polling.posting = None;
                match polling
                    .waiting
                    .take()
                    .filter(|_| !matches!(goodbye, Goodbye::Cut))
                {
                    // A client may act on a close packet before the packets in front of it, so
                    // those go alone, and the next GET learns of the close.
                    Some(waiting) if !waiting.is_closed() && !outbox.is_empty() => {
                        let _ = waiting.send(outbox.take_payload());
                        parked = true;
                    }
                    Some(waiting) if !waiting.is_closed() => {
                        let payload = b"1".to_vec();
                        let _ = waiting.send(PollAnswer {
                            payload,
                            compress: false,
                        });
                        outbox.sink = Sink::Closed;
                    }
                    _ if park => parked = true,
                    _ => outbox.sink = Sink::Closed,
                }
            }
        }
        drop(outbox);
        if first {
            let patience = if parked { PARK_TIMEOUT } else { CLOSE_TIMEOUT };
            let cut_at = Instant::now() + patience;
            self.timers.lock().cut = Some(cut_at);
            self.shard.schedule(self, cut_at);
        }
        if !parked {
            self.core.registry.remove(self.id);
        }
        self.flush();
        if first {
            self.tell_closed();
        }
        first
    }

    fn tell_closed(self: &Arc<Self>) {
        if let Some(waker) = self.paused.lock().take() {
            waker.wake();
        }
        // Its end may be seen from two sides at once while it is being accepted.
        if let (Some(receiver), Some(reason)) = (self.receiver.get(), self.reason.get())
            && !self.hints.told.swap(true, Ordering::AcqRel)
        {
            receiver.closed(self, *reason);
        }
    }

    /// The answer to a GET that finds a closed session: what is left, and then that it is closed,
    /// with which it is forgotten.
    pub(crate) fn last_words(&self) -> PollAnswer {
        let mut outbox = self.outbox.lock();
        if !outbox.is_empty() {
            return outbox.take_payload();
        }
        outbox.sink = Sink::Closed;
        drop(outbox);
        self.core.registry.remove(self.id);
        PollAnswer {
            payload: b"6\x1e1".to_vec(),
            compress: false,
        }
    }

    /// The reader is gone, and with it the socket.
    pub(crate) fn transport_gone(self: &Arc<Self>, reason: CloseReason) {
        self.end(reason, Goodbye::Cut);
        let mut outbox = self.outbox.lock();
        outbox.sink = Sink::Closed;
        outbox.clear();
    }

    /// Has the socket shut down as soon as everything is written: the peer says nothing more.
    pub(crate) fn shut_after_goodbye(&self) {
        let mut outbox = self.outbox.lock();
        outbox.shut_when_empty = true;
        if let Sink::Socket(socket) = &outbox.sink {
            shut_if_done(&outbox, socket);
        }
    }

    pub(crate) fn shuts_when_empty(&self) -> bool {
        self.outbox.lock().shut_when_empty
    }

    /// Takes a WebSocket message or control frame. False ends the reading.
    pub(crate) fn receive(self: &Arc<Self>, event: Event<'_>) -> bool {
        match event {
            Event::Text(text) => match self.wire {
                Wire::Engine => crate::engine::packets::receive_text(self, text),
                Wire::Plain => self.deliver(|receiver| receiver.text(self, text)),
            },
            Event::Binary(bytes) => self.deliver(|receiver| receiver.binary(self, bytes)),
            Event::Ping(payload) => {
                self.send(&Arc::new(Frame::raw(Opcode::Pong, payload)));
                true
            }
            Event::Pong(_) => {
                if self.wire == Wire::Plain {
                    self.pong();
                }
                true
            }
            Event::Close(code, _) => {
                self.end(CloseReason::TransportClose, Goodbye::Frame(code, ""));
                self.shut_after_goodbye();
                false
            }
        }
    }

    /// Hands a message to the receiver; what it makes of it decides whether the connection lives.
    pub(crate) fn deliver(
        self: &Arc<Self>,
        take: impl FnOnce(&dyn Receiver) -> Result<bool, Malformed>,
    ) -> bool {
        if self.is_closed() {
            return false;
        }
        let Some(receiver) = self.receiver.get() else {
            return false;
        };
        self.heard();
        match take(&**receiver) {
            Ok(partial) => {
                self.expect_rest(partial);
                true
            }
            Err(Malformed) => {
                self.end(CloseReason::ForcedClose, Goodbye::Frame(None, ""));
                false
            }
        }
    }

    fn expect_rest(self: &Arc<Self>, partial: bool) {
        if self.hints.partial.load(Ordering::Acquire) == partial {
            return;
        }
        self.hints.partial.store(partial, Ordering::Release);
        let by = partial.then(|| Instant::now() + self.core.limits.attachment_timeout);
        self.timers.lock().partial = by;
        if let Some(by) = by {
            self.shard.schedule(self, by);
        }
    }

    /// The peer has to introduce itself by then; `None` says that it did.
    pub(crate) fn expect_introduction(self: &Arc<Self>, by: Option<Instant>) {
        self.timers.lock().introduction = by;
        if let Some(by) = by {
            self.shard.schedule(self, by);
        }
    }

    /// A packet other than a pong arrived: while a pong is awaited, the first such packet after
    /// each ping shows that the peer lives and renews the timeout.
    fn heard(&self) {
        if !self.hints.awaiting_pong.load(Ordering::Acquire) {
            return;
        }
        let mut timers = self.timers.lock();
        if let Heartbeat::Pinged { pong_by, extended } = &mut timers.heartbeat
            && !*extended
        {
            *extended = true;
            *pong_by = Instant::now() + self.heartbeat.timeout;
        }
    }

    /// The peer answered a ping. Pongs that nobody asked for are fine.
    pub(crate) fn pong(&self) {
        self.hints.awaiting_pong.store(false, Ordering::Release);
        self.timers.lock().heartbeat = Heartbeat::Idle {
            ping_at: Instant::now() + self.heartbeat.interval,
        };
    }

    /// Whether `tick` is an earlier entry in the wheel than the one that counts now.
    pub(crate) fn reschedule(&self, tick: u64) -> bool {
        let mut timers = self.timers.lock();
        let earlier = tick < timers.scheduled;
        if earlier {
            timers.scheduled = tick;
        }
        earlier
    }

    /// Does what is due, and says when to come again.
    pub(crate) fn fire(self: &Arc<Self>, tick: u64, now: Instant) -> Option<Instant> {
        let mut timers = self.timers.lock();
        if timers.scheduled != tick {
            return None;
        }
        timers.scheduled = u64::MAX;
        let passed = |deadline: Option<Instant>| deadline.is_some_and(|it| it <= now);
        if passed(timers.cut) {
            drop(timers);
            self.transport_gone(CloseReason::ForcedClose);
            return None;
        }
        if timers.cut.is_some() {
            return timers.cut;
        }
        if passed(timers.partial) || passed(timers.introduction) {
            drop(timers);
            self.end(CloseReason::ForcedClose, Goodbye::Frame(None, ""));
            return self.timers.lock().cut;
        }
        match timers.heartbeat {
            Heartbeat::Idle { ping_at } if ping_at <= now => {
                timers.heartbeat = Heartbeat::Pinged {
                    pong_by: now + self.heartbeat.timeout,
                    extended: false,
                };
                self.hints.awaiting_pong.store(true, Ordering::Release);
                let next = timers.next();
                drop(timers);
                self.send(match self.wire {
                    Wire::Engine => &self.core.frames.engine_ping,
                    Wire::Plain => &self.core.frames.websocket_ping,
                });
                Some(next)
            }
            Heartbeat::Pinged { pong_by, .. } if pong_by <= now => {
                drop(timers);
                self.core.stats.ping_timeouts.add(1);
                let code = (self.wire == Wire::Plain).then_some(CloseCode::NO_PONG);
                self.end(CloseReason::PingTimeout, Goodbye::Frame(code, "no pong"));
                self.timers.lock().cut
            }
            _ => Some(timers.next()),
        }
    }

    /// A handler for this client has started.
    pub(crate) fn handler_started(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// A handler for this client has finished.
    pub(crate) fn handler_finished(&self) {
        let before = self.in_flight.fetch_sub(1, Ordering::AcqRel);
        if before as usize == self.core.limits.handlers_in_flight
            && let Some(waker) = self.paused.lock().take()
        {
            waker.wake();
        }
    }

    /// Ready when the client may be listened to: it waits while too many handlers run for it.
    pub(crate) fn poll_admit(&self, context: &mut Context<'_>) -> Poll<()> {
        let busy = || {
            self.in_flight.load(Ordering::Acquire) as usize >= self.core.limits.handlers_in_flight
        };
        if !busy() {
            return Poll::Ready(());
        }
        *self.paused.lock() = Some(context.waker().clone());
        if busy() && !self.is_closed() {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }
}

/// Shuts the socket down when that was asked for and everything is written.
fn shut_if_done(outbox: &Outbox, socket: &OwnedWriteHalf) {
    if outbox.shut_when_empty && outbox.is_drained() {
        let _ = SockRef::from(socket.as_ref()).shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests;

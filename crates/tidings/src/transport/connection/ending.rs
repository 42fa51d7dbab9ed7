//! How a connection ends: in one of many ways, told once.

use std::{
    net::Shutdown,
    sync::{Arc, atomic::Ordering},
    task::Waker,
    time::{Duration, Instant},
};

use tidings_protocol::{close::CloseCode, websocket::Opcode};

use super::{Connection, Goodbye, Wire, writing::shut_if_done};
use crate::{
    reason::CloseReason,
    transport::{
        frame::Frame,
        outbox::{PollAnswer, Sink},
    },
};

/// How long a closing peer has to read what is left and to answer the close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a closed polling session waits for a GET that can be told so.
const PARK_TIMEOUT: Duration = Duration::from_secs(30);

impl Connection {
    /// Ends the connection because the server is about to end, so that its client comes back. Plain
    /// clients learn it by the code [`CloseCode::SHUTDOWN`]; those of Engine.IO would make nothing
    /// of one, and see a lost connection.
    pub fn shut_down(self: &Arc<Self>) {
        let code = (self.wire == Wire::Plain).then_some(CloseCode::SHUTDOWN);
        self.end(CloseReason::ServerShuttingDown, Goodbye::Frame(code, ""));
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
        let mut waker = None;
        let gathering = outbox.stop_gathering();
        match &mut outbox.sink {
            Sink::Closed => {}
            Sink::Socket(socket) => {
                let socket = Arc::clone(socket);
                match goodbye {
                    Goodbye::Cut => {
                        outbox.clear();
                        socket.shutdown(Shutdown::Both);
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
            Sink::EventStream(stream) => {
                // Otherwise its body ends by itself, once everything is out.
                if matches!(goodbye, Goodbye::Cut) {
                    waker = stream.waker.take();
                    if let Some(hangup) = &stream.hangup {
                        hangup.hang_up();
                    }
                    outbox.sink = Sink::Closed;
                    outbox.clear();
                }
            }
            Sink::LongPoll(_) => {
                if !outbox.answer_long_poll()
                    && let Sink::LongPoll(poll) = &mut outbox.sink
                {
                    poll.give_nothing();
                }
                outbox.sink = Sink::Closed;
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
        let is_over = matches!(outbox.sink, Sink::Closed);
        drop(outbox);
        drop(gathering);
        waker.into_iter().for_each(Waker::wake);
        // The wheel would remember a request for longer than it took.
        if first && self.wire != Wire::Rpc {
            let patience = if parked { PARK_TIMEOUT } else { CLOSE_TIMEOUT };
            let cut_at = Instant::now() + patience;
            self.timers.lock().cut = Some(cut_at);
            self.shard.schedule(self, cut_at);
        }
        if !parked {
            self.core.registry.remove(self.id);
        }
        if is_over {
            self.give_back();
        }
        self.flush();
        if first {
            self.tell_closed();
        }
        first
    }

    pub(super) fn tell_closed(self: &Arc<Self>) {
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
        self.give_back();
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
        drop(outbox);
        self.give_back();
    }

    /// Nothing of the connection is left but who still speaks of it.
    fn give_back(&self) {
        let permit = std::mem::take(&mut *self.permit.lock());
        drop(permit);
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
}

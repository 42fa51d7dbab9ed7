//! What a connection does for its responses: the body of an event stream and the answers to polls.

use std::{
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{Connection, Goodbye};
use crate::{
    hub::recovery::Offset,
    reason::CloseReason,
    server::BoxError,
    transport::{
        longpoll::{Asked, Cursor, LongPoll},
        outbox::Sink,
        timers::Heartbeat,
    },
};

impl Connection {
    /// The next piece of an event stream: what waits, in one chunk. It ends when the connection
    /// is closed and everything is out.
    pub(crate) fn poll_chunk(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>> {
        let mut outbox = self.outbox.lock();
        if !matches!(outbox.sink, Sink::EventStream(_)) {
            return Poll::Ready(Some(Err("the stream is cut".into())));
        }
        if let Some(chunk) = outbox.take_chunk() {
            drop(outbox);
            self.core.stats.bytes_out.add(chunk.len() as u64);
            if self.hints.awaiting_pong.load(Ordering::Acquire) {
                // Its peer reads: that is all the pong that there is.
                self.pong();
            }
            return Poll::Ready(Some(Ok(chunk)));
        }
        if outbox.closed {
            outbox.sink = Sink::Closed;
            return Poll::Ready(None);
        }
        if let Sink::EventStream(stream) = &mut outbox.sink {
            stream.waker = Some(context.waker().clone());
        }
        Poll::Pending
    }

    /// Takes a poll of a long-polling session; `None` when the session is over.
    pub(crate) fn ask(self: &Arc<Self>, cursor: Option<Cursor>) -> Option<Asked> {
        let asked = self.with_long_poll(|poll| poll.ask(cursor))?;
        if let Asked::Wait(_) = asked {
            self.expect_poll(self.heartbeat.interval);
            self.flush();
        } else {
            self.expect_poll(self.heartbeat.timeout);
        }
        Some(asked)
    }

    /// The place from which a long-polling session starts, and whether its client continues.
    pub(crate) fn begin_polling(&self, place: Option<Offset>, recovered: bool) {
        self.with_long_poll(|poll| poll.begin(place, recovered));
    }

    fn with_long_poll<T>(&self, f: impl FnOnce(&mut LongPoll) -> T) -> Option<T> {
        match &mut self.outbox.lock().sink {
            Sink::LongPoll(poll) => Some(f(poll)),
            _ => None,
        }
    }

    /// Something has to happen within that time: the answer to the poll that waits, or a poll.
    pub(super) fn expect_poll(self: &Arc<Self>, within: Duration) {
        let ping_at = Instant::now() + within;
        self.timers.lock().heartbeat = Heartbeat::Idle { ping_at };
        self.shard.schedule(self, ping_at);
    }

    /// The time of [`expect_poll`](Self::expect_poll) is over: a poll that waits is answered with
    /// nothing, and without one the session ends.
    pub(super) fn poll_is_due(self: &Arc<Self>) {
        if self.with_long_poll(LongPoll::give_nothing) == Some(true) {
            self.expect_poll(self.heartbeat.timeout);
            return;
        }
        self.core.stats.ping_timeouts.add(1);
        self.end(CloseReason::PingTimeout, Goodbye::Cut);
    }

    /// Whether as many handlers run for this client as may.
    pub(crate) fn is_busy(&self) -> bool {
        self.in_flight.load(Ordering::Acquire) as usize >= self.core.limits.handlers_in_flight
    }
}

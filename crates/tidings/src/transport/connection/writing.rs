//! How a connection is written to: by whoever has something for it, one batch at a time.

use std::{net::Shutdown, sync::Arc, task::Waker, time::Instant};

use super::{Connection, Goodbye};
use crate::{
    reason::CloseReason,
    transport::{
        frame::WireEncoding,
        gathering::Interval,
        outbox::{Batch, Outbox, PollAnswer, Polling, Sink, Written},
        socket::WriteHalf,
        timers::Heartbeat,
    },
};

impl Connection {
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
            if let Some(interval) = outbox.settle() {
                drop(outbox);
                self.keep(interval);
                outbox = self.outbox.lock();
            }
            if outbox.blocked {
                return;
            }
            let nothing = outbox.is_empty() && !outbox.closed;
            let socket = match &mut outbox.sink {
                Sink::Closed => return outbox.clear(),
                Sink::Socket(socket) => Arc::clone(socket),
                Sink::Polling(_) => return Self::answer_poll(&mut outbox),
                Sink::EventStream(_) if nothing => return,
                Sink::EventStream(stream) => {
                    let waker = stream.waker.take();
                    drop(outbox);
                    return waker.into_iter().for_each(Waker::wake);
                }
                Sink::LongPoll(_) => {
                    let answered = outbox.answer_long_poll();
                    drop(outbox);
                    if answered {
                        self.expect_poll(self.heartbeat.timeout);
                    }
                    return;
                }
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
        socket: &WriteHalf,
    ) -> Result<(Written, bool), ()> {
        let mut done = 0;
        let written = batch.write_to(socket, &mut done);
        self.core.stats.bytes_out.add(batch.taken() as u64);
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
    async fn drain(self: Arc<Self>, socket: Arc<WriteHalf>) {
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

    /// Sends what is gathered when its interval has ended.
    fn keep(self: &Arc<Self>, interval: Interval) {
        let Interval { mut ends, stop } = interval;
        let connection = Arc::clone(self);
        let keeping = async move {
            loop {
                tokio::time::sleep_until(ends).await;
                let later = connection.outbox.lock().end_interval();
                match later {
                    Some(later) => ends = later,
                    None => return connection.flush(),
                }
            }
        };
        self.core
            .tasks
            .spawn(stop.run_until_cancelled_owned(keeping));
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
    pub(crate) fn switch_to(self: &Arc<Self>, socket: Arc<WriteHalf>) -> bool {
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
}

/// Shuts the socket down when that was asked for and everything is written.
pub(super) fn shut_if_done(outbox: &Outbox, socket: &WriteHalf) {
    if outbox.shut_when_empty && outbox.is_drained() {
        socket.finish();
        socket.shutdown(Shutdown::Both);
    }
}

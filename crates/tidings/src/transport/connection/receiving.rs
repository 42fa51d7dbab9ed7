//! What a connection does with what its peer sends, and how much of it at a time.

use std::{
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
};

use tidings_protocol::websocket::{Event, Opcode};

use super::{Connection, Goodbye, Wire};
use crate::{
    reason::CloseReason,
    transport::{Malformed, Receiver, frame::Frame},
};

impl Connection {
    /// Takes a WebSocket message or control frame. False ends the reading.
    pub(crate) fn receive(self: &Arc<Self>, event: Event<'_>) -> bool {
        match event {
            Event::Text(text) => match self.wire {
                Wire::Engine => crate::engine::packets::receive_text(self, text),
                _ => self.deliver(|receiver| receiver.text(self, text)),
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

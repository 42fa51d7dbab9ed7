//! The sink of an event stream: a response body that takes what waits in the outbox.
//!
//! No task stands between them. The body is polled by the HTTP connection that writes it; when
//! nothing waits it leaves its waker here, which whoever flushes the outbox wakes. All of it is
//! under the lock of the outbox.

use std::{sync::Arc, task::Waker};

use tokio::sync::Notify;

/// Cuts an HTTP connection whose peer does not read: its body is not polled any more then, and
/// could not end it. An extension of the requests that this library's listener reads.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hangup(Arc<Notify>);

impl Hangup {
    pub(crate) fn hang_up(&self) {
        self.0.notify_one();
    }

    pub(crate) async fn hung_up(&self) {
        self.0.notified().await;
    }
}

/// Where the frames of an event stream go.
#[derive(Debug)]
pub(crate) struct EventSink {
    /// Wakes the body, which has written everything and waits.
    pub(crate) waker: Option<Waker>,
    /// None behind another HTTP server.
    pub(crate) hangup: Option<Hangup>,
}

impl EventSink {
    pub(crate) fn new(hangup: Option<Hangup>) -> Self {
        Self {
            waker: None,
            hangup,
        }
    }
}

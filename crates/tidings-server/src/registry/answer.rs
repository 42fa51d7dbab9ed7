//! The answer to a command: given once, from wherever the outcome is known.

use std::{fmt, marker::PhantomData, sync::Arc};

use parking_lot::Mutex;
use serde::Serialize;
use tidings::{Ack, EmitError, Socket};

use crate::{
    events::{ErrorEvent, Event as _},
    fault::{Code, Fault},
};

/// The answer to a command. Clones are the same answer; the first that is given counts. Dropped by
/// all who have it, it says that the command could not be finished.
pub(crate) struct Answer<O> {
    pending: Arc<Pending>,
    output: PhantomData<fn(O)>,
}

struct Pending {
    socket: Socket,
    /// `None` once the answer was given.
    ack: Mutex<Option<Wanted>>,
}

enum Wanted {
    Answer(Ack),
    /// The client did not ask for an answer, and hears of faults only.
    Faults,
}

/// What a successful command answers.
#[derive(Serialize)]
struct Success<'a, O> {
    success: bool,
    #[serde(flatten)]
    output: &'a O,
}

/// What a command that failed answers.
#[derive(Serialize)]
struct Failure<'a> {
    success: bool,
    #[serde(flatten)]
    fault: &'a Fault,
}

impl<O> Clone for Answer<O> {
    fn clone(&self) -> Self {
        Self {
            pending: Arc::clone(&self.pending),
            output: PhantomData,
        }
    }
}

impl<O> fmt::Debug for Answer<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Answer").field(&self.pending.socket).finish()
    }
}

impl<O: Serialize> Answer<O> {
    /// The answer to a command of that socket.
    pub(crate) fn new(socket: &Socket, ack: Option<Ack>) -> Self {
        Self {
            pending: Arc::new(Pending {
                socket: socket.clone(),
                ack: Mutex::new(Some(ack.map_or(Wanted::Faults, Wanted::Answer))),
            }),
            output: PhantomData,
        }
    }

    /// Answers, if the client wants to know.
    pub(crate) fn give(&self, output: &O) {
        if let Some(Wanted::Answer(ack)) = self.take() {
            log_unsent(ack.send(&Success {
                success: true,
                output,
            }));
        }
    }

    /// Answers that it was not done.
    pub(crate) fn refuse(&self, fault: &Fault) {
        if let Some(wanted) = self.take() {
            self.pending.refuse(wanted, fault);
        }
    }

    fn take(&self) -> Option<Wanted> {
        self.pending.ack.lock().take()
    }
}

impl Pending {
    /// A client that did not ask for an answer hears of a fault by the event `error`, since
    /// otherwise it would wait for something that never comes.
    fn refuse(&self, wanted: Wanted, fault: &Fault) {
        let sent = match wanted {
            Wanted::Answer(ack) => ack.send(&Failure {
                success: false,
                fault,
            }),
            Wanted::Faults => {
                let event = ErrorEvent {
                    code: fault.code(),
                    message: fault.sentence(),
                };
                self.socket.emit(ErrorEvent::NAME, &event)
            }
        };
        log_unsent(sent);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(wanted) = self.ack.get_mut().take() {
            let sentence = "The command was given up: the server is shutting down, or has failed.";
            self.refuse(wanted, &Fault::new(Code::Unavailable, sentence));
        }
    }
}

/// Nothing that we send fails to serialise; if it does, that is ours to know and not the client's.
pub(crate) fn log_unsent(sent: Result<(), EmitError>) {
    if let Err(error) = sent {
        tracing::error!(%error, "could not be sent");
    }
}

//! The answer to a command: given once, from wherever the outcome is known.

use std::{fmt, sync::Arc};

use parking_lot::Mutex;
use serde::Serialize;
use tidings::{Ack, EmitError, Socket};
use tokio::sync::oneshot;

use crate::{
    events::{ErrorEvent, Event as _},
    fault::{Code, Fault},
    metrics::commands::Running,
};

/// The answer to a command. Clones are the same answer; the first that is given counts. Dropped by
/// all who have it, it says that the command could not be finished.
pub(crate) struct Answer<O>(Arc<Pending<O>>);

struct Pending<O> {
    /// `None` once the answer was given.
    asker: Mutex<Option<Asker<O>>>,
    /// The command that it is the answer to, if somebody has sent one.
    running: Option<Running>,
}

/// Who wants to know.
enum Asker<O> {
    /// A client that waits for an acknowledgement.
    Client(Ack),
    /// A client that did not ask for an answer, and hears of faults only.
    OfFaults(Socket),
    /// Somebody in the server itself.
    Ourselves(oneshot::Sender<Result<O, Fault>>),
}

/// What a successful command answers.
#[derive(Serialize)]
pub(crate) struct Success<'a, O> {
    success: bool,
    #[serde(flatten)]
    output: &'a O,
}

impl<'a, O> Success<'a, O> {
    /// With what it answers beside its success.
    pub(crate) fn new(output: &'a O) -> Self {
        Self {
            success: true,
            output,
        }
    }
}

/// What a command that failed answers.
#[derive(Serialize)]
pub(crate) struct Failure<'a> {
    success: bool,
    #[serde(flatten)]
    fault: &'a Fault,
}

impl<'a> Failure<'a> {
    /// For that reason.
    pub(crate) fn new(fault: &'a Fault) -> Self {
        Self {
            success: false,
            fault,
        }
    }
}

impl<O> Clone for Answer<O> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<O> fmt::Debug for Answer<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer")
    }
}

impl<O: Serialize> Answer<O> {
    /// The answer to a command of that socket.
    pub(crate) fn new(socket: &Socket, ack: Option<Ack>, running: Running) -> Self {
        let asker = match ack {
            Some(ack) => Asker::Client(ack),
            None => Asker::OfFaults(socket.clone()),
        };
        Self::to(asker, Some(running))
    }

    /// An answer that the server itself waits for.
    pub(crate) fn awaited() -> (Self, Awaited<O>) {
        let (tell, told) = oneshot::channel();
        (Self::to(Asker::Ourselves(tell), None), Awaited(told))
    }

    fn to(asker: Asker<O>, running: Option<Running>) -> Self {
        Self(Arc::new(Pending {
            asker: Mutex::new(Some(asker)),
            running,
        }))
    }

    /// Answers, if anybody wants to know.
    pub(crate) fn give(&self, output: O) {
        let asker = self.take();
        if asker.is_some() {
            self.0.end(None);
        }
        match asker {
            Some(Asker::Client(ack)) => log_unsent(ack.send(&Success::new(&output))),
            // Whoever does not wait any longer does not want to know.
            Some(Asker::Ourselves(tell)) => drop(tell.send(Ok(output))),
            Some(Asker::OfFaults(_)) | None => {}
        }
    }

    /// Answers that it was not done.
    pub(crate) fn refuse(&self, fault: &Fault) {
        if let Some(asker) = self.take() {
            self.0.end(Some(fault.code()));
            asker.refuse(fault);
        }
    }

    fn take(&self) -> Option<Asker<O>> {
        self.0.asker.lock().take()
    }
}

impl<O> Asker<O> {
    /// A client that did not ask for an answer hears of a fault by the event `error`, since
    /// otherwise it would wait for something that never comes.
    fn refuse(self, fault: &Fault) {
        let sent = match self {
            Self::Client(ack) => ack.send(&Failure::new(fault)),
            Self::OfFaults(socket) => {
                let event = ErrorEvent {
                    code: fault.code(),
                    message: fault.sentence(),
                };
                socket.emit(ErrorEvent::NAME, &event)
            }
            Self::Ourselves(tell) => return drop(tell.send(Err(fault.clone()))),
        };
        log_unsent(sent);
    }
}

impl<O> Pending<O> {
    fn end(&self, fault: Option<Code>) {
        if let Some(running) = &self.running {
            running.end(fault);
        }
    }
}

impl<O> Drop for Pending<O> {
    fn drop(&mut self) {
        if let Some(asker) = self.asker.get_mut().take() {
            self.end(Some(given_up().code()));
            asker.refuse(&given_up());
        }
    }
}

fn given_up() -> Fault {
    let sentence = "The command was given up: the server is shutting down, or has failed.";
    Fault::new(Code::Unavailable, sentence)
}

/// The other end of an answer that the server itself waits for.
#[derive(Debug)]
pub(crate) struct Awaited<O>(oneshot::Receiver<Result<O, Fault>>);

impl<O> Awaited<O> {
    /// What was answered.
    ///
    /// # Errors
    ///
    /// When it was not done.
    pub(crate) async fn outcome(self) -> Result<O, Fault> {
        self.0.await.unwrap_or_else(|_| Err(given_up()))
    }
}

/// Nothing that we send fails to serialise; if it does, that is ours to know and not the client's.
pub(crate) fn log_unsent(sent: Result<(), EmitError>) {
    if let Err(error) = sent {
        tracing::error!(%error, "could not be sent");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_answer_counts_and_a_dropped_one_is_a_fault() {
        let (answer, awaited) = Answer::awaited();
        answer.clone().give(1);
        answer.give(2);
        assert_eq!(awaited.outcome().await, Ok(1));

        let (answer, awaited) = Answer::<u8>::awaited();
        drop(answer);
        let fault = awaited.outcome().await.unwrap_err();
        assert_eq!(fault.code(), Code::Unavailable);
    }
}

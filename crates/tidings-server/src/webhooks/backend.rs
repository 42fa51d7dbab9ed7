//! Commands that the server does not know and a backend does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Value, json};
use tidings::Args;
use tokio::sync::Semaphore;

use super::{
    breaker::Breaker,
    call::{CallError, Receiver},
    meters::{BackendStats, Meters, Role},
};
use crate::{
    client::Client,
    fault::{Code, Fault},
    identity::{Identity, patterns::Pattern},
    limits::bucket::RetryAfter,
};

/// Bytes of an answer.
const ANSWER_BYTES: usize = 256 * 1024;
/// When to try again after too many commands were waiting.
const AGAIN: RetryAfter = RetryAfter(Duration::from_millis(500));

/// Somebody who answers commands.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(super) pattern: Pattern,
    pub(super) receiver: Receiver,
    /// A permit for each command that may wait.
    pub(super) turns: Semaphore,
    /// How many of those may be of one connection.
    pub(super) per_client: usize,
    pub(super) breaker: Mutex<Breaker>,
    pub(super) meters: Meters,
}

/// A command for a backend, as it is sent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Command<'a> {
    pub(crate) command: &'a str,
    #[serde(flatten)]
    pub(crate) user: &'a Identity,
    pub(crate) client_id: &'a str,
    pub(crate) transport: &'a str,
    pub(crate) data: Value,
}

/// Counts a command among those of its client that wait.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Backend {
    /// Whether a command is for this one.
    pub(super) fn knows(&self, command: &str) -> bool {
        self.pattern.matches(command)
    }

    /// Has a command carried out, and gives the answer as it is for the client.
    ///
    /// # Errors
    ///
    /// When it was not, or nobody knows whether it was. What the backend itself says of its
    /// failure is for the log.
    pub(crate) async fn run(
        &self,
        command: &Command<'_>,
        client: &Arc<Client>,
    ) -> Result<Args, Fault> {
        let _waiting = Waiting(&client.at_backends);
        let before = client.at_backends.fetch_add(1, Ordering::Relaxed);
        let turn = self.turns.try_acquire();
        if before >= self.per_client || turn.is_err() {
            self.meters.refused.fetch_add(1, Ordering::Relaxed);
            let sentence = "Too many commands are waiting for the backend. Try again shortly.";
            return Err(Fault::new(Code::Overloaded, sentence).after(AGAIN));
        }
        if !self.breaker.lock().admits(Instant::now()) {
            self.meters.refused.fetch_add(1, Ordering::Relaxed);
            return Err(unreachable(command.command));
        }
        let began = Instant::now();
        let outcome = self.put(command).await;
        self.meters.ended(outcome.is_ok(), began.elapsed());
        let open = {
            let mut breaker = self.breaker.lock();
            // Whoever answers is there, whatever the answer.
            match &outcome {
                Err(CallError::Timeout(_) | CallError::Unreachable(_)) => {
                    breaker.failed(Instant::now(), fastrand::f64());
                }
                _ => breaker.succeeded(),
            }
            breaker.is_open()
        };
        self.meters.open.store(open, Ordering::Relaxed);
        outcome.map_err(|error| {
            tracing::warn!(
                %error, command = command.command, pattern = %self.pattern,
                "a backend did not answer a command"
            );
            fault(command.command, &error)
        })
    }

    async fn put(&self, command: &Command<'_>) -> Result<Args, CallError> {
        let wrong = |error: serde_json::Error| CallError::Answer(error.to_string());
        let body = serde_json::to_string(command).map_err(wrong)?;
        let answer = self.receiver.ask(body, ANSWER_BYTES).await?;
        let answer = if answer.trim_ascii().is_empty() {
            json!({ "success": true })
        } else {
            serde_json::from_slice(&answer).map_err(wrong)?
        };
        Args::one(&answer).map_err(|error| CallError::Answer(error.to_string()))
    }

    /// What was counted.
    pub(super) fn stats(&self) -> BackendStats {
        let name = self.pattern.to_string();
        self.meters.read(&name, Role::Commands, 0)
    }
}

fn unreachable(command: &str) -> Fault {
    let sentence = format!("Nobody is there to carry out {command:?}. Try again shortly.");
    Fault::new(Code::Unavailable, sentence).after(AGAIN)
}

fn fault(command: &str, error: &CallError) -> Fault {
    match error {
        CallError::Timeout(_) => Fault::new(
            Code::Timeout,
            format!("{command:?} was not answered in time. It may have been carried out."),
        ),
        CallError::Unreachable(_) => unreachable(command),
        CallError::Status(_) | CallError::Body(_) | CallError::Answer(_) => Fault::new(
            Code::BadGateway,
            format!("{command:?} failed where it is carried out. The log says more."),
        ),
    }
}

//! Asking a backend whether a user may enter a room, or send there.
//!
//! An answer counts for some time. Whoever asks the same while a question is open waits for its
//! answer. When there is no answer, the answer is not yes: whoever wanted in is told to try again.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use moka::future::Cache;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::{
    breaker::Breaker,
    call::{CallError, Receiver},
    meters::{BackendStats, Meters, Role},
};
use crate::{
    fault::{Code, Fault},
    identity::Identity,
    limits::bucket::RetryAfter,
    names::{RoomId, UserId, Username},
};

/// Bytes of an answer.
const ANSWER_BYTES: usize = 16 * 1024;
/// Characters of a reason that are passed on.
const REASON_CHARS: usize = 200;
/// When to try again after there was no answer.
const AGAIN: RetryAfter = RetryAfter(Duration::from_secs(1));

/// What a user wants to do in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    /// Enter it: join, and read what was said there.
    Join,
    /// Send there.
    Publish,
}

/// What the backend says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allowed,
    /// With the reason for the user, if it gave one.
    Denied(Option<Arc<str>>),
}

/// What answers are kept by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Question {
    action: Action,
    user: UserId,
    room: RoomId,
}

/// Who knows which users may what.
#[derive(Debug)]
pub(crate) struct Authorizer {
    pub(super) receiver: Receiver,
    /// A permit for each question that may be open.
    pub(super) turns: Semaphore,
    pub(super) breaker: Mutex<Breaker>,
    pub(super) meters: Meters,
    answers: Cache<Question, Verdict>,
}

impl Authorizer {
    pub(super) fn new(
        receiver: Receiver,
        breaker: Breaker,
        in_flight: usize,
        kept: u64,
        kept_for: Duration,
    ) -> Self {
        Self {
            receiver,
            turns: Semaphore::new(in_flight),
            breaker: Mutex::new(breaker),
            meters: Meters::default(),
            answers: Cache::builder()
                .max_capacity(kept)
                .time_to_live(kept_for)
                .build(),
        }
    }

    /// Asks whether a user may do that in a room, unless it is known.
    ///
    /// # Errors
    ///
    /// When nobody can say.
    pub(crate) async fn ask(
        &self,
        action: Action,
        user: &Identity,
        room: &RoomId,
    ) -> Result<Verdict, Fault> {
        let question = Question {
            action,
            user: user.user_id.clone(),
            room: room.clone(),
        };
        let asking = self.fetch(action, user, room);
        let answer = self.answers.try_get_with(question, asking).await;
        answer.map_err(|fault| Fault::clone(&fault))
    }

    async fn fetch(
        &self,
        action: Action,
        user: &Identity,
        room: &RoomId,
    ) -> Result<Verdict, Fault> {
        let turn = tokio::time::timeout(self.receiver.timeout, self.turns.acquire()).await;
        let turn = turn.map_err(drop).and_then(|it| it.map_err(drop));
        if turn.is_err() || !self.breaker.lock().admits(Instant::now()) {
            self.meters.refused.fetch_add(1, Ordering::Relaxed);
            return Err(unavailable(user, room));
        }
        let began = Instant::now();
        let outcome = self.put(action, user, room).await;
        self.meters.ended(outcome.is_ok(), began.elapsed());
        let open = {
            let mut breaker = self.breaker.lock();
            match &outcome {
                Ok(_) => breaker.succeeded(),
                Err(_) => breaker.failed(Instant::now(), fastrand::f64()),
            }
            breaker.is_open()
        };
        self.meters.open.store(open, Ordering::Relaxed);
        outcome.map_err(|error| {
            tracing::warn!(%error, "nobody says who may enter which room");
            unavailable(user, room)
        })
    }

    async fn put(
        &self,
        action: Action,
        user: &Identity,
        room: &RoomId,
    ) -> Result<Verdict, CallError> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            action: Action,
            user_id: &'a UserId,
            username: &'a Username,
            room_id: &'a RoomId,
        }
        #[derive(Deserialize)]
        struct Answer {
            allow: bool,
            reason: Option<String>,
        }
        let body = Body {
            action,
            user_id: &user.user_id,
            username: &user.username,
            room_id: room,
        };
        let wrong = |error: serde_json::Error| CallError::Answer(error.to_string());
        let body = serde_json::to_string(&body).map_err(wrong)?;
        let answer = self.receiver.ask(body, ANSWER_BYTES).await?;
        let answer: Answer = serde_json::from_slice(&answer).map_err(wrong)?;
        if answer.allow {
            return Ok(Verdict::Allowed);
        }
        let reason = answer
            .reason
            .map(|it| it.chars().take(REASON_CHARS).collect::<String>());
        Ok(Verdict::Denied(
            reason.filter(|it| !it.trim().is_empty()).map(Arc::from),
        ))
    }

    /// What was counted.
    pub(super) fn stats(&self) -> BackendStats {
        self.meters.read("authorize", Role::Authorize, 0)
    }
}

fn unavailable(user: &Identity, room: &RoomId) -> Fault {
    let sentence = format!(
        "Whether {} may do that in room {room} cannot be found out now. Try again shortly.",
        user.user_id
    );
    Fault::new(Code::Unavailable, sentence).after(AGAIN)
}

//! Telling one endpoint what happens: a task that reads the outbox, sends batches of it, and notes
//! in the store how far the endpoint has come.
//!
//! It holds a part of the outbox in memory ([`Window`]), bounded in events and bytes. Nobody waits
//! for it: whoever has something to tell puts that into the store, and this task learns of it by
//! the number of the last event.

use std::{
    panic,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tidings_store::Store;
use tokio::{sync::watch, task::JoinSet};

use super::{
    breaker::{Breaker, Patience},
    call::{CallError, Receiver},
    event::Kinds,
    meters::{BackendStats, Meters, Role},
    window::{Batch, Window},
};
use crate::config::webhooks::WebhooksConfig;

/// How often the store is told how far an endpoint has come. Each time is a commit that messages
/// wait for; what it does not know is sent again after a crash.
const NOTE_EVERY: Duration = Duration::from_millis(250);
/// How long to wait after the store could not be read.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Somebody who is told what happens.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) name: String,
    pub(super) wanted: Kinds,
    pub(super) receiver: Receiver,
    pub(super) pace: Pace,
    pub(super) meters: Meters,
    pub(super) progress: watch::Sender<Progress>,
}

/// How much is sent at once, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    batch: usize,
    batch_bytes: usize,
    linger: Duration,
    in_flight: usize,
    patience: Patience,
}

impl From<&WebhooksConfig> for Pace {
    fn from(config: &WebhooksConfig) -> Self {
        Self {
            batch: config.batch,
            batch_bytes: config.batch_bytes,
            linger: config.linger,
            in_flight: config.in_flight,
            patience: Patience {
                failures: config.breaker_failures,
                least: config.retry_min,
                most: config.retry_max,
            },
        }
    }
}

impl Pace {
    /// Events that a window holds, and their bytes: enough for all that is on its way and the next.
    fn window(&self) -> (usize, usize) {
        let batches = self.in_flight + 1;
        (self.batch * batches, self.batch_bytes * batches)
    }
}

/// How far an endpoint has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Progress {
    /// It has everything up to this number.
    pub(super) passed: u64,
    /// Whether its last answer was bad, so that nobody knows when it has the rest.
    pub(super) failing: bool,
}

/// What became of a batch.
type Outcome = (Vec<u64>, Result<(), CallError>);

/// A delivery under way.
struct Delivery {
    endpoint: Arc<Endpoint>,
    store: Arc<dyn Store>,
    window: Window,
    breaker: Breaker,
    sending: JoinSet<Outcome>,
    /// Until when events that are too few for a batch wait for more.
    linger: Option<Instant>,
    /// Until when the store is left alone.
    store_pause: Option<Instant>,
    /// The number that the store was told last, and when it may be told again.
    noted: u64,
    note_from: Instant,
}

/// Tells an endpoint what it does not have, from that number on, for as long as it is polled.
pub(super) async fn deliver(endpoint: Arc<Endpoint>, store: Arc<dyn Store>, passed: u64) {
    let mut end = store.outbox_end();
    let mut delivery = Delivery {
        window: Window::new(endpoint.wanted, passed),
        breaker: Breaker::new(endpoint.pace.patience),
        endpoint,
        store,
        sending: JoinSet::new(),
        linger: None,
        store_pause: None,
        noted: passed,
        note_from: Instant::now(),
    };
    loop {
        let last = *end.borrow_and_update();
        let more = delivery.load(last).await;
        let retry = delivery.send(Instant::now());
        let note = delivery.note(Instant::now());
        let wake = more.into_iter().chain(retry).chain(note).min();
        tokio::select! {
            changed = end.changed() => if changed.is_err() {
                // The store is closed: what is left is for the next time.
                return;
            },
            Some(outcome) = delivery.sending.join_next() => match outcome {
                Ok(outcome) => delivery.settle(outcome),
                // Its events would be on their way for ever.
                Err(error) if error.is_panic() => panic::resume_unwind(error.into_panic()),
                Err(_) => {}
            },
            () = tokio::time::sleep_until(wake.unwrap_or_else(Instant::now).into()), if wake.is_some() => {}
        }
    }
}

impl Delivery {
    /// Whether there is room for a batch more.
    fn has_room(&self) -> bool {
        let (most, most_bytes) = self.endpoint.pace.window();
        let (events, bytes) = self.window.size();
        events + self.endpoint.pace.batch <= most && bytes < most_bytes
    }

    /// Reads what there is up to that number, as far as there is room for it. Says when to come
    /// back for what is not read yet.
    async fn load(&mut self, last: u64) -> Option<Instant> {
        let pace = self.endpoint.pace;
        let now = Instant::now();
        if let Some(until) = self.store_pause.filter(|it| *it > now) {
            return Some(until);
        }
        while self.window.last() < last && self.has_room() {
            let backlog = last - self.window.last();
            if backlog < pace.batch as u64 {
                let until = *self.linger.get_or_insert(now + pace.linger);
                if until > now {
                    return Some(until);
                }
            }
            self.linger = None;
            let read = self
                .store
                .outbox(self.window.last(), pace.batch, pace.batch_bytes);
            match read.await {
                Ok(events) if events.is_empty() => return None,
                Ok(events) => self.window.load(events),
                Err(error) => {
                    tracing::warn!(%error, "events for webhooks cannot be read");
                    self.store_pause = Some(now + STORE_PAUSE);
                    return self.store_pause;
                }
            }
        }
        None
    }

    /// Sends what may be sent now, and says when the endpoint may be tried again, if it failed.
    fn send(&mut self, now: Instant) -> Option<Instant> {
        let pace = self.endpoint.pace;
        let most = if self.breaker.is_failing() {
            1
        } else {
            pace.in_flight
        };
        while self.sending.len() < most && self.window.waiting() > 0 {
            if let Some(until) = self.breaker.wait(now) {
                return Some(until);
            }
            // What waits may all be of topics that are on their way.
            let batch = self.window.take(pace.batch, pace.batch_bytes)?;
            let endpoint = Arc::clone(&self.endpoint);
            self.sending
                .spawn(async move { endpoint.send(batch).await });
        }
        None
    }

    fn settle(&mut self, (numbers, outcome): Outcome) {
        let Endpoint {
            name,
            meters,
            receiver,
            ..
        } = &*self.endpoint;
        let count = numbers.len() as u64;
        let was_open = self.breaker.is_open();
        match outcome {
            Ok(()) => {
                self.window.delivered(&numbers);
                self.breaker.succeeded();
                meters.delivered.fetch_add(count, Ordering::Relaxed);
                if was_open {
                    tracing::info!(endpoint = %name, "a webhook endpoint answers again");
                }
            }
            Err(error) => {
                self.window.failed(&numbers);
                self.breaker.failed(Instant::now(), fastrand::f64());
                meters.retried.fetch_add(count, Ordering::Relaxed);
                if self.breaker.is_open() && !was_open {
                    tracing::warn!(
                        endpoint = %name, url = %receiver.url, %error,
                        "a webhook endpoint fails; events wait for it in the store"
                    );
                } else {
                    tracing::debug!(endpoint = %name, %error, "events were not delivered");
                }
            }
        }
        meters.open.store(self.breaker.is_open(), Ordering::Relaxed);
    }

    /// Has whoever waits for it know how far the endpoint has come, and the store now and then.
    /// Says when the store is to be told what it does not know yet.
    fn note(&mut self, now: Instant) -> Option<Instant> {
        let passed = self.window.passed();
        if passed > self.noted && self.note_from <= now {
            self.noted = passed;
            self.note_from = now + NOTE_EVERY;
            if let Err(error) = self.store.pass_outbox(&self.endpoint.name, passed) {
                tracing::debug!(%error, "what was delivered cannot be noted");
            }
        }
        let progress = Progress {
            passed,
            failing: self.breaker.is_failing(),
        };
        self.endpoint.progress.send_if_modified(|it| {
            let changed = *it != progress;
            *it = progress;
            changed
        });
        (passed > self.noted).then_some(self.note_from)
    }
}

impl Endpoint {
    async fn send(&self, Batch { numbers, body }: Batch) -> Outcome {
        let began = Instant::now();
        let outcome = self.receiver.tell(body).await;
        self.meters.ended(outcome.is_ok(), began.elapsed());
        (numbers, outcome)
    }

    /// What was counted, when the last event has that number.
    pub(super) fn stats(&self, last: u64) -> BackendStats {
        let queued = last.saturating_sub(self.progress.borrow().passed);
        self.meters.read(&self.name, Role::Events, queued)
    }
}

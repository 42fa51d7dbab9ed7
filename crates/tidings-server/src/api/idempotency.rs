//! Requests that are sent again: the answers of those that named themselves by `Idempotency-Key`.
//!
//! A name is good for one key of the API and one request. The first one of a name is carried out;
//! those that come while it is wait for it; those that come later have its answer, for as long as
//! that is kept. Kept is what would be the same again: success, and refusals that are not about
//! the moment. How many are kept, how many bytes of them and for how long is bounded: the oldest
//! go first, and one that is being carried out stays.
//!
//! All of that is in memory. What outlives the server is in the store: messages and notifications
//! are stored under a name that is made of the request's, see [`Name::text`].

use std::{
    collections::{HashMap, VecDeque},
    fmt::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::http::Reply;
use crate::config::api::IdempotencyConfig;

/// What an answer takes beside its body.
const OVERHEAD: usize = 256;

/// A request's name, together with whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Name([u8; 32]);

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; 32]);

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        // With their lengths, so that no two lists of parts are the same text.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

impl Name {
    /// The name that the holder of a key gave a request.
    pub(super) fn new(holder: &str, key: &str) -> Self {
        Self(digest(&[holder.as_bytes(), key.as_bytes()]))
    }

    /// The name of one command of a batch.
    pub(super) fn of_item(self, number: usize) -> Self {
        Self(digest(&[&self.0, &(number as u64).to_le_bytes()]))
    }

    /// The name under which the store knows what the request stores.
    pub(super) fn text(self) -> String {
        let mut text = String::from("api:");
        for byte in &self.0[..16] {
            write!(text, "{byte:02x}").expect("a String takes everything");
        }
        text
    }
}

impl Fingerprint {
    pub(super) fn new(method: &str, body: &[u8]) -> Self {
        Self(digest(&[method.as_bytes(), body]))
    }
}

/// The answers that are kept.
#[derive(Debug)]
pub(super) struct Answers {
    max_age: Duration,
    max_count: usize,
    max_bytes: usize,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    entries: HashMap<Name, Entry>,
    /// By when they began.
    order: VecDeque<Name>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    fingerprint: Fingerprint,
    begun: Instant,
    outcome: watch::Receiver<Option<Reply>>,
}

/// What to do with a request.
#[derive(Debug)]
pub(super) enum Turn {
    /// It is the first of its name: carry it out.
    First(Ticket),
    /// It was sent before: this is, or will be, its answer.
    Again(watch::Receiver<Option<Reply>>),
    /// Another request was sent under this name.
    Different,
    /// As many are being carried out as may be.
    Full,
}

/// A request that is being carried out. Dropped without an answer, it is as if it had never come.
#[derive(Debug)]
pub(super) struct Ticket {
    name: Name,
    kept: Arc<Mutex<Kept>>,
    tell: watch::Sender<Option<Reply>>,
}

impl Answers {
    pub(super) fn new(config: &IdempotencyConfig) -> Self {
        Self {
            max_age: config.max_age,
            max_count: config.max_count,
            max_bytes: config.max_bytes,
            kept: Arc::default(),
        }
    }

    /// How many are kept, and how many bytes of them.
    pub(super) fn size(&self) -> (u64, u64) {
        let kept = self.kept.lock();
        (kept.entries.len() as u64, kept.bytes as u64)
    }

    /// A request of that name has come.
    pub(super) fn begin(&self, name: Name, fingerprint: Fingerprint, now: Instant) -> Turn {
        let mut kept = self.kept.lock();
        while let Some(oldest) = kept.order.front()
            && let Some(entry) = kept.entries.get(oldest)
            && now.saturating_duration_since(entry.begun) > self.max_age
            && kept.forget_oldest()
        {}
        if let Some(entry) = kept.entries.get(&name) {
            return if entry.fingerprint == fingerprint {
                Turn::Again(entry.outcome.clone())
            } else {
                Turn::Different
            };
        }
        while kept.entries.len() >= self.max_count || kept.bytes > self.max_bytes {
            if !kept.forget_oldest() {
                return Turn::Full;
            }
        }
        let (tell, outcome) = watch::channel(None);
        let entry = Entry {
            fingerprint,
            begun: now,
            outcome,
        };
        kept.entries.insert(name, entry);
        kept.order.push_back(name);
        kept.bytes += OVERHEAD;
        Turn::First(Ticket {
            name,
            kept: Arc::clone(&self.kept),
            tell,
        })
    }
}

impl Kept {
    /// Forgets the oldest that is not being carried out. Says whether there was one.
    fn forget_oldest(&mut self) -> bool {
        let is_done = |name: &Name| {
            let entry = self.entries.get(name);
            entry.is_none_or(|it| it.outcome.borrow().is_some())
        };
        let Some(place) = self.order.iter().position(is_done) else {
            return false;
        };
        if let Some(name) = self.order.remove(place) {
            self.remove(name);
        }
        true
    }

    fn remove(&mut self, name: Name) {
        if let Some(entry) = self.entries.remove(&name) {
            let body = entry.outcome.borrow().as_ref().map_or(0, Reply::len);
            self.bytes -= OVERHEAD + body;
        }
    }
}

impl Ticket {
    /// It has been carried out. Those who wait are told in any case.
    pub(super) fn finish(self, reply: &Reply) {
        let mut kept = self.kept.lock();
        if reply.is_lasting() {
            kept.bytes += reply.len();
        }
        // Under the lock, so that the bytes are counted when the answer is there.
        self.tell.send_replace(Some(reply.clone()));
        if !reply.is_lasting() {
            kept.bytes += reply.len();
            kept.remove(self.name);
            kept.order.retain(|it| *it != self.name);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.tell.borrow().is_none() {
            let mut kept = self.kept.lock();
            kept.remove(self.name);
            kept.order.retain(|it| *it != self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(max_count: usize, max_bytes: usize) -> Answers {
        Answers::new(&IdempotencyConfig {
            max_age: Duration::from_secs(10),
            max_count,
            max_bytes,
        })
    }

    fn name(key: &str) -> Name {
        Name::new("backend", key)
    }

    /// What becomes of a request: whether it is to be carried out, or has an answer, or neither.
    fn come(answers: &Answers, key: &str, body: &str, now: Instant) -> (char, Option<Ticket>) {
        match answers.begin(name(key), Fingerprint::new("publish", body.as_bytes()), now) {
            Turn::First(ticket) => ('1', Some(ticket)),
            Turn::Again(outcome) if outcome.borrow().is_some() => ('=', None),
            Turn::Again(_) => ('~', None),
            Turn::Different => ('!', None),
            Turn::Full => ('x', None),
        }
    }

    fn do_one(answers: &Answers, key: &str, reply: &Reply, now: Instant) {
        let (turn, ticket) = come(answers, key, "body", now);
        assert_eq!(turn, '1', "{key}");
        ticket.expect("it is the first").finish(reply);
    }

    #[test]
    fn a_name_is_good_for_one_request() {
        let (answers, now) = (answers(9, 99_999), Instant::now());
        let (turn, ticket) = come(&answers, "a", "body", now);
        assert_eq!(turn, '1');
        assert_eq!(come(&answers, "a", "body", now).0, '~');
        assert_eq!(come(&answers, "a", "other", now).0, '!');
        ticket.expect("it is the first").finish(&Reply::ok("{}"));
        assert_eq!(come(&answers, "a", "body", now).0, '=');
        assert_eq!(come(&answers, "a", "other", now).0, '!');
        assert_ne!(name("a"), Name::new("other", "a"));
        assert_ne!(name("a").of_item(0), name("a").of_item(1));
    }

    #[test]
    fn what_is_about_the_moment_is_not_kept() {
        let (answers, now) = (answers(9, 99_999), Instant::now());
        do_one(&answers, "a", &Reply::overloaded(), now);
        do_one(&answers, "a", &Reply::ok("{}"), now);
        // A request that was never answered was never there.
        drop(come(&answers, "b", "body", now));
        do_one(&answers, "b", &Reply::ok("{}"), now);
        let kept = answers.kept.lock();
        assert_eq!((kept.entries.len(), kept.order.len()), (2, 2));
        assert_eq!(kept.bytes, 2 * (OVERHEAD + 2));
    }

    #[test]
    fn the_oldest_are_forgotten_and_never_one_under_way() {
        let (answers, now) = (answers(2, 99_999), Instant::now());
        let (_, under_way) = come(&answers, "a", "body", now);
        do_one(&answers, "b", &Reply::ok("{}"), now);
        do_one(&answers, "c", &Reply::ok("{}"), now);
        assert_eq!(come(&answers, "a", "body", now).0, '~');
        assert_eq!(come(&answers, "c", "body", now).0, '=');
        let (turn, other) = come(&answers, "d", "body", now);
        assert_eq!(turn, '1');
        assert_eq!(come(&answers, "e", "body", now).0, 'x');
        drop((under_way, other));
        assert_eq!(answers.kept.lock().bytes, 0);
    }

    #[test]
    fn bytes_and_time_are_bounded() {
        let (answers, now) = (answers(99, 3_000), Instant::now());
        let long = Reply::ok(&"x".repeat(1_000));
        for key in ["a", "b", "c", "d"] {
            do_one(&answers, key, &long, now);
        }
        assert!(answers.kept.lock().bytes <= 3_000 + 1_000 + OVERHEAD);
        assert_eq!(come(&answers, "d", "body", now).0, '=');
        do_one(&answers, "d", &long, now + Duration::from_secs(11));
    }
}

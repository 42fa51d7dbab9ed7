//! Who is typing where. A hint that is not repeated ends by itself.
//!
//! One task ends the hints of the whole server; a hint is an entry in two maps and no timer.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use crate::names::{RoomId, UserId, Username};

/// Who is typing, and where. A user has one hint in each room, so there are no more hints than
/// memberships.
pub(crate) type Key = (RoomId, UserId);

/// The hints of the server.
#[derive(Debug)]
pub(crate) struct Typing {
    /// How long somebody is typing who does not say so again.
    lasts: Duration,
    hints: Mutex<Hints>,
    /// There is a hint again, after there was none.
    woken: Notify,
}

#[derive(Debug, Default)]
struct Hints {
    by_key: HashMap<Key, Hint>,
    /// When each of them ends, the next first.
    ends: BTreeSet<(Instant, Key)>,
}

#[derive(Debug)]
struct Hint {
    username: Username,
    ends: Instant,
}

impl Typing {
    /// No hints; each will last for so long.
    pub(crate) fn new(lasts: Duration) -> Self {
        Self {
            lasts,
            hints: Mutex::default(),
            woken: Notify::new(),
        }
    }

    /// Somebody types, and goes on to. `tell` is called before any other hint can change, so that
    /// what is told keeps its order; it must not come back here.
    pub(crate) fn start(&self, key: Key, username: Username, tell: impl FnOnce()) {
        let ends = Instant::now() + self.lasts;
        let mut hints = self.hints.lock();
        if let Some(before) = hints.by_key.insert(key.clone(), Hint { username, ends }) {
            hints.ends.remove(&(before.ends, key.clone()));
        }
        hints.ends.insert((ends, key));
        tell();
        drop(hints);
        self.woken.notify_one();
    }

    /// Somebody has stopped. `tell` is called if they had been typing, as for
    /// [`start`](Self::start).
    pub(crate) fn stop(&self, key: &Key, tell: impl FnOnce()) {
        let mut hints = self.hints.lock();
        if let Some(hint) = hints.by_key.remove(key) {
            hints.ends.remove(&(hint.ends, key.clone()));
            tell();
        }
    }

    /// Ends hints when their time has come, for as long as it is polled. `tell` hears of each, as
    /// for [`start`](Self::start).
    pub(crate) async fn expire(&self, tell: impl Fn(&Key, &Username)) {
        loop {
            let next = self.hints.lock().ends.first().map(|(ends, _)| *ends);
            match next {
                // A hint that begins meanwhile ends later than this one.
                Some(next) => tokio::time::sleep_until(next).await,
                None => self.woken.notified().await,
            }
            self.end_those_due(&tell);
        }
    }

    fn end_those_due(&self, tell: &impl Fn(&Key, &Username)) {
        let now = Instant::now();
        let mut hints = self.hints.lock();
        while hints.ends.first().is_some_and(|(ends, _)| *ends <= now) {
            let Some((_, key)) = hints.ends.pop_first() else {
                break;
            };
            if let Some(hint) = hints.by_key.remove(&key) {
                tell(&key, &hint.username);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn key(user: &str) -> Key {
        ("lobby".into(), user.into())
    }

    #[tokio::test(start_paused = true)]
    async fn a_hint_ends_five_seconds_after_it_was_last_repeated() {
        let typing = Arc::new(Typing::new(Duration::from_secs(5)));
        let ended = Arc::new(Mutex::new(Vec::new()));
        let begun = Instant::now();
        tokio::spawn({
            let (typing, ended) = (Arc::clone(&typing), Arc::clone(&ended));
            async move {
                let tell = |(_, user): &Key, _: &Username| {
                    ended
                        .lock()
                        .push((user.to_string(), begun.elapsed().as_secs()));
                };
                typing.expire(tell).await;
            }
        });
        let start = |user: &str| typing.start(key(user), user.into(), || {});
        start("ana");
        tokio::time::sleep(Duration::from_secs(1)).await;
        start("ming");
        start("eve");
        tokio::time::sleep(Duration::from_secs(2)).await;
        start("ana");
        typing.stop(&key("eve"), || {});
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(
            *ended.lock(),
            [("ming".to_owned(), 6), ("ana".to_owned(), 8)]
        );

        start("ana");
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(
            ended.lock().len(),
            3,
            "the task has waited for the next one"
        );
        assert!(typing.hints.lock().by_key.is_empty() && typing.hints.lock().ends.is_empty());
    }

    #[test]
    fn only_who_was_typing_stops() {
        let typing = Typing::new(Duration::from_secs(5));
        let mut told = 0;
        typing.stop(&key("ana"), || told += 1);
        assert_eq!(told, 0);
        typing.start(key("ana"), "Ana".into(), || told += 1);
        typing.stop(&key("ana"), || told += 1);
        typing.stop(&key("ana"), || told += 1);
        assert_eq!(told, 2);
    }
}

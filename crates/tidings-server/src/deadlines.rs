//! Things that are to happen at some time unless they are called off: one task and one ordered set
//! for all of them, and no timer for each.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

/// When what is due. A key has one deadline; setting it again moves it. Cheap to clone.
#[derive(Debug)]
pub(crate) struct Deadlines<K>(Arc<Inner<K>>);

#[derive(Debug)]
struct Inner<K> {
    set: Mutex<Set<K>>,
    /// The first deadline is another one than before.
    woken: Notify,
}

#[derive(Debug)]
struct Set<K> {
    by_key: HashMap<K, Instant>,
    by_time: BTreeSet<(Instant, K)>,
}

impl<K> Clone for Deadlines<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self(Arc::new(Inner {
            set: Mutex::new(Set {
                by_key: HashMap::new(),
                by_time: BTreeSet::new(),
            }),
            woken: Notify::new(),
        }))
    }
}

impl<K: Clone + Eq + Hash + Ord> Deadlines<K> {
    /// Has the key become due at that time, and at no other.
    pub(crate) fn set(&self, key: K, at: Instant) {
        let mut set = self.0.set.lock();
        if let Some(before) = set.by_key.insert(key.clone(), at) {
            set.by_time.remove(&(before, key.clone()));
        }
        let first = set.by_time.first().is_none_or(|(first, _)| at < *first);
        set.by_time.insert((at, key));
        drop(set);
        if first {
            self.0.woken.notify_one();
        }
    }

    /// Calls a deadline off. Says whether there was one.
    pub(crate) fn clear(&self, key: &K) -> bool {
        let mut set = self.0.set.lock();
        let Some(at) = set.by_key.remove(key) else {
            return false;
        };
        set.by_time.remove(&(at, key.clone()))
    }

    /// Waits for the next key that is due, and takes it out.
    pub(crate) async fn next(&self) -> K {
        loop {
            let woken = self.0.woken.notified();
            let first = {
                let mut set = self.0.set.lock();
                let first = set.by_time.first().map(|(at, _)| *at);
                if first.is_some_and(|at| at <= Instant::now())
                    && let Some((_, key)) = set.by_time.pop_first()
                {
                    set.by_key.remove(&key);
                    return key;
                }
                first
            };
            match first {
                Some(at) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(at) => {}
                        () = woken => {}
                    }
                }
                None => woken.await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_due_first_comes_first_and_what_was_called_off_does_not() {
        let deadlines = Deadlines::default();
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        deadlines.set("late", at(9));
        deadlines.set("moved", at(1));
        deadlines.set("off", at(2));
        deadlines.set("moved", at(5));
        assert!(deadlines.clear(&"off"));
        assert!(!deadlines.clear(&"off"));
        for expected in [("moved", 5), ("late", 9)] {
            let key = deadlines.next().await;
            assert_eq!((key, begun.elapsed().as_secs()), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_learns_of_an_earlier_deadline() {
        let deadlines = Deadlines::default();
        let begun = Instant::now();
        deadlines.set("late", begun + Duration::from_secs(60));
        let waiting = tokio::spawn({
            let deadlines = deadlines.clone();
            async move { deadlines.next().await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        deadlines.set("early", begun + Duration::from_secs(3));
        assert_eq!(waiting.await.unwrap(), "early");
        assert_eq!(begun.elapsed().as_secs(), 3);
    }
}

//! A bucket for each user, or each address, in bounded memory.
//!
//! A bucket that is full again is worth nothing and falls out when somebody passes by. When there
//! is no room, the one gives way from which the least was taken, of a few that lie together and the
//! new one. So nobody can have his empty bucket forgotten by coming under many other names: those
//! would have to be emptied as well.
//!
//! There are several parts with a lock each, held for a few dozen instructions.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, Hash, RandomState},
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::bucket::{Bucket, Rate, RetryAfter};

const PARTS: usize = 16;
/// Buckets that are looked at when a new one comes in.
const LOOKED_AT: usize = 8;

/// Buckets by key.
#[derive(Debug)]
pub(crate) struct Keyed<K> {
    rate: ArcSwap<Rate>,
    parts: [Mutex<Part<K>>; PARTS],
    /// Keyed by chance, so that nobody can choose names that fall together.
    hasher: RandomState,
    max_per_part: usize,
}

#[derive(Debug)]
struct Part<K> {
    places: HashMap<K, usize>,
    buckets: Vec<(K, Bucket)>,
    /// Where the next look begins.
    hand: usize,
}

impl<K: Hash + Eq + Clone> Keyed<K> {
    /// Buckets of that rate, about `max` of them at most.
    pub(crate) fn new(rate: Rate, max: usize) -> Self {
        let part = || {
            Mutex::new(Part {
                places: HashMap::new(),
                buckets: Vec::new(),
                hand: 0,
            })
        };
        Self {
            rate: ArcSwap::from_pointee(rate),
            parts: std::array::from_fn(|_| part()),
            hasher: RandomState::new(),
            max_per_part: max.div_ceil(PARTS).max(1),
        }
    }

    /// Has buckets fill at another rate from now on.
    pub(crate) fn set_rate(&self, rate: Rate) {
        self.rate.store(Arc::new(rate));
    }

    /// Takes `cost` tokens out of the bucket of `key`.
    ///
    /// # Errors
    ///
    /// When there are not enough.
    pub(crate) fn try_take(&self, key: &K, cost: u32, now: Instant) -> Result<(), RetryAfter> {
        let rate = self.rate.load();
        let hash = self.hasher.hash_one(key);
        #[allow(
            clippy::cast_possible_truncation,
            reason = "the remainder is below PARTS"
        )]
        let mut part = self.parts[(hash % PARTS as u64) as usize].lock();
        if let Some(&place) = part.places.get(key) {
            return part.buckets[place].1.try_take(&rate, cost, now);
        }
        let mut bucket = Bucket::default();
        let outcome = bucket.try_take(&rate, cost, now);
        if part.make_room(self.max_per_part, bucket.missing(now), now) {
            let place = part.buckets.len();
            part.places.insert(key.clone(), place);
            part.buckets.push((key.clone(), bucket));
        }
        outcome
    }

    /// How many buckets there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.parts
            .iter()
            .map(|part| part.lock().buckets.len())
            .sum()
    }
}

impl<K: Hash + Eq> Part<K> {
    /// Looks at the next few buckets: those that are full again go, and if there is still no room,
    /// the fullest of them goes too, unless the new one, from which `taken` was taken, is fuller.
    /// Says whether there is room.
    fn make_room(&mut self, max: usize, taken: Duration, now: Instant) -> bool {
        let mut fullest = None;
        for _ in 0..LOOKED_AT.min(self.buckets.len()) {
            if self.hand >= self.buckets.len() {
                self.hand = 0;
            }
            let Some((_, bucket)) = self.buckets.get(self.hand) else {
                break;
            };
            let missing = bucket.missing(now);
            if missing.is_zero() {
                self.remove(self.hand);
                continue;
            }
            if fullest.is_none_or(|(least, _)| missing < least) {
                fullest = Some((missing, self.hand));
            }
            self.hand += 1;
        }
        if self.buckets.len() < max {
            return true;
        }
        // There is only no room when nothing was removed, and then nothing has moved either.
        match fullest {
            Some((least, place)) if least <= taken => {
                self.remove(place);
                true
            }
            _ => false,
        }
    }

    fn remove(&mut self, place: usize) {
        let (key, _) = self.buckets.swap_remove(place);
        self.places.remove(&key);
        if let Some((moved, _)) = self.buckets.get(place)
            && let Some(known) = self.places.get_mut(moved)
        {
            *known = place;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn everybody_has_a_bucket_of_his_own() {
        let buckets = Keyed::new(Rate::new(1, SECOND, 2), 100);
        let now = Instant::now();
        for user in ["ana", "bo"] {
            assert!(buckets.try_take(&user, 2, now).is_ok());
            assert_eq!(buckets.try_take(&user, 1, now), Err(RetryAfter(SECOND)));
        }
        assert!(buckets.try_take(&"ana", 1, now + SECOND).is_ok());
        assert_eq!(buckets.len(), 2);
    }

    #[test]
    fn an_empty_bucket_outlives_a_flood_of_other_names() {
        let buckets = Keyed::new(Rate::new(1, SECOND, 10), 1000);
        let now = Instant::now();
        let empty: Vec<_> = (0..50).map(|user| format!("user {user}")).collect();
        for user in &empty {
            assert!(buckets.try_take(user, 10, now).is_ok());
        }
        for name in 0..50_000 {
            let _ = buckets.try_take(&format!("name {name}"), 1, now);
        }
        assert!(buckets.len() <= 1008, "{}", buckets.len());
        for user in &empty {
            assert!(buckets.try_take(user, 1, now).is_err(), "{user}");
        }
    }

    #[test]
    fn full_buckets_fall_out_as_others_come() {
        let buckets = Keyed::new(Rate::new(1, SECOND, 1), 10_000);
        let mut now = Instant::now();
        for name in 0..2_000 {
            let _ = buckets.try_take(&name, 1, now);
        }
        assert_eq!(buckets.len(), 2_000);
        now += 2 * SECOND;
        for name in 2_000..2_600 {
            let _ = buckets.try_take(&name, 1, now);
        }
        assert!(buckets.len() < 1_000, "{}", buckets.len());
    }

    proptest! {
        /// As long as there is room, nothing can be told from a map without bounds.
        #[test]
        fn with_room_it_is_a_map_of_buckets(
            steps in prop::collection::vec((0_u8..40, 1_u32..4, 0_u64..500), 1..400),
        ) {
            let rate = Rate::new(5, SECOND, 4);
            // Room for all of them in each part.
            let buckets = Keyed::new(rate, 40 * PARTS);
            let mut model: HashMap<u8, Bucket> = HashMap::new();
            let mut now = Instant::now();
            for (key, cost, pause) in steps {
                now += Duration::from_millis(pause);
                let expected = model.entry(key).or_default().try_take(&rate, cost, now);
                prop_assert_eq!(buckets.try_take(&key, cost, now), expected);
            }
        }

        /// Places and buckets stay one another's, however full it is.
        #[test]
        fn it_never_grows_beyond_its_bound(
            max in 1_usize..64,
            steps in prop::collection::vec((0_u16..500, 0_u64..300), 1..600),
        ) {
            let buckets = Keyed::new(Rate::new(5, SECOND, 4), max);
            let mut now = Instant::now();
            for (key, pause) in steps {
                now += Duration::from_millis(pause);
                let _ = buckets.try_take(&key, 1, now);
                for part in &buckets.parts {
                    let part = part.lock();
                    prop_assert!(part.buckets.len() <= buckets.max_per_part);
                    prop_assert_eq!(part.buckets.len(), part.places.len());
                    for (place, (key, _)) in part.buckets.iter().enumerate() {
                        prop_assert_eq!(part.places.get(key), Some(&place));
                    }
                }
            }
        }
    }
}

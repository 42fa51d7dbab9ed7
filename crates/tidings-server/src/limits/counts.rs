//! How many connections there are: of the node, of each address, of each user.
//!
//! Whoever is counted holds a guard, and is no longer counted when it is dropped, wherever that
//! happens. Nobody is in the maps who has no connection, so they are bounded by the bound of the
//! node. Each has a lock, held for one look-up; no two are held together.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use thiserror::Error;

use super::address::AddressKey;
use crate::{config::LimitsConfig, names::UserId};

/// Which bound is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Full {
    /// That of the node.
    #[error("the server has as many connections as it may have")]
    Node,
    /// That of the address.
    #[error("there are as many connections from this address as there may be")]
    Address,
    /// That of the connections of the address that have not signed in.
    #[error("there are as many connections from this address as may wait to sign in")]
    Unauthenticated,
    /// That of the user.
    #[error("the user has as many connections as one may have")]
    User,
}

/// Counts the connections of a node. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    node: AtomicUsize,
    addresses: Arc<Counts<AddressKey>>,
    unauthenticated: Arc<Counts<AddressKey>>,
    users: Arc<Counts<UserId>>,
    max: usize,
    bounds: Bounds,
}

/// The bounds that can change; each is looked at by itself.
#[derive(Debug, Default)]
struct Bounds {
    per_user: AtomicUsize,
    per_address: AtomicUsize,
    unauthenticated: AtomicUsize,
}

impl Connections {
    /// None yet.
    pub(crate) fn new(limits: &LimitsConfig) -> Self {
        let counts = Self(Arc::new(Inner {
            node: AtomicUsize::new(0),
            addresses: Arc::default(),
            unauthenticated: Arc::default(),
            users: Arc::default(),
            max: limits.connections,
            bounds: Bounds::default(),
        }));
        counts.reload(limits);
        counts
    }

    /// Counts against other bounds from now on, but for that of the node. Nobody is closed for it.
    pub(crate) fn reload(&self, limits: &LimitsConfig) {
        let bounds = &self.0.bounds;
        for (bound, value) in [
            (&bounds.per_user, limits.connections_per_user),
            (&bounds.per_address, limits.connections_per_ip),
            (&bounds.unauthenticated, limits.unauthenticated_per_ip),
        ] {
            bound.store(value, Ordering::Relaxed);
        }
    }

    /// Counts a new connection, which has not signed in.
    ///
    /// # Errors
    ///
    /// When there are too many. Then it is not counted.
    pub(crate) fn admit(&self, address: AddressKey) -> Result<Admitted, Full> {
        let inner = &self.0;
        let one_more = |count| (count < inner.max).then_some(count + 1);
        inner
            .node
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .map_err(|_| Full::Node)?;
        let node = NodeGuard(self.clone());
        let of_address = inner
            .addresses
            .add(address, inner.bounds.per_address.load(Ordering::Relaxed))
            .ok_or(Full::Address)?;
        let waiting = inner
            .unauthenticated
            .add(
                address,
                inner.bounds.unauthenticated.load(Ordering::Relaxed),
            )
            .ok_or(Full::Unauthenticated)?;
        Ok(Admitted {
            standing: Mutex::new(Standing::Waiting { _guard: waiting }),
            _of_address: of_address,
            node,
        })
    }

    /// All connections.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.node.load(Ordering::Relaxed)
    }

    /// Users with a connection.
    #[cfg(test)]
    pub(crate) fn users(&self) -> usize {
        self.0.users.keys()
    }

    /// The connections of a user.
    #[cfg(test)]
    pub(crate) fn of_user(&self, user: &UserId) -> usize {
        self.0.users.of(user)
    }
}

/// A connection that is counted, for as long as this is kept.
#[derive(Debug)]
pub(crate) struct Admitted {
    standing: Mutex<Standing>,
    _of_address: Guard<AddressKey>,
    node: NodeGuard,
}

#[derive(Debug)]
enum Standing {
    Waiting { _guard: Guard<AddressKey> },
    SignedIn { guard: Guard<UserId> },
}

impl Admitted {
    /// Counts the connection as that of a user. Signing in again as the same one changes nothing;
    /// as another one, it is counted there.
    ///
    /// # Errors
    ///
    /// When the user has too many. Then everything is as before.
    pub(crate) fn sign_in(&self, user: &UserId) -> Result<(), Full> {
        let inner = &self.node.0.0;
        if let Standing::SignedIn { guard } = &*self.standing.lock()
            && guard.key == *user
        {
            return Ok(());
        }
        let guard = inner
            .users
            .add(user.clone(), inner.bounds.per_user.load(Ordering::Relaxed))
            .ok_or(Full::User)?;
        // The old guard takes a lock when it goes, so it goes after this one is given back.
        let before = std::mem::replace(&mut *self.standing.lock(), Standing::SignedIn { guard });
        drop(before);
        Ok(())
    }
}

/// One connection of the node.
#[derive(Debug)]
struct NodeGuard(Connections);

impl Drop for NodeGuard {
    fn drop(&mut self) {
        self.0.0.node.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many there are of each key.
#[derive(Debug)]
struct Counts<K>(Mutex<HashMap<K, usize>>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq + Clone> Counts<K> {
    /// One more, if there are fewer than `max`.
    fn add(self: &Arc<Self>, key: K, max: usize) -> Option<Guard<K>> {
        let mut counts = self.0.lock();
        let count = counts.get(&key).copied().unwrap_or(0);
        if count >= max {
            return None;
        }
        counts.insert(key.clone(), count + 1);
        Some(Guard {
            counts: self.clone(),
            key,
        })
    }

    #[cfg(test)]
    fn of(&self, key: &K) -> usize {
        self.0.lock().get(key).copied().unwrap_or(0)
    }

    #[cfg(test)]
    fn keys(&self) -> usize {
        self.0.lock().len()
    }
}

/// One of a key, until it is dropped.
#[derive(Debug)]
struct Guard<K: Hash + Eq> {
    counts: Arc<Counts<K>>,
    key: K,
}

impl<K: Hash + Eq> Drop for Guard<K> {
    fn drop(&mut self) {
        let mut counts = self.counts.0.lock();
        match counts.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;

    fn connections() -> Connections {
        Connections::new(&LimitsConfig {
            connections: 6,
            connections_per_user: 2,
            connections_per_ip: 4,
            unauthenticated_per_ip: 3,
            ..LimitsConfig::default()
        })
    }

    fn address(last: u8) -> AddressKey {
        IpAddr::from([192, 0, 2, last]).into()
    }

    #[test]
    fn each_bound_is_kept_and_what_ends_makes_room() {
        let connections = connections();
        let (ana, bo): (UserId, UserId) = ("ana".into(), "bo".into());
        let mut here: Vec<_> = (0..3)
            .map(|_| connections.admit(address(1)).unwrap())
            .collect();
        assert_eq!(
            connections.admit(address(1)).unwrap_err(),
            Full::Unauthenticated
        );
        here[0].sign_in(&ana).unwrap();
        here.push(connections.admit(address(1)).unwrap());
        here[1].sign_in(&ana).unwrap();
        assert_eq!(connections.admit(address(1)).unwrap_err(), Full::Address);
        assert_eq!(here[2].sign_in(&ana), Err(Full::User));
        here[0].sign_in(&ana).unwrap();
        assert_eq!(connections.of_user(&ana), 2);
        // Who becomes somebody else makes room for himself.
        here[0].sign_in(&bo).unwrap();
        here[2].sign_in(&ana).unwrap();
        assert_eq!((connections.of_user(&ana), connections.users()), (2, 2));

        let there: Vec<_> = (0..2)
            .map(|_| connections.admit(address(2)).unwrap())
            .collect();
        assert_eq!(connections.admit(address(3)).unwrap_err(), Full::Node);
        assert_eq!(connections.len(), 6);
        drop(there);
        assert!(connections.admit(address(3)).is_ok());
        assert_eq!(connections.len(), 4);
    }

    proptest! {
        #[test]
        fn nothing_is_left_when_all_are_gone(
            steps in prop::collection::vec((0_u8..4, 0_usize..8, prop::option::of(0_u8..3)), 0..200),
        ) {
            let connections = connections();
            let mut admitted = Vec::new();
            for (last, which, user) in steps {
                match (user, admitted.len()) {
                    (Some(user), 1..) => {
                        let one: &Admitted = &admitted[which % admitted.len()];
                        let _ = one.sign_in(&["a", "b", "c"][usize::from(user)].into());
                    }
                    (None, 1..) if which < 2 => {
                        admitted.swap_remove(which % admitted.len());
                    }
                    _ => admitted.extend(connections.admit(address(last))),
                }
                prop_assert_eq!(connections.len(), admitted.len());
                prop_assert!(admitted.len() <= 6);
                for user in ["a", "b", "c"] {
                    prop_assert!(connections.of_user(&user.into()) <= 2);
                }
            }
            admitted.clear();
            prop_assert_eq!((connections.len(), connections.users()), (0, 0));
            prop_assert_eq!(connections.0.addresses.keys(), 0);
            prop_assert_eq!(connections.0.unauthenticated.keys(), 0);
        }
    }
}

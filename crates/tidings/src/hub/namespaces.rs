//! The namespaces of a server: those that are always there, and those that clients call up.

use std::{
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::RwLock;
use rustc_hash::FxHashMap;
use tokio::time::MissedTickBehavior;

use super::{
    Hub,
    recovery::{RecoveryConfig, snapshot::Snapshot},
};
use crate::{adapter::Adapter, handler::handlers::Handlers, server::core::Core};

type Matcher = Box<dyn Fn(&str) -> bool + Send + Sync>;

pub(crate) struct Namespaces {
    pub(crate) core: Arc<Core>,
    pub(crate) adapter: Arc<dyn Adapter>,
    /// Bytes of the recovery logs of all namespaces.
    pub(crate) log_bytes: Arc<AtomicUsize>,
    recovery: Option<RecoveryConfig>,
    live: RwLock<FxHashMap<Arc<str>, Entry>>,
    dynamic: Vec<(Matcher, Arc<Handlers>)>,
}

struct Entry {
    hub: Hub,
    dynamic: bool,
}

impl fmt::Debug for Namespaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.live.read().keys()).finish()
    }
}

impl Namespaces {
    pub(crate) fn new(
        core: Arc<Core>,
        adapter: Arc<dyn Adapter>,
        recovery: Option<RecoveryConfig>,
        fixed: Vec<(String, Arc<Handlers>)>,
        dynamic: Vec<(Matcher, Arc<Handlers>)>,
    ) -> Arc<Self> {
        let namespaces = Arc::new(Self {
            core,
            adapter,
            log_bytes: Arc::default(),
            recovery,
            live: RwLock::default(),
            dynamic,
        });
        for (name, handlers) in fixed {
            let name: Arc<str> = name.into();
            let hub = namespaces.open(&name, handlers);
            namespaces.live.write().insert(
                name,
                Entry {
                    hub,
                    dynamic: false,
                },
            );
        }
        namespaces
    }

    fn open(self: &Arc<Self>, name: &Arc<str>, handlers: Arc<Handlers>) -> Hub {
        Hub::new(Arc::clone(name), handlers, self, self.recovery.clone())
    }

    pub(crate) fn get(&self, name: &str) -> Option<Hub> {
        self.live.read().get(name).map(|entry| entry.hub.clone())
    }

    /// The namespace of that name for one more socket, which has to be taken back with
    /// [`Hub::forget_one`]. `None` when there is none and none may be made.
    pub(crate) fn enter(self: &Arc<Self>, name: &str) -> Option<Hub> {
        self.with(name, |hub| {
            hub.inner().population.fetch_add(1, Ordering::AcqRel);
            hub.clone()
        })
    }

    /// Gives namespaces back what an earlier run of the server has kept for their clients. Those
    /// that clients call up come into being with it, and stay as long as somebody may come back.
    pub(crate) fn restore(self: &Arc<Self>, snapshot: Snapshot) {
        for (name, restored) in snapshot.into_hubs() {
            if let Some(hub) = self.with(&name, Hub::clone) {
                hub.restore(restored);
            }
        }
    }

    /// Runs `f` on the namespace of that name, before it can be forgotten. `None` when there is
    /// none and none may be made.
    fn with<T>(self: &Arc<Self>, name: &str, f: impl Fn(&Hub) -> T) -> Option<T> {
        if let Some(entry) = self.live.read().get(name) {
            return Some(f(&entry.hub));
        }
        let (_, handlers) = self.dynamic.iter().find(|(matches, _)| matches(name))?;
        let mut live = self.live.write();
        let name: Arc<str> = name.into();
        let entry = live.entry(Arc::clone(&name)).or_insert_with(|| Entry {
            hub: self.open(&name, Arc::clone(handlers)),
            dynamic: true,
        });
        Some(f(&entry.hub))
    }

    /// Drops a dynamic namespace that nobody is in or about to enter.
    pub(crate) fn forget_if_empty(&self, hub: &Hub) {
        let mut live = self.live.write();
        let gone = live
            .get(hub.name())
            .is_some_and(|it| it.dynamic && it.hub.is_forgettable());
        if gone {
            live.remove(hub.name());
            drop(live);
            self.adapter.closed(hub.name());
        }
    }

    /// Drops, now and then, what is kept for recovery and too old, and then the namespaces that
    /// were only kept for it.
    pub(crate) async fn sweep(namespaces: Weak<Self>, every: Duration) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(namespaces) = namespaces.upgrade() else {
                return;
            };
            for hub in namespaces.all() {
                hub.sweep();
                namespaces.forget_if_empty(&hub);
            }
        }
    }

    pub(crate) fn all(&self) -> Vec<Hub> {
        self.live
            .read()
            .values()
            .map(|entry| entry.hub.clone())
            .collect()
    }
}

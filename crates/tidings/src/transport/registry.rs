//! All connections of a server by their private id, in independent parts so that unrelated
//! handshakes do not wait for each other.

use std::{
    hash::BuildHasher,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::connection::Connection;
use crate::id::PrivateId;

const PARTS: usize = 64;

type Part = Mutex<FxHashMap<PrivateId, Arc<Connection>>>;

#[derive(Debug)]
pub(crate) struct Registry {
    parts: Box<[Part]>,
    count: AtomicUsize,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            parts: (0..PARTS).map(|_| Part::default()).collect(),
            count: AtomicUsize::new(0),
        }
    }

    fn part(&self, id: &PrivateId) -> &Part {
        let hash = FxBuildHasher.hash_one(id);
        &self.parts[(hash >> 32) as usize % PARTS]
    }

    pub(crate) fn insert(&self, connection: Arc<Connection>) {
        let id = connection.id();
        if self.part(&id).lock().insert(id, connection).is_none() {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Connection>> {
        let id = PrivateId::parse(id)?;
        self.part(&id).lock().get(&id).cloned()
    }

    pub(crate) fn remove(&self, id: PrivateId) {
        // The connection is dropped after the lock: its drop may close a socket.
        let removed = self.part(&id).lock().remove(&id);
        if removed.is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Connection>> {
        self.parts
            .iter()
            .flat_map(|part| part.lock().values().cloned().collect::<Vec<_>>())
            .collect()
    }
}

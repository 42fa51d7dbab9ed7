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

use super::connection::{Connection, Wire};
use crate::{
    id::PrivateId,
    stats::{Queued, Transports},
};

const PARTS: usize = 64;

type Part = Mutex<FxHashMap<PrivateId, Arc<Connection>>>;

#[derive(Debug)]
pub(crate) struct Registry {
    parts: Box<[Part]>,
    /// How many there are of each [`Wire`].
    counts: [AtomicUsize; Wire::COUNT],
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            parts: (0..PARTS).map(|_| Part::default()).collect(),
            counts: Default::default(),
        }
    }

    fn part(&self, id: &PrivateId) -> &Part {
        let hash = FxBuildHasher.hash_one(id);
        &self.parts[(hash >> 32) as usize % PARTS]
    }

    pub(crate) fn insert(&self, connection: Arc<Connection>) {
        let (id, wire) = (connection.id(), connection.wire());
        if self.part(&id).lock().insert(id, connection).is_none() {
            self.count(wire).fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Connection>> {
        let id = PrivateId::parse(id)?;
        self.part(&id).lock().get(&id).cloned()
    }

    pub(crate) fn remove(&self, id: PrivateId) {
        // The connection is dropped after the lock: its drop may close a socket.
        let removed = self.part(&id).lock().remove(&id);
        if let Some(removed) = &removed {
            self.count(removed.wire()).fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn count(&self, wire: Wire) -> &AtomicUsize {
        &self.counts[wire as usize]
    }

    pub(crate) fn len(&self) -> usize {
        let counts = self.counts.iter();
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn transports(&self) -> Transports {
        let count = |wire| self.count(wire).load(Ordering::Relaxed);
        Transports {
            engine: count(Wire::Engine),
            websocket: count(Wire::Plain),
            event_stream: count(Wire::EventStream),
            long_poll: count(Wire::Poll),
            rpc: count(Wire::Rpc),
        }
    }

    pub(crate) fn queued(&self) -> Queued {
        let mut queued = Queued::default();
        for part in &self.parts {
            // Asked after the lock of the part: it is taken alone.
            let connections: Vec<_> = part.lock().values().cloned().collect();
            for connection in connections {
                let bytes = connection.queued_bytes();
                queued.bytes += bytes;
                queued.largest = queued.largest.max(bytes);
            }
        }
        queued
    }

    pub(crate) fn all(&self) -> Vec<Arc<Connection>> {
        self.parts
            .iter()
            .flat_map(|part| part.lock().values().cloned().collect::<Vec<_>>())
            .collect()
    }
}

//! What all commands share: the configuration, the store, and who is where.
//!
//! **The order of a message.** A message is authorised, counted against its sender's limits,
//! stored, published, and answered, in that order. The store hands out the outcomes of its writes
//! one after the other, in the order of their commits, on one task; whatever publishes a message
//! does so there, so every member sees a room in the order of its sequence.
//!
//! **Locks.** Those of a part of the rooms, of a part of the users, of the typing hints and of one
//! client. The first may be held while taking the second or the last; otherwise each is taken
//! alone, save that under the first two an event may be queued in the store and a deadline be set,
//! which have short locks of their own. Sending puts frames into outboxes, waits for nobody, and may happen under any of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tidings::{Hub, Server, Socket};
use tidings_store::Store;
use tokio::time::Instant;

use crate::{
    access::Access,
    api::Gate,
    config::Config,
    deadlines::Deadlines,
    delivered::Delivered,
    departures::Departures,
    device::Device,
    documents::Documents,
    guard::Guard,
    identity::verifier::Verifier,
    metrics::{self, Metrics},
    names::RoomId,
    presence::Presence,
    rooms::Rooms,
    typing::Typing,
    webhooks::{self, Webhooks},
};

/// The shared state. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: ArcSwap<Config>,
    dev: bool,
    store: Arc<dyn Store>,
    verifier: ArcSwap<Verifier>,
    access: Access,
    guard: Guard,
    rooms: Arc<Rooms>,
    presence: Presence,
    typing: Typing,
    webhooks: Webhooks,
    delivered: Delivered,
    documents: Documents,
    departures: Departures,
    api: Gate,
    due: Deadlines<Due>,
    metrics: Metrics,
    /// Connections that there have been.
    devices: AtomicU64,
    node_id: String,
    started: Instant,
}

/// What is to happen to a connection at some time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Due {
    /// Somebody has to have signed in.
    SignIn(Device),
    /// The token is about to expire.
    Expiring(Device),
    /// The token has expired.
    Expired(Device),
    /// The connection went, and has not come back within the grace.
    Departed(Device),
    /// Nobody has come back into a room within the grace.
    Vacated(RoomId),
}

impl App {
    /// The state of a server that nobody is connected to yet.
    pub(crate) fn new(
        config: Config,
        dev: bool,
        store: Arc<dyn Store>,
        verifier: Verifier,
        guard: Guard,
        webhooks: Webhooks,
    ) -> Self {
        let access = Access::new(&config.rooms, dev, Arc::clone(&store), webhooks.clone());
        let typing = Typing::new(config.typing.timeout);
        let due = Deadlines::default();
        let rooms = if webhooks.want_rooms() {
            Rooms::watched_by(webhooks::occupancy::Rooms {
                webhooks: webhooks.clone(),
                due: due.clone(),
                grace: config.presence.grace,
            })
        } else {
            Rooms::default()
        };
        let documents = Documents::new(config.documents.clone(), config.limits.outbox_bytes);
        let commands = crate::commands::registry();
        Self(Arc::new(Inner {
            api: Gate::new(&config.api),
            config: ArcSwap::from_pointee(config),
            dev,
            store,
            verifier: ArcSwap::from_pointee(verifier),
            access,
            guard,
            rooms: Arc::new(rooms),
            presence: Presence::default(),
            typing,
            webhooks,
            delivered: Delivered::default(),
            documents,
            departures: Departures::default(),
            due,
            metrics: Metrics::new(commands.specs().map(|it| it.name)),
            devices: AtomicU64::new(0),
            node_id: random_name(),
            started: Instant::now(),
        }))
    }

    /// How the server is set up at this moment.
    pub(crate) fn config(&self) -> arc_swap::Guard<Arc<Config>> {
        self.0.config.load()
    }

    /// Takes other settings, and reads tokens by them. Whoever has asked for them before goes on with
    /// what they were.
    pub(crate) fn reload(&self, config: Config, verifier: Option<Verifier>) {
        self.0.access.reload(&config.rooms);
        self.0.guard.reload(&config);
        self.0.api.reload(&config.api);
        if let Some(verifier) = verifier {
            self.0.verifier.store(Arc::new(verifier));
        }
        self.0.config.store(Arc::new(config));
    }

    /// Whether the server is for development: guests, and every room open.
    pub(crate) fn is_dev(&self) -> bool {
        self.0.dev
    }

    /// What is kept.
    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// Who reads tokens.
    pub(crate) fn verifier(&self) -> Arc<Verifier> {
        self.0.verifier.load_full()
    }

    /// Who may enter which room.
    pub(crate) fn access(&self) -> &Access {
        &self.0.access
    }

    /// Who may do how much.
    pub(crate) fn guard(&self) -> &Guard {
        &self.0.guard
    }

    /// Who is in which room.
    pub(crate) fn rooms(&self) -> &Arc<Rooms> {
        &self.0.rooms
    }

    /// Who is online.
    pub(crate) fn presence(&self) -> &Presence {
        &self.0.presence
    }

    /// Who is typing.
    pub(crate) fn typing(&self) -> &Typing {
        &self.0.typing
    }

    /// Backends that are told and asked.
    pub(crate) fn webhooks(&self) -> &Webhooks {
        &self.0.webhooks
    }

    /// What was delivered to whom.
    pub(crate) fn delivered(&self) -> &Delivered {
        &self.0.delivered
    }

    /// The documents that are open.
    pub(crate) fn documents(&self) -> &Documents {
        &self.0.documents
    }

    /// Who went lately.
    pub(crate) fn departures(&self) -> &Departures {
        &self.0.departures
    }

    /// What is counted.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Who may use the HTTP API.
    pub(crate) fn api(&self) -> &Gate {
        &self.0.api
    }

    /// What this node is known by until it ends.
    pub(crate) fn node_id(&self) -> &str {
        &self.0.node_id
    }

    /// How long the node has been there.
    pub(crate) fn uptime(&self) -> Duration {
        self.0.started.elapsed()
    }

    /// What the connection of a socket is known by from now on.
    pub(crate) fn new_device(&self, socket: &Socket) -> Device {
        Device {
            socket: socket.id(),
            number: self.0.devices.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Has something happen to a connection after that time.
    pub(crate) fn set_due(&self, due: Due, after: Duration) {
        self.0.due.set(due, Instant::now() + after);
    }

    /// Calls that off.
    pub(crate) fn clear_due(&self, due: &Due) {
        self.0.due.clear(due);
    }

    /// The tasks that a server needs beside its connections. They end when this is dropped.
    pub(crate) async fn keep_house(self, server: Server, hub: Hub) {
        let typing = crate::commands::expire_typing(&self, &hub);
        let deliveries = crate::delivered::report(&self, &hub);
        let retention = crate::retention::keep(&self);
        let webhooks = self.webhooks().deliver();
        let deadlines = async {
            loop {
                let due = self.0.due.next().await;
                crate::commands::on_due(&self, &hub, due);
            }
        };
        let report = metrics::room::report(&self, &server, &hub);
        let keys = async {
            // A key set stays the same for as long as the server runs.
            let verifier = self.verifier();
            if let Some(keys) = verifier.key_set() {
                keys.keep().await;
            }
        };
        tokio::join!(
            typing, deliveries, retention, webhooks, report, keys, deadlines
        );
    }
}

/// A name that nothing else has: 64 random bits, in hexadecimal.
fn random_name() -> String {
    let bits = getrandom::u64().expect("the operating system gives random bytes");
    format!("{bits:016x}")
}

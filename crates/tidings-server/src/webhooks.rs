//! Webhooks: backends that are told what happens, that are asked who may what, and that answer
//! commands which the server does not know.
//!
//! **Telling** never waits: an event goes into the outbox of the store, with the transaction of
//! what it tells where there is one ([`event::Stored`]), and a task for each endpoint sends what
//! is there ([`delivery`]). **Asking** waits for the answer, within bounds of time and number.
//! Nothing here takes a lock across a wait.

pub(crate) mod authorize;
pub(crate) mod backend;
mod breaker;
pub(crate) mod call;
mod delivery;
pub(crate) mod event;
pub(crate) mod exposition;
mod meters;
pub(crate) mod occupancy;
mod signature;
mod window;

use std::{
    io, panic,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use thiserror::Error;
use tidings_store::{OutboxEntry, Store, StoreError, Time};
use tokio::{
    sync::{Semaphore, oneshot, watch},
    task::JoinSet,
};

use self::{
    authorize::Authorizer,
    backend::Backend,
    breaker::{Breaker, Patience},
    call::Receiver,
    delivery::{Endpoint, Pace, Progress},
    event::{Connection, Kind, Kinds},
    meters::{Meters, WebhookStats},
    signature::Signer,
};
use crate::{
    clock,
    config::{auth::Secret, webhooks::WebhooksConfig},
    names::{RoomId, UserId, Username},
    outgoing::{Outgoing, Schemes},
};

/// Idle connections that are kept to one backend.
const IDLE: usize = 16;

/// Why webhooks cannot be set up.
#[derive(Debug, Error)]
pub(crate) enum WebhooksError {
    /// A URL that the settings should not have let pass.
    #[error("the URL of a webhook: {0}")]
    Url(String),
    /// Nothing tells whom https would be spoken to.
    #[error("there are no root certificates to tell servers by: {0}")]
    Roots(#[from] io::Error),
    /// How far endpoints have come is not known.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}

/// All webhooks of a server. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Webhooks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Arc<dyn Store>,
    wanted: Kinds,
    endpoints: Vec<Arc<Endpoint>>,
    /// How far each has come when the server started.
    passed: Vec<u64>,
    authorizer: Option<Authorizer>,
    backends: Vec<Backend>,
    unstored: AtomicU64,
}

/// The kinds of events that any endpoint wants.
pub(crate) fn wanted(config: &WebhooksConfig) -> Kinds {
    let kinds = config.endpoints.iter().flat_map(|it| &it.events);
    kinds.copied().collect()
}

impl Webhooks {
    /// Sets them up, over a store that announces what is [`wanted`].
    ///
    /// # Errors
    ///
    /// When the machine or the store is at fault.
    pub(crate) async fn new(
        config: &WebhooksConfig,
        store: Arc<dyn Store>,
    ) -> Result<Self, WebhooksError> {
        let outgoing = Outgoing::new(schemes(config), IDLE)?;
        let receiver =
            |url: &str, secret: &Secret, previous: Option<&Secret>, timeout: Duration| {
                Ok::<_, WebhooksError>(Receiver {
                    outgoing: outgoing.clone(),
                    url: call::read_url(url).map_err(WebhooksError::Url)?,
                    signer: Signer::new(secret, previous),
                    timeout,
                })
            };
        let patience = Patience {
            failures: config.breaker_failures,
            least: config.retry_min,
            most: config.retry_max,
        };
        let endpoints = config.endpoints.iter().map(|it| {
            let previous = it.previous_secret.as_ref();
            Ok(Arc::new(Endpoint {
                name: it.name().to_owned(),
                wanted: it.events.iter().copied().collect(),
                receiver: receiver(&it.url, &it.secret, previous, config.timeout)?,
                pace: Pace::from(config),
                meters: Meters::default(),
                progress: watch::Sender::new(Progress::default()),
            }))
        });
        let endpoints = endpoints.collect::<Result<Vec<_>, WebhooksError>>()?;
        let authorize = &config.authorize;
        let authorizer = match (&authorize.url, &authorize.secret) {
            (Some(url), Some(secret)) => {
                let previous = authorize.previous_secret.as_ref();
                Some(Authorizer::new(
                    receiver(url, secret, previous, authorize.timeout)?,
                    Breaker::new(patience),
                    authorize.in_flight,
                    authorize.cache_entries,
                    authorize.cache_ttl,
                ))
            }
            _ => None,
        };
        let backends = config.commands.iter().map(|it| {
            let previous = it.previous_secret.as_ref();
            Ok(Backend {
                pattern: it.pattern.clone(),
                receiver: receiver(&it.url, &it.secret, previous, it.timeout)?,
                turns: Semaphore::new(it.in_flight),
                per_client: it.in_flight_per_client,
                breaker: Mutex::new(Breaker::new(patience)),
                meters: Meters::default(),
            })
        });
        let backends = backends.collect::<Result<Vec<_>, WebhooksError>>()?;
        let names: Vec<_> = endpoints.iter().map(|it| it.name.clone()).collect();
        let passed = store.set_outbox_readers(&names).await?;
        for (endpoint, passed) in endpoints.iter().zip(&passed) {
            endpoint.progress.send_replace(Progress {
                passed: *passed,
                failing: false,
            });
        }
        Ok(Self(Arc::new(Inner {
            store,
            wanted: wanted(config),
            endpoints,
            passed,
            authorizer,
            backends,
            unstored: AtomicU64::new(0),
        })))
    }

    /// Who is asked what nothing else allows, if anybody is.
    pub(crate) fn authorizer(&self) -> Option<&Authorizer> {
        self.0.authorizer.as_ref()
    }

    /// Who carries out a command that the server does not know, if anybody does.
    pub(crate) fn backend(&self, command: &str) -> Option<&Backend> {
        self.0.backends.iter().find(|it| it.knows(command))
    }

    /// Whether anybody wants to hear which rooms are occupied.
    pub(crate) fn want_rooms(&self) -> bool {
        self.0.wanted.has(Kind::Occupied) || self.0.wanted.has(Kind::Vacated)
    }

    /// The server has started.
    pub(crate) fn started(&self) {
        self.announce(Kind::Started, event::started);
    }

    /// A user has a new connection.
    pub(crate) fn connected(&self, connection: &Connection<'_>) {
        let kind = Kind::Connect;
        self.announce(kind, |at| event::connection(kind, at, connection));
    }

    /// A connection of a user has ended.
    pub(crate) fn disconnected(&self, connection: &Connection<'_>) {
        let kind = Kind::Disconnect;
        self.announce(kind, |at| event::connection(kind, at, connection));
    }

    /// A user is online.
    pub(crate) fn online(&self, user: &UserId, username: &Username) {
        let kind = Kind::Online;
        self.announce(kind, |at| event::user(kind, at, user, username));
    }

    /// A user is offline.
    pub(crate) fn offline(&self, user: &UserId, username: &Username) {
        let kind = Kind::Offline;
        self.announce(kind, |at| event::user(kind, at, user, username));
    }

    /// Somebody is in a room.
    fn occupied(&self, room: &RoomId) {
        self.announce(Kind::Occupied, |at| event::room(Kind::Occupied, at, room));
    }

    /// Nobody is in a room any more.
    fn vacated(&self, room: &RoomId) {
        self.announce(Kind::Vacated, |at| event::room(Kind::Vacated, at, room));
    }

    fn announce(&self, kind: Kind, event: impl FnOnce(Time) -> Option<OutboxEntry>) {
        if !self.0.wanted.has(kind) {
            return;
        }
        if let Some(event) = event(clock::now())
            && let Err(error) = self.0.store.announce(event)
        {
            self.0.unstored.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%error, kind = kind.word(), "an event for webhooks is not stored");
        }
    }

    /// Delivers events for as long as it is polled.
    pub(crate) async fn deliver(&self) {
        let mut deliveries = JoinSet::new();
        for (endpoint, passed) in self.0.endpoints.iter().zip(&self.0.passed) {
            let store = Arc::clone(&self.0.store);
            deliveries.spawn(delivery::deliver(Arc::clone(endpoint), store, *passed));
        }
        while let Some(ended) = deliveries.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                // Otherwise events would wait for ever, and nobody would know.
                panic::resume_unwind(error.into_panic());
            }
        }
    }

    /// Waits until all that has happened before is delivered to those endpoints that answer. What
    /// is not stays in the store.
    pub(crate) async fn flush(&self) {
        if self.0.endpoints.is_empty() {
            return;
        }
        let (tell, told) = oneshot::channel();
        let done = Box::new(|_| {
            // Nobody has to wait for it.
            let _ = tell.send(());
        });
        let written = self.0.store.barrier(done);
        if written.is_err() || told.await.is_err() {
            return;
        }
        let last = *self.0.store.outbox_end().borrow();
        for endpoint in &self.0.endpoints {
            let mut progress = endpoint.progress.subscribe();
            let done = progress.wait_for(|it| it.passed >= last || it.failing);
            // Its sender is the endpoint, which is here.
            if let Ok(progress) = done.await.map(|it| *it)
                && let Err(error) = self.0.store.pass_outbox(&endpoint.name, progress.passed)
            {
                tracing::debug!(%error, "what was delivered cannot be noted");
            }
        }
    }

    /// What was counted.
    pub(crate) fn stats(&self) -> WebhookStats {
        let last = *self.0.store.outbox_end().borrow();
        let endpoints = self.0.endpoints.iter().map(|it| it.stats(last));
        let authorizer = self.0.authorizer.iter().map(Authorizer::stats);
        let backends = self.0.backends.iter().map(Backend::stats);
        WebhookStats {
            backends: endpoints.chain(authorizer).chain(backends).collect(),
            unstored: self.0.unstored.load(Ordering::Relaxed),
        }
    }
}

/// What has to be spoken, so that a machine without certificates can do without https.
fn schemes(config: &WebhooksConfig) -> Schemes {
    let endpoints = config.endpoints.iter().map(|it| it.url.as_str());
    let commands = config.commands.iter().map(|it| it.url.as_str());
    let mut urls = endpoints
        .chain(config.authorize.url.as_deref())
        .chain(commands);
    let https = |url: &str| call::read_url(url).is_ok_and(|it| it.scheme_str() == Some("https"));
    if urls.any(https) {
        Schemes::Both
    } else {
        Schemes::HttpOnly
    }
}

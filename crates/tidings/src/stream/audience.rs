//! The clients of one namespace that speak plain HTTP, and the live sessions among them.
//!
//! A session lives on one connection at a time: the latest that named it. The map is bounded by
//! the connections that a server may have, since each entry goes with its connection. Its lock is
//! taken alone.

use std::sync::Arc;

use http::request::Parts;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::{answer::Failure, client::Client};
use crate::{
    engine::http::{Query, handshake_of},
    hub::namespaces::Namespaces,
    id::PrivateId,
    reason::CloseReason,
    stats::Stats,
    transport::{
        connection::{Connection, Goodbye, HeartbeatConfig, Opening, Wire},
        frame::WireEncoding,
        longpoll::Cursor,
        outbox::Sink,
    },
};

/// The clients of plain HTTP in one namespace.
pub(crate) struct Audience {
    namespaces: Arc<Namespaces>,
    namespace: Arc<str>,
    live: Mutex<FxHashMap<PrivateId, Live>>,
}

/// A session that is connected.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) connection: Arc<Connection>,
    pub(crate) client: Arc<Client>,
}

/// Who a request says that it comes from.
pub(crate) struct Caller {
    /// The session that it named.
    pub(crate) session: Option<PrivateId>,
    /// How far it has come.
    pub(crate) cursor: Option<Cursor>,
}

impl Caller {
    /// Reads the session and the cursor of a request.
    pub(crate) fn of(parts: &Parts) -> Result<Self, Failure> {
        let query = Query::of(parts);
        let header = |name: &str| parts.headers.get(name).and_then(|it| it.to_str().ok());
        let session = query.get("session").or(header("x-tidings-session"));
        let session = session
            .map(|text| PrivateId::parse(text).ok_or(text))
            .transpose()
            .map_err(|_| {
                let error = "a session is 20 characters of A to Z, a to z, 0 to 9, - and _";
                Failure::new(http::StatusCode::BAD_REQUEST, "bad_session", error)
            })?;
        let cursor = header("last-event-id")
            .or(query.get("lastEventId"))
            .or(query.get("cursor"))
            .and_then(Cursor::parse);
        Ok(Self { session, cursor })
    }
}

impl Audience {
    pub(crate) fn new(namespaces: &Arc<Namespaces>, namespace: &str) -> Arc<Self> {
        Arc::new(Self {
            namespaces: Arc::clone(namespaces),
            namespace: namespace.into(),
            live: Mutex::default(),
        })
    }

    /// Opens a connection for a client that does not join yet. With a session, the connection on
    /// which it still lives ends.
    pub(crate) fn open(
        self: &Arc<Self>,
        parts: &Parts,
        wire: Wire,
        sink: Sink,
        heartbeat: HeartbeatConfig,
        session: Option<PrivateId>,
    ) -> Result<Live, Failure> {
        let core = &self.namespaces.core;
        if !core.has_room() {
            core.stats.connections_refused.add(1);
            return Err(Failure::unavailable());
        }
        let handshake = handshake_of(parts);
        let permit = core.admit(&handshake).map_err(|refusal| {
            core.stats.connections_refused.add(1);
            Failure::not_admitted(&refusal)
        })?;
        let hub = self
            .namespaces
            .enter(&self.namespace)
            .ok_or_else(Failure::unavailable)?;
        let connection = Connection::open(
            core,
            Opening {
                wire,
                sink,
                encoding: WireEncoding::default(),
                heartbeat,
                handshake,
                permit,
            },
        );
        core.stats.connections_opened.add(1);
        let client = Client::new(self, hub, session);
        let live = Live {
            connection: Arc::clone(&connection),
            client: Arc::clone(&client),
        };
        if let Some(session) = session {
            let before = self.live.lock().insert(session, live.clone());
            if let Some(before) = before {
                let goodbye = Goodbye::Frame(None, "");
                before.connection.end(CloseReason::TransportClose, goodbye);
            }
        }
        connection.accept(&client);
        Ok(live)
    }

    /// What the server counts.
    pub(crate) fn stats(&self) -> &Stats {
        &self.namespaces.core.stats
    }

    /// How deeply a command may nest.
    pub(crate) fn nesting(&self) -> usize {
        self.namespaces.core.limits.nesting
    }

    /// The connection on which that session lives.
    pub(crate) fn find(&self, session: PrivateId) -> Option<Live> {
        self.live.lock().get(&session).cloned()
    }

    /// Forgets that the session lives on that client's connection.
    pub(crate) fn forget(&self, session: PrivateId, client: &Client) {
        // Dropped after the lock.
        let _gone = {
            let mut live = self.live.lock();
            let its_own = live
                .get(&session)
                .is_some_and(|it| std::ptr::eq(Arc::as_ptr(&it.client), client));
            its_own.then(|| live.remove(&session))
        };
    }
}

//! A live namespace: who is in it, and how something reaches them.

use std::{
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use serde_json::value::RawValue;
use smallvec::SmallVec;
use tidings_protocol::{args::Args, websocket::Opcode};

use super::{
    broadcast::Broadcast,
    encoding::Encoding,
    namespaces::Namespaces,
    publication::{Content, Publication},
    recovery::{
        Offset, Recovery, RecoveryConfig, Session,
        snapshot::{KeptHub, Restored},
    },
    rooms::{Joined, Rooms},
    selection::Selection,
    socket::{Beginning, JoinError, Socket, event_content, push_to},
};
use crate::{
    adapter::{Adapter, LocalHub},
    handler::{context::Context, handlers::Handlers},
    id::{PrivateId, SocketId},
    reason::CloseReason,
    server::core::Core,
    transport::connection::{Connection, Goodbye, Pushed},
};

/// A live namespace. Cheap to clone; clones are the same namespace.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

pub(crate) struct Inner {
    name: Arc<str>,
    core: Arc<Core>,
    namespaces: Weak<Namespaces>,
    handlers: Arc<Handlers>,
    adapter: Arc<dyn Adapter>,
    shards: Box<[Mutex<Rooms>]>,
    next_ack: AtomicU64,
    recovery: Option<Recovery>,
    /// Sockets that are here or about to be. A dynamic namespace at zero may be forgotten.
    pub(crate) population: AtomicUsize,
}

/// What a client asks of recovery when it joins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub(crate) pid: PrivateId,
    pub(crate) offset: Option<&'a str>,
}

/// A session for a client that came back.
#[derive(Clone)]
pub(crate) struct Taken {
    pid: PrivateId,
    session: Session,
    /// Whether it was taken out of the recovery log. Otherwise the client was nobody's, and has
    /// missed what was published to the rooms that it begins in.
    kept: bool,
}

impl Taken {
    /// Whether this is a session that its client was let into before.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hub({})", self.0.name)
    }
}

impl Hub {
    pub(crate) fn new(
        name: Arc<str>,
        handlers: Arc<Handlers>,
        namespaces: &Arc<Namespaces>,
        recovery: Option<RecoveryConfig>,
    ) -> Self {
        let core = Arc::clone(&namespaces.core);
        let hub = Self(Arc::new(Inner {
            name,
            handlers,
            adapter: Arc::clone(&namespaces.adapter),
            shards: (0..core.shards.len()).map(|_| Mutex::default()).collect(),
            next_ack: AtomicU64::new(0),
            recovery: recovery
                .map(|config| Recovery::new(config, Arc::clone(&namespaces.log_bytes))),
            namespaces: Arc::downgrade(namespaces),
            core,
            population: AtomicUsize::new(0),
        }));
        hub.0.adapter.opened(&LocalHub::new(&hub));
        hub
    }

    /// The name of the namespace, with its leading slash.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.0.name)
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.0.core
    }

    pub(crate) fn handlers(&self) -> &Arc<Handlers> {
        &self.0.handlers
    }

    pub(crate) fn adapter(&self) -> &Arc<dyn Adapter> {
        &self.0.adapter
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    pub(crate) fn recovers(&self) -> bool {
        self.0.recovery.is_some()
    }

    pub(crate) fn skips_middleware(&self) -> bool {
        self.0
            .recovery
            .as_ref()
            .is_some_and(|recovery| recovery.config.skip_middleware)
    }

    /// What clients of this namespace may still come back for.
    pub(crate) fn snapshot(&self) -> Option<KeptHub> {
        self.0.recovery.as_ref()?.snapshot(&self.0.name)
    }

    /// Goes on where an earlier run of the server ended.
    pub(crate) fn restore(&self, restored: Restored) {
        if let Some(recovery) = &self.0.recovery {
            recovery.restore(restored);
        }
    }

    /// Drops what is kept for recovery and too old.
    pub(crate) fn sweep(&self) {
        if let Some(recovery) = &self.0.recovery {
            recovery.sweep();
        }
    }

    /// Whether nothing would be lost if this namespace were forgotten.
    pub(crate) fn is_forgettable(&self) -> bool {
        self.0.population.load(Ordering::Acquire) == 0
            && self.0.recovery.as_ref().is_none_or(Recovery::is_empty)
    }

    /// Everybody in the namespace.
    pub fn everyone(&self) -> Broadcast {
        Broadcast::new(self.clone())
    }

    /// Everybody in the room.
    pub fn to(&self, room: impl AsRef<str>) -> Broadcast {
        self.everyone().to(room)
    }

    /// The socket with that id, if it is connected to this node.
    pub fn socket(&self, id: SocketId) -> Option<Socket> {
        self.0
            .shards
            .iter()
            .find_map(|shard| shard.lock().get(id).cloned())
    }

    /// How many sockets are connected to this node.
    pub fn len(&self) -> usize {
        self.0.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// Whether no socket is connected to this node.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The names of the rooms on this node, without the sockets' own.
    pub fn rooms(&self) -> Vec<String> {
        let mut rooms = self.local_rooms();
        rooms.retain(|room| SocketId::parse(room).is_none_or(|id| self.socket(id).is_none()));
        rooms
    }

    /// The names of the rooms on this node, the sockets' own among them, sorted.
    pub(crate) fn local_rooms(&self) -> Vec<String> {
        let mut rooms: Vec<String> = Vec::new();
        for shard in &self.0.shards {
            rooms.extend(shard.lock().names().map(str::to_owned));
        }
        rooms.sort_unstable();
        rooms.dedup();
        rooms
    }

    pub(crate) fn next_ack(&self) -> u64 {
        self.0.next_ack.fetch_add(1, Ordering::Relaxed)
    }

    fn shard_of(&self, socket: &Socket) -> &Mutex<Rooms> {
        &self.0.shards[socket.connection().shard_index()]
    }

    pub(crate) fn join(&self, socket: &Socket, room: &str) -> Result<Joined, JoinError> {
        let limits = &self.0.core.limits;
        if room.len() > limits.room_name_bytes {
            return Err(JoinError::NameTooLong);
        }
        let joined = self
            .shard_of(socket)
            .lock()
            .join(socket.id(), room, limits.rooms_per_socket);
        if joined == (Joined::Yes { first: true }) {
            self.0.adapter.room_opened(&self.0.name, room);
        }
        Ok(joined)
    }

    pub(crate) fn leave(&self, socket: &Socket, room: &str) {
        if self.shard_of(socket).lock().leave(socket.id(), room) == Some(true) {
            self.0.adapter.room_closed(&self.0.name, room);
        }
    }

    pub(crate) fn rooms_of(&self, socket: &Socket) -> Vec<Arc<str>> {
        self.shard_of(socket).lock().of(socket.id())
    }

    /// The sockets of this node that are meant.
    pub(crate) fn select(&self, selection: &Selection) -> Vec<Socket> {
        let mut sockets = Vec::new();
        for shard in &self.0.shards {
            shard
                .lock()
                .select(selection, |socket| sockets.push(socket.clone()));
        }
        sockets
    }

    /// Sends a raw WebSocket message to the raw sockets among the selected.
    pub(crate) fn publish_message(&self, opcode: Opcode, payload: bytes::Bytes, to: &Selection) {
        self.publish(Content::Message { opcode, payload }, to, false, true);
    }

    /// Publishes to the sockets of this node. Says how many there were.
    pub(crate) fn publish(
        &self,
        content: Content,
        selection: &Selection,
        volatile: bool,
        compress: bool,
    ) -> usize {
        let replayable = !volatile && matches!(content, Content::Event { id: None, .. });
        let mut log = match content {
            Content::Event { .. } => self.0.recovery.as_ref().map(|it| (it.lock(), &it.config)),
            Content::Message { .. } => None,
        };
        let offset = log
            .as_ref()
            .map(|(log, _)| if replayable { log.next() } else { log.here() });
        let publication = Publication::new(content, compress, offset);
        let mut full: SmallVec<[Arc<Connection>; 4]> = SmallVec::new();
        let mut met = 0;
        for shard in &self.0.shards {
            let mut dirty = Vec::new();
            shard.lock().deliver(selection, |connection, encoding| {
                let Some(frame) = publication.frame(encoding) else {
                    return;
                };
                met += 1;
                match connection.push(frame, volatile) {
                    Pushed::Quiet => {}
                    Pushed::Dirty => dirty.push(Arc::clone(connection)),
                    Pushed::Full => full.push(Arc::clone(connection)),
                }
            });
            // Connections of one part belong to one delivery shard.
            if let Some(first) = dirty.first() {
                let delivery = Arc::clone(first.shard());
                delivery.flush_soon(dirty);
            }
        }
        self.0.core.stats.deliveries.add(met as u64);
        let publication = Arc::new(publication);
        if let Some((log, config)) = &mut log
            && replayable
        {
            log.append(Arc::clone(&publication), selection.clone(), config);
        }
        drop(log);
        for connection in full {
            connection.overflow();
        }
        if let Some((name, args)) = publication.event() {
            self.tell_outgoing(selection, name, args);
        }
        met
    }

    fn tell_outgoing(&self, selection: &Selection, name: &str, args: &Args) {
        if self.0.handlers.any_outgoing.is_empty() {
            return;
        }
        for socket in self.select(selection) {
            self.0
                .handlers
                .any_outgoing
                .iter()
                .for_each(|listen| listen(&socket, name, args));
        }
    }

    /// Sends an event to one socket.
    pub(crate) fn emit_to(&self, socket: &Socket, name: &str, args: Args, volatile: bool) {
        let content = event_content(self, name, args);
        if self.recovers() && socket.pid().is_some() {
            self.publish(content, &Selection::only(socket.id()), volatile, true);
            return;
        }
        let publication = Publication::new(content, true, None);
        push_to(socket, &publication, volatile);
        if let Some((name, args)) = publication.event() {
            let listeners = &self.0.handlers.any_outgoing;
            listeners
                .iter()
                .for_each(|listen| listen(socket, name, args));
        }
    }

    /// Takes out the session that a client claims. A connection on which it still lives, and
    /// which the client must have lost, ends first.
    pub(crate) fn claim(&self, claim: Claim<'_>) -> Option<Taken> {
        let recovery = self.0.recovery.as_ref()?;
        let live = recovery.lock().live(claim.pid);
        if let Some(connection) = live {
            connection.end(CloseReason::TransportClose, Goodbye::Frame(None, ""));
        }
        let mut log = recovery.lock();
        let taken = log.take(claim.pid).and_then(|session| {
            // Known for certain only at the moment of joining; this saves the vain attempt.
            log.missed(&session, claim.offset, &recovery.config)?;
            Some(Taken {
                pid: claim.pid,
                session,
                kept: true,
            })
        });
        let stats = &self.0.core.stats;
        if taken.is_none() {
            stats.sessions_lost.add(1);
        }
        taken
    }

    /// A session for a client that has none and knows only its place: it is sent what was
    /// published since to the rooms that it begins in. `None` when that is not known any more.
    pub(crate) fn claim_place(&self, pid: PrivateId, place: Offset) -> Option<Taken> {
        let session = self.0.recovery.as_ref()?.lock().session_at(place);
        if session.is_none() {
            self.0.core.stats.sessions_lost.add(1);
        }
        session.map(|session| Taken {
            pid,
            session,
            kept: false,
        })
    }

    /// Forgets a session whose client begins anew.
    pub(crate) fn discard(&self, pid: PrivateId) {
        if let Some(recovery) = &self.0.recovery {
            recovery.lock().take(pid);
        }
    }

    /// Gives back a session that was claimed and not used.
    pub(crate) fn give_back(&self, taken: Taken) {
        if let Some(recovery) = self.0.recovery.as_ref().filter(|_| taken.kept) {
            recovery.lock().keep(taken.pid, taken.session);
        }
    }

    /// The socket of a client that is joining, with the session that it chose, if it did.
    pub(crate) fn welcome(
        &self,
        connection: &Arc<Connection>,
        encoding: Encoding,
        auth: Option<Box<RawValue>>,
        session: Option<PrivateId>,
        taken: Option<&Taken>,
    ) -> Socket {
        let private = || self.recovers().then(PrivateId::random);
        let beginning = match taken {
            Some(taken) => Beginning {
                id: taken.session.id,
                pid: Some(taken.pid),
                auth,
                data: taken.session.data.clone(),
                rooms: taken.session.rooms.clone(),
                recovered: true,
            },
            None => Beginning {
                id: SocketId::random(),
                pid: if matches!(encoding, Encoding::SocketIo { .. }) {
                    private()
                } else {
                    session
                },
                auth,
                data: None,
                rooms: Vec::new(),
                recovered: false,
            },
        };
        Socket::new(self.clone(), Arc::clone(connection), encoding, beginning)
    }

    /// Makes the socket part of the hub and of the rooms that it begins in. `greet` sends it what
    /// it has to hear first, before any event can reach it, and is told the place that the client
    /// has reached; a recovered session then gets what it has missed. False when the socket has
    /// gone, or when what it missed is not known any more.
    pub(crate) fn admit(
        &self,
        socket: &Socket,
        taken: Option<(&Taken, Option<&str>)>,
        greet: impl FnOnce(Option<Offset>),
    ) -> bool {
        let mut log = self.0.recovery.as_ref().map(|it| (it.lock(), &it.config));
        let mut missed = Vec::new();
        let mut place = None;
        let mut displaced = None;
        if let (Some((log, config)), Some(pid)) = (&mut log, socket.pid()) {
            let mut from = log.here();
            if let Some((taken, offset)) = taken {
                // Middleware may have taken rooms away, of which nothing is told then, and have
                // added others, of which somebody whose session is kept has missed nothing.
                let mut session = taken.session.clone();
                let begins_in = socket.begins_in();
                if taken.kept {
                    session.rooms.retain(|room| begins_in.contains(room));
                } else {
                    session.rooms = begins_in;
                }
                session.rooms.push(socket.id().as_str().into());
                let Some(found) = log.missed(&session, offset, config) else {
                    return false;
                };
                (from, missed) = found;
            }
            displaced = log.begin(pid, from, socket.connection());
            place = Some(from);
        }
        let mut opened = Vec::new();
        {
            let mut rooms = self.shard_of(socket).lock();
            let Some(begins_in) = socket.set_connected() else {
                if let (Some((log, _)), Some(pid)) = (&mut log, socket.pid()) {
                    log.cancel(pid, socket.connection());
                }
                return false;
            };
            rooms.insert(socket.clone());
            for room in &begins_in {
                // How many these are was bounded when they were joined.
                if rooms.join(socket.id(), room, usize::MAX) == (Joined::Yes { first: true }) {
                    opened.push(Arc::clone(room));
                }
            }
            greet(place);
        }
        for publication in &missed {
            if let Some(frame) = publication.frame(socket.event_encoding()) {
                // What was missed is bounded by the recovery's own limit.
                socket.connection().push_unbounded(frame);
            }
        }
        drop(log);
        if let Some(displaced) = displaced {
            displaced.end(CloseReason::TransportClose, Goodbye::Frame(None, ""));
        }
        socket
            .connection()
            .shard()
            .flush_soon([Arc::clone(socket.connection())]);
        for room in opened {
            self.0.adapter.room_opened(&self.0.name, &room);
        }
        if taken.is_some() {
            self.0.core.stats.sessions_recovered.add(1);
        }
        true
    }

    /// Takes a socket out, tells its handlers, and keeps its session if it may come back.
    pub(crate) fn depart(&self, socket: &Socket, reason: CloseReason) {
        let handlers = &self.0.handlers;
        if socket.is_connected()
            && let Some(handler) = &handlers.disconnecting
        {
            handler.run(Context::departing(socket, "disconnecting", reason));
        }
        if !socket.set_gone() {
            return;
        }
        let mut log = self.0.recovery.as_ref().map(|it| (it.lock(), &it.config));
        let (rooms, left) = {
            let mut part = self.shard_of(socket).lock();
            (
                part.of(socket.id()),
                part.remove(socket.id()).unwrap_or_default(),
            )
        };
        if let (Some((log, config)), Some(pid)) = (&mut log, socket.pid()) {
            let kept = reason.is_recoverable().then_some(rooms);
            log.end(pid, socket, kept, config);
        }
        drop(log);
        for (room, _) in left.iter().filter(|(_, empty)| *empty) {
            self.0.adapter.room_closed(&self.0.name, room);
        }
        if let Some(handler) = &handlers.disconnect {
            handler.run(Context::departing(socket, "disconnect", reason));
        }
    }

    /// One socket fewer is here or about to be.
    pub(crate) fn forget_one(&self) {
        if self.0.population.fetch_sub(1, Ordering::AcqRel) == 1
            && let Some(namespaces) = self.0.namespaces.upgrade()
        {
            namespaces.forget_if_empty(self);
        }
    }
}

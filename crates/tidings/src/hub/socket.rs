//! One client in one namespace.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use thiserror::Error;
use tidings_protocol::{
    args::{Args, EncodeError},
    close::CloseCode,
    socket::RESERVED,
};

use super::{
    ack::{AckError, AckRequest, Pending},
    batch,
    broadcast::Broadcast,
    encoding::Encoding,
    live::Hub,
    publication::{Content, Publication},
    rooms::Joined,
    selection::Selection,
};
use crate::{
    event::IntoArgs,
    id::{PrivateId, SocketId},
    reason::CloseReason,
    transport::{
        connection::{Connection, Wire},
        handshake::Handshake,
    },
};

/// One client in one namespace. Cheap to clone; clones are the same socket.
#[derive(Clone)]
pub struct Socket(Arc<Inner>);

pub(crate) struct Inner {
    id: SocketId,
    /// The key to recover this session, known to the client alone.
    pid: Option<PrivateId>,
    hub: Hub,
    connection: Arc<Connection>,
    encoding: Encoding,
    /// Events are sent several at a time; see [`Socket::batch`].
    batches: AtomicBool,
    auth: Option<Box<RawValue>>,
    recovered: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    phase: Phase,
    data: Option<Arc<RawValue>>,
    pending: Option<Box<FxHashMap<u64, Pending>>>,
    extensions: http::Extensions,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// Middleware is still deciding; so far, the rooms to begin with.
    Joining(Vec<Arc<str>>),
    Connected,
    Gone,
}

impl Default for Phase {
    fn default() -> Self {
        Self::Joining(Vec::new())
    }
}

/// Why an event was not sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The name has a meaning of its own in the protocol.
    #[error("the event name {0:?} is reserved")]
    Reserved(Box<str>),
    /// The arguments could not be serialised.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Why a socket did not join a room.
#[derive(Debug, Clone, Copy, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum JoinError {
    /// The socket is in as many rooms as [`Limits::rooms_per_socket`](crate::Limits) allows.
    #[error("the socket is in too many rooms")]
    TooManyRooms,
    /// The name is longer than [`Limits::room_name_bytes`](crate::Limits) allows.
    #[error("the room's name is too long")]
    NameTooLong,
}

/// What a socket is told to begin with.
pub(crate) struct Beginning {
    pub(crate) id: SocketId,
    pub(crate) pid: Option<PrivateId>,
    pub(crate) auth: Option<Box<RawValue>>,
    pub(crate) data: Option<Arc<RawValue>>,
    /// The rooms of the session that is continued; its own may be among them.
    pub(crate) rooms: Vec<Arc<str>>,
    pub(crate) recovered: bool,
}

impl Socket {
    pub(crate) fn new(
        hub: Hub,
        connection: Arc<Connection>,
        encoding: Encoding,
        beginning: Beginning,
    ) -> Self {
        let Beginning {
            id,
            pid,
            auth,
            data,
            mut rooms,
            recovered,
        } = beginning;
        rooms.retain(|room| **room != *id.as_str());
        let state = Mutex::new(State {
            phase: Phase::Joining(rooms),
            data,
            ..State::default()
        });
        Self(Arc::new(Inner {
            id,
            pid,
            hub,
            connection,
            encoding,
            batches: AtomicBool::new(false),
            auth,
            recovered,
            state,
        }))
    }

    /// The public id. It is also the name of the room that holds this socket alone.
    pub fn id(&self) -> SocketId {
        self.0.id
    }

    pub(crate) fn pid(&self) -> Option<PrivateId> {
        self.0.pid
    }

    /// The session of a client of an event stream or of long-polling; none for any other.
    ///
    /// With it the client names itself in commands to an RPC endpoint, and comes back to where it
    /// was. One that did not choose it has to be told. Whoever has it may act as the client.
    pub fn session(&self) -> Option<PrivateId> {
        let streams = matches!(self.0.connection.wire(), Wire::EventStream | Wire::Poll);
        self.0.pid.filter(|_| streams)
    }

    /// The namespace that the socket is in.
    pub fn hub(&self) -> &Hub {
        &self.0.hub
    }

    /// The connection under the socket, which it may share with sockets of other namespaces.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.0.connection
    }

    /// The request that opened the connection.
    pub fn handshake(&self) -> &Handshake {
        self.0.connection.handshake()
    }

    /// What the client sent to authenticate itself, as raw JSON; an object, if anything.
    pub fn auth(&self) -> Option<&RawValue> {
        self.0.auth.as_deref()
    }

    /// Whether this session continues an earlier one: same id, same rooms, same data, and the
    /// events in between delivered.
    pub fn recovered(&self) -> bool {
        self.0.recovered
    }

    /// Whether the socket has joined its namespace and not left it.
    pub fn is_connected(&self) -> bool {
        self.0.state.lock().phase == Phase::Connected
    }

    /// The form of what is said to it alone: answers, refusals.
    pub(crate) fn encoding(&self) -> Encoding {
        self.0.encoding
    }

    /// The form of the events that it is sent.
    pub(crate) fn event_encoding(&self) -> Encoding {
        let batched = || self.0.encoding.batched();
        let batches = self.0.batches.load(Ordering::Acquire);
        batches.then(batched).flatten().unwrap_or(self.0.encoding)
    }

    /// Sends events to this client several at a time, in one event `batch`: its argument is the
    /// list of them in their order, each as `{type, data}`. It is sent when it holds `size`
    /// events, when the first of them has waited for `interval`, or when it has gathered 64 KiB.
    ///
    /// To be called in middleware of the namespace; later it changes nothing. It is for Socket.IO
    /// clients and for those of the plain envelope, and changes nothing for any other: raw sockets
    /// have no events, and clients of plain HTTP are sent together what has gathered anyway. The
    /// namespaces of one connection share `size` and `interval`, of which the latest count. A
    /// session that is recovered without its middleware does not batch.
    ///
    /// The `data` of an item is the event's argument; it is absent when there is none, and a list
    /// when there are several. Events that ask for an acknowledgement, and for Socket.IO clients
    /// with the JSON parser those with binary data, are sent alone. Whatever is sent alone, answers
    /// to the client too, first sends what has gathered before it, and so does closing the
    /// connection. What gathers counts against [`Limits::outbox_bytes`](crate::Limits).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tidings::{ConnectRefused, Namespace, Socket};
    /// let prices: Namespace = Namespace::new()
    ///     .middleware(async |socket: Socket| -> Result<(), ConnectRefused> {
    ///         if socket.handshake().query("batch").is_some() {
    ///             socket.batch(100, Duration::from_millis(50));
    ///         }
    ///         Ok(())
    ///     });
    /// ```
    pub fn batch(&self, size: usize, interval: Duration) {
        let connection = &self.0.connection;
        let is_joining = matches!(self.0.state.lock().phase, Phase::Joining(_));
        if !is_joining || !matches!(connection.wire(), Wire::Engine | Wire::Plain) {
            return;
        }
        if let Some(compose) = self.0.encoding.batched().and_then(batch::composer) {
            connection.gather(size, interval, compose);
            self.0.batches.store(true, Ordering::Release);
        }
    }

    /// Sends an event to this client.
    ///
    /// # Errors
    ///
    /// When the name is reserved or the arguments cannot be serialised. A client that has gone is
    /// no error.
    pub fn emit(&self, name: &str, args: impl IntoArgs) -> Result<(), EmitError> {
        check_name(name)?;
        let args = args.into_args()?;
        self.0.hub.emit_to(self, name, args, false);
        Ok(())
    }

    /// Sends an event to this client if it can take it at once, and drops it otherwise.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn emit_volatile(&self, name: &str, args: impl IntoArgs) -> Result<(), EmitError> {
        check_name(name)?;
        let args = args.into_args()?;
        self.0.hub.emit_to(self, name, args, true);
        Ok(())
    }

    /// Sends an event that the client has to acknowledge.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn example(socket: tidings::Socket) -> Result<(), Box<dyn std::error::Error>> {
    /// let answer = socket.emit_with_ack("ready?", &1).timeout(Duration::from_secs(5)).await?;
    /// let ready: bool = answer.get(0)?;
    /// # Ok(()) }
    /// ```
    pub fn emit_with_ack(&self, name: &str, args: impl IntoArgs) -> AckRequest {
        let args = check_name(name).and_then(|()| Ok(args.into_args()?));
        AckRequest {
            socket: self.clone(),
            name: name.into(),
            args,
            timeout: None,
        }
    }

    /// Sends an event with an id, and keeps who waits for the answer.
    pub(crate) fn emit_expecting(
        &self,
        name: &str,
        args: Args,
        pending: Pending,
    ) -> Result<u64, AckError> {
        if !self.can_ack() {
            return Err(AckError::Unsupported);
        }
        let id = self.0.hub.next_ack();
        if !self.expect(id, pending) {
            return Err(AckError::Disconnected);
        }
        let content = Content::Event {
            namespace: self.0.hub.shared_name(),
            name: name.into(),
            args,
            id: Some(id),
        };
        self.0
            .hub
            .publish(content, &Selection::only(self.id()), false, true);
        Ok(id)
    }

    /// Whether the client's protocol lets it acknowledge what it is sent.
    pub(crate) fn can_ack(&self) -> bool {
        matches!(self.0.encoding, Encoding::SocketIo { .. })
    }

    /// Keeps who waits for an answer; false when the socket has gone.
    pub(crate) fn expect(&self, id: u64, pending: Pending) -> bool {
        let mut state = self.0.state.lock();
        let alive = state.phase != Phase::Gone;
        if alive {
            state.pending.get_or_insert_default().insert(id, pending);
        }
        alive
    }

    pub(crate) fn take_pending(&self, id: u64) -> Option<Pending> {
        let mut state = self.0.state.lock();
        let pending = state.pending.as_mut()?;
        let taken = pending.remove(&id);
        if pending.is_empty() {
            state.pending = None;
        }
        taken
    }

    /// Everybody in the namespace but this socket.
    pub fn broadcast(&self) -> Broadcast {
        self.0.hub.everyone().except(self.id().as_str())
    }

    /// Everybody in the room but this socket.
    ///
    /// ```
    /// # use tidings::{Data, EmitError, JoinError, Namespace, Socket};
    /// async fn enter(socket: Socket, Data(room): Data<String>) -> Result<(), JoinError> {
    ///     socket.join(&room)
    /// }
    ///
    /// async fn say(socket: Socket, Data((room, text)): Data<(String, String)>) -> Result<(), EmitError> {
    ///     // The others in the room; with `socket.hub().to(room)` it would be the sender as well.
    ///     socket.to(&room).emit("said", &text)?;
    ///     // All in the namespace but the sender and whoever is in the room.
    ///     socket.broadcast().except(&room).volatile().emit("murmur", &room)
    /// }
    ///
    /// let chat: Namespace = Namespace::new().on("enter", enter).on("say", say);
    /// ```
    pub fn to(&self, room: impl AsRef<str>) -> Broadcast {
        self.broadcast().to(room)
    }

    /// Joins a room. Joining twice, or after the socket has gone, changes nothing.
    ///
    /// In middleware of the namespace, the room is one to begin with: the socket is in it from the
    /// moment that it is let in, and misses nothing that is sent there from then on.
    ///
    /// ```
    /// use tidings::{JoinError, Namespace, Socket};
    ///
    /// let news: Namespace = Namespace::new().middleware(async |socket: Socket| -> Result<(), tidings::ConnectRefused> {
    ///     Ok(socket.join("headlines")?)
    /// });
    /// ```
    ///
    /// # Errors
    ///
    /// When the socket is in too many rooms already, or the name is too long.
    pub fn join(&self, room: impl AsRef<str>) -> Result<(), JoinError> {
        let room = room.as_ref();
        let limits = &self.0.hub.core().limits;
        if room.len() > limits.room_name_bytes {
            return Err(JoinError::NameTooLong);
        }
        if let Phase::Joining(rooms) = &mut self.0.state.lock().phase {
            if room == self.id().as_str() || rooms.iter().any(|it| &**it == room) {
                return Ok(());
            }
            if rooms.len() >= limits.rooms_per_socket {
                return Err(JoinError::TooManyRooms);
            }
            rooms.push(room.into());
            return Ok(());
        }
        match self.0.hub.join(self, room)? {
            Joined::TooMany => Err(JoinError::TooManyRooms),
            Joined::Unknown | Joined::Already | Joined::Yes { .. } => Ok(()),
        }
    }

    /// Leaves a room, if the socket is in it or is to begin with it. A session that is continued
    /// is told nothing of a room that it left in middleware.
    pub fn leave(&self, room: impl AsRef<str>) {
        let room = room.as_ref();
        if let Phase::Joining(rooms) = &mut self.0.state.lock().phase {
            rooms.retain(|it| &**it != room);
            return;
        }
        self.0.hub.leave(self, room);
    }

    /// The rooms to begin with, as far as they are known.
    pub(crate) fn begins_in(&self) -> Vec<Arc<str>> {
        match &self.0.state.lock().phase {
            Phase::Joining(rooms) => rooms.clone(),
            Phase::Connected | Phase::Gone => Vec::new(),
        }
    }

    /// The rooms that the socket is in, its own first. In middleware of the namespace, those that
    /// it is to begin with: a session that is continued has its rooms, and middleware may
    /// [`leave`](Self::leave) those that its user may not enter any more.
    pub fn rooms(&self) -> Vec<Arc<str>> {
        if let Phase::Joining(rooms) = &self.0.state.lock().phase {
            let own = std::iter::once(self.id().as_str().into());
            return own.chain(rooms.iter().cloned()).collect();
        }
        self.0.hub.rooms_of(self)
    }

    /// The data kept with the socket, which other nodes see and recovery brings back; `T`'s
    /// default when there is none.
    ///
    /// # Errors
    ///
    /// When the data is of another shape.
    pub fn data<T: DeserializeOwned + Default>(&self) -> Result<T, serde_json::Error> {
        self.raw_data()
            .map_or_else(|| Ok(T::default()), |data| serde_json::from_str(data.get()))
    }

    /// Replaces the data kept with the socket.
    ///
    /// # Errors
    ///
    /// When it cannot be written as JSON.
    pub fn set_data<T: Serialize + ?Sized>(&self, data: &T) -> Result<(), serde_json::Error> {
        let data = serde_json::value::to_raw_value(data)?;
        self.0.state.lock().data = Some(data.into());
        Ok(())
    }

    pub(crate) fn raw_data(&self) -> Option<Arc<RawValue>> {
        self.0.state.lock().data.clone()
    }

    /// Keeps a value of any type with the socket on this node, one of each type.
    pub fn insert<T: Clone + Send + Sync + 'static>(&self, value: T) -> Option<T> {
        self.0.state.lock().extensions.insert(value)
    }

    /// The value of that type kept with the socket on this node.
    pub fn get<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.0.state.lock().extensions.get().cloned()
    }

    /// Disconnects the socket from its namespace. The client is told, and does not come back by
    /// itself. With `close`, the whole connection ends, and with it its sockets elsewhere.
    pub fn disconnect(&self, close: bool) {
        if let Some(receiver) = self.0.connection.receiver() {
            receiver.disconnect(&self.0.connection, self, close);
        }
    }

    /// Ends the whole connection, such that stock clients do what the
    /// [class](CloseCode::reconnect) of the code asks for: they come back after one of 3000 to
    /// 3499, and stay away after one of 3500 to 3999. What is queued is still written.
    ///
    /// WebSocket clients get a close frame with the code and the reason `why`, of which up to 123
    /// bytes are sent. Socket.IO clients that are to stay away are first disconnected from their
    /// namespaces, which tells them so; long-polling clients learn no code.
    ///
    /// ```
    /// # use tidings::{CloseCode, Namespace, Socket};
    /// let chat: Namespace = Namespace::new().on("flood", async |socket: Socket| {
    ///     socket.close(CloseCode::TOO_MANY_REQUESTS, "too many requests");
    /// });
    /// ```
    pub fn close(&self, code: CloseCode, why: &'static str) {
        if let Some(receiver) = self.0.connection.receiver() {
            receiver.close(&self.0.connection, code, why);
        }
    }

    /// Marks the socket as joined, and gives the rooms that it begins in; `None` when it has gone
    /// meanwhile.
    pub(crate) fn set_connected(&self) -> Option<Vec<Arc<str>>> {
        let mut state = self.0.state.lock();
        match std::mem::replace(&mut state.phase, Phase::Connected) {
            Phase::Joining(rooms) => Some(rooms),
            Phase::Connected => Some(Vec::new()),
            Phase::Gone => {
                state.phase = Phase::Gone;
                None
            }
        }
    }

    /// Marks the socket as gone, and says whether it was connected. Whoever waits for its
    /// acknowledgements learns of it.
    pub(crate) fn set_gone(&self) -> bool {
        let mut state = self.0.state.lock();
        let before = std::mem::replace(&mut state.phase, Phase::Gone);
        let pending = state.pending.take();
        drop(state);
        drop(pending);
        before == Phase::Connected
    }

    /// Leaves the namespace for that reason; once.
    pub(crate) fn depart(&self, reason: CloseReason) {
        self.0.hub.depart(self, reason);
    }

    /// What others may know of this socket.
    pub fn info(&self) -> SocketInfo {
        SocketInfo {
            id: self.id(),
            rooms: self.rooms().iter().map(|room| room.to_string()).collect(),
            data: self
                .raw_data()
                .map(|data| data.get().to_owned())
                .unwrap_or("{}".into()),
            handshake: HandshakeInfo::of(self).to_json(),
        }
    }
}

pub(crate) fn check_name(name: &str) -> Result<(), EmitError> {
    if RESERVED.contains(&name) {
        Err(EmitError::Reserved(name.into()))
    } else {
        Ok(())
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.0.id)
            .field("hub", &self.0.hub)
            .finish()
    }
}

impl PartialEq for Socket {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Socket {}

/// A socket of this node or another, as found by [`Broadcast::fetch_sockets`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SocketInfo {
    /// Its public id.
    pub id: SocketId,
    /// Its rooms, its own among them.
    pub rooms: Vec<String>,
    /// Its data, as JSON.
    pub data: String,
    /// Its handshake in the form of Node's Socket.IO, as JSON: `headers`, `time`, `address`,
    /// `xdomain`, `secure`, `issued` (milliseconds), `url`, `query`, `auth`.
    pub handshake: String,
}

/// The handshake of a socket as other nodes and browsers see it.
#[derive(Serialize)]
pub(crate) struct HandshakeInfo<'a> {
    headers: serde_json::Map<String, serde_json::Value>,
    time: String,
    address: String,
    xdomain: bool,
    secure: bool,
    issued: u64,
    url: &'a str,
    query: serde_json::Map<String, serde_json::Value>,
    auth: &'a RawValue,
}

impl<'a> HandshakeInfo<'a> {
    pub(crate) fn of(socket: &'a Socket) -> Self {
        let handshake = socket.handshake();
        let issued = handshake
            .issued()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Self {
            headers: handshake
                .headers()
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect(),
            time: httpdate::fmt_http_date(handshake.issued()),
            address: handshake.address().ip().to_string(),
            xdomain: handshake.is_cross_domain(),
            secure: handshake.is_secure(),
            issued: u64::try_from(issued.as_millis()).unwrap_or(u64::MAX),
            url: handshake.url(),
            query: handshake
                .query_pairs()
                .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
                .collect(),
            auth: socket.auth().unwrap_or_else(|| empty_object()),
        }
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".into())
    }
}

fn empty_object() -> &'static RawValue {
    static EMPTY: std::sync::OnceLock<Box<RawValue>> = std::sync::OnceLock::new();
    EMPTY.get_or_init(|| RawValue::from_string("{}".into()).expect("an empty object is valid JSON"))
}

impl Socket {
    /// The handshake in the form of Node's Socket.IO, as JSON.
    pub fn handshake_json(&self) -> String {
        HandshakeInfo::of(self).to_json()
    }
}

pub(crate) fn event_content(hub: &Hub, name: &str, args: Args) -> Content {
    Content::Event {
        namespace: hub.shared_name(),
        name: name.into(),
        args,
        id: None,
    }
}

/// Pushes to one socket outside of any broadcast.
pub(crate) fn push_to(socket: &Socket, publication: &Publication, volatile: bool) {
    let Some(frame) = publication.frame(socket.event_encoding()) else {
        return;
    };
    let connection = socket.connection();
    match connection.push(frame, volatile) {
        crate::transport::connection::Pushed::Quiet => {}
        crate::transport::connection::Pushed::Dirty => {
            connection.shard().flush_soon([Arc::clone(connection)]);
        }
        crate::transport::connection::Pushed::Full => connection.overflow(),
    }
}

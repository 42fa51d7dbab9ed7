//! The seam to other nodes.
//!
//! A hub always serves the sockets of its own node itself. Whatever concerns others too goes
//! through the server's [`Adapter`] as well, which carries it to the same namespace on the other
//! nodes and there, through a [`LocalHub`], to their sockets. The operations and what they carry
//! are those of Node's Socket.IO adapters, so that an adapter can speak their wire formats:
//! packets are a name and arguments, rooms and exceptions are names, socket ids have 20
//! characters, and answers to broadcasts and between servers are single values.
//!
//! [`Local`] is the adapter of a server that is alone.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use tidings_protocol::args::Args;
use tokio::sync::mpsc;

use crate::{
    SocketInfo,
    handler::context::Context,
    hub::{Hub, Selection, publication::Content},
    id::SocketId,
};

/// A boxed future, as the methods of [`Adapter`] give it.
pub type AdapterFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An event for other nodes.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// The namespace, with its leading slash.
    pub namespace: &'a str,
    /// The name of the event.
    pub name: &'a str,
    /// Its arguments.
    pub args: &'a Args,
}

/// How a broadcast is to be delivered.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Flags {
    /// Dropped for clients that cannot take it at once.
    pub volatile: bool,
    /// Not to be compressed.
    pub uncompressed: bool,
}

/// What came of asking other nodes.
#[derive(Debug, Clone)]
pub struct Answers<T> {
    /// What arrived in time.
    pub answers: T,
    /// How many nodes or clients did not answer.
    pub missing: usize,
}

/// Carries what concerns a namespace to the other nodes of a cluster.
///
/// Every method has a deadline of its own: a node that is gone costs an answer that says so, and
/// never a call that hangs. The defaults are those of a cluster of one.
pub trait Adapter: fmt::Debug + Send + Sync + 'static {
    /// A namespace opened on this node; what others send for it goes to `hub` from now on.
    fn opened(&self, hub: &LocalHub) {
        let _ = hub;
    }

    /// A namespace closed on this node.
    fn closed(&self, namespace: &str) {
        let _ = namespace;
    }

    /// A room got its first socket in one delivery shard of this node. Shards are independent, so
    /// an adapter that subscribes to rooms counts.
    fn room_opened(&self, namespace: &str, room: &str) {
        let _ = (namespace, room);
    }

    /// A room lost its last socket in one delivery shard of this node.
    fn room_closed(&self, namespace: &str, room: &str) {
        let _ = (namespace, room);
    }

    /// How many nodes there are, this one included.
    fn server_count<'a>(&'a self, namespace: &'a str) -> AdapterFuture<'a, usize> {
        let _ = namespace;
        Box::pin(std::future::ready(1))
    }

    /// Sends an event to the sockets of other nodes. Delivery on this node never waits for it.
    fn broadcast(&self, packet: Packet<'_>, to: &Selection, flags: Flags) {
        let _ = (packet, to, flags);
    }

    /// Sends an event that the sockets of other nodes have to acknowledge. Each answer goes to
    /// `answers` as it comes; the result says how many did not.
    fn broadcast_with_ack<'a>(
        &'a self,
        packet: Packet<'a>,
        to: &'a Selection,
        flags: Flags,
        timeout: Duration,
        answers: mpsc::UnboundedSender<Args>,
    ) -> AdapterFuture<'a, usize> {
        let _ = (packet, to, flags, timeout, answers);
        Box::pin(std::future::ready(0))
    }

    /// The sockets of other nodes.
    fn fetch_sockets<'a>(
        &'a self,
        namespace: &'a str,
        of: &'a Selection,
    ) -> AdapterFuture<'a, Answers<Vec<SocketInfo>>> {
        let _ = (namespace, of);
        Box::pin(std::future::ready(Answers {
            answers: Vec::new(),
            missing: 0,
        }))
    }

    /// The rooms of other nodes.
    fn all_rooms<'a>(&'a self, namespace: &'a str) -> AdapterFuture<'a, Answers<Vec<String>>> {
        let _ = namespace;
        Box::pin(std::future::ready(Answers {
            answers: Vec::new(),
            missing: 0,
        }))
    }

    /// Has sockets of other nodes join rooms.
    fn join(&self, namespace: &str, sockets: &Selection, rooms: &[String]) {
        let _ = (namespace, sockets, rooms);
    }

    /// Has sockets of other nodes leave rooms.
    fn leave(&self, namespace: &str, sockets: &Selection, rooms: &[String]) {
        let _ = (namespace, sockets, rooms);
    }

    /// Disconnects sockets of other nodes, with `close` their whole connections.
    fn disconnect(&self, namespace: &str, sockets: &Selection, close: bool) {
        let _ = (namespace, sockets, close);
    }

    /// Sends an event to the other servers themselves.
    fn server_side_emit(&self, packet: Packet<'_>) {
        let _ = packet;
    }

    /// Sends an event to the other servers and collects one answer of each.
    fn server_side_emit_with_ack<'a>(
        &'a self,
        packet: Packet<'a>,
        timeout: Duration,
    ) -> AdapterFuture<'a, Answers<Vec<Args>>> {
        let _ = (packet, timeout);
        Box::pin(std::future::ready(Answers {
            answers: Vec::new(),
            missing: 0,
        }))
    }
}

/// The adapter of a server that is alone.
#[derive(Debug, Default)]
pub struct Local;

impl Adapter for Local {}

/// One namespace of this node, for an adapter to apply what other nodes ask for. Nothing done
/// here goes back to the adapter.
#[derive(Debug, Clone)]
pub struct LocalHub(Hub);

impl LocalHub {
    pub(crate) fn new(hub: &Hub) -> Self {
        Self(hub.clone())
    }

    /// The name of the namespace.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Sends an event to the selected sockets; says how many there were.
    pub fn broadcast(&self, name: &str, args: Args, to: &Selection, flags: Flags) -> usize {
        let content = crate::hub::socket::event_content(&self.0, name, args);
        self.0
            .publish(content, to, flags.volatile, !flags.uncompressed)
    }

    /// Sends an event that the selected sockets have to acknowledge; says how many there are. The
    /// answers go to the channel, which closes when all have answered or left.
    pub fn broadcast_with_ack(
        &self,
        name: &str,
        args: Args,
        to: &Selection,
        flags: Flags,
        answers: mpsc::UnboundedSender<Args>,
    ) -> usize {
        let id = self.0.next_ack();
        let expected = self
            .0
            .select(to)
            .iter()
            .filter(|socket| socket.can_ack())
            .filter(|socket| socket.expect(id, crate::hub::ack::Pending::Many(answers.clone())))
            .count();
        let content = Content::Event {
            namespace: self.0.shared_name(),
            name: name.into(),
            args,
            id: Some(id),
        };
        self.0
            .publish(content, to, flags.volatile, !flags.uncompressed);
        expected
    }

    /// The selected sockets.
    pub fn sockets(&self, of: &Selection) -> Vec<SocketInfo> {
        self.0.select(of).iter().map(crate::Socket::info).collect()
    }

    /// Whether a socket of that id is connected to this node.
    pub fn has_socket(&self, id: SocketId) -> bool {
        self.0.socket(id).is_some()
    }

    /// All rooms, sockets' own among them, sorted.
    pub fn rooms(&self) -> Vec<String> {
        self.0.local_rooms()
    }

    /// Has the selected sockets join rooms; those that may not are left out.
    pub fn join(&self, sockets: &Selection, rooms: &[String]) {
        for socket in self.0.select(sockets) {
            for room in rooms {
                if let Err(error) = socket.join(room) {
                    tracing::warn!(%error, socket = %socket.id(), "a socket did not join a room");
                }
            }
        }
    }

    /// Has the selected sockets leave rooms.
    pub fn leave(&self, sockets: &Selection, rooms: &[String]) {
        for socket in self.0.select(sockets) {
            rooms.iter().for_each(|room| socket.leave(room));
        }
    }

    /// Disconnects the selected sockets.
    pub fn disconnect(&self, sockets: &Selection, close: bool) {
        self.0
            .select(sockets)
            .iter()
            .for_each(|socket| socket.disconnect(close));
    }

    /// Runs this node's handler for an event between servers. The answer, if one is wanted and
    /// given, goes to `answer`.
    pub fn server_side_event(
        &self,
        name: &str,
        args: Args,
        answer: Option<tokio::sync::oneshot::Sender<Args>>,
    ) {
        if let Some(handler) = self.0.handlers().server_events.get(name) {
            handler.run(Context::server_event(&self.0, name, args, answer));
        }
    }
}

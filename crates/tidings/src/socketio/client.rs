//! One Socket.IO client: the sockets of one Engine.IO connection.
//!
//! While a namespace is being joined its packets wait, so that a client may send them right
//! behind its CONNECT; they are handled when the join is complete, in order.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::value::RawValue;
use smallvec::SmallVec;
use tidings_protocol::{
    args::Args,
    close::CloseCode,
    socket::{self, Decoder, Limits, Packet, Parser},
};

use crate::{
    handler::{ConnectRefused, context::Context, handlers::start},
    hub::{
        Hub, Socket,
        ack::AckId,
        encoding::Encoding,
        live::{Claim, Taken},
        namespaces::Namespaces,
    },
    id::PrivateId,
    reason::CloseReason,
    transport::{
        Acceptor, Malformed, Receiver,
        connection::{Connection, Goodbye},
        frame::Frame,
    },
};

pub(crate) struct SocketIoAcceptor {
    pub(crate) namespaces: Arc<Namespaces>,
    pub(crate) parser: Parser,
    pub(crate) connect_timeout: Duration,
}

impl Acceptor for SocketIoAcceptor {
    fn accept(&self, connection: &Arc<Connection>) -> Arc<dyn Receiver> {
        connection.expect_introduction(Some(Instant::now() + self.connect_timeout));
        Arc::new_cyclic(|me| Client {
            me: Weak::clone(me),
            namespaces: Arc::clone(&self.namespaces),
            parser: self.parser,
            decoder: Mutex::new(Decoder::new(self.parser)),
            slots: Mutex::default(),
        })
    }
}

struct Client {
    me: Weak<Client>,
    namespaces: Arc<Namespaces>,
    parser: Parser,
    decoder: Mutex<Decoder>,
    slots: Mutex<SmallVec<[Slot; 1]>>,
}

/// The client's place in one namespace.
enum Slot {
    Joining {
        namespace: Box<str>,
        waiting: Vec<Waiting>,
    },
    Joined(Socket),
}

/// A packet of a namespace that is joined, or about to be.
enum Waiting {
    Event {
        name: Box<str>,
        args: Args,
        id: Option<u64>,
    },
    Ack {
        id: u64,
        args: Args,
    },
    Disconnect,
}

impl Slot {
    fn namespace(&self) -> &str {
        match self {
            Self::Joining { namespace, .. } => namespace,
            Self::Joined(socket) => socket.hub().name(),
        }
    }
}

/// The part of the auth object that recovery reads.
#[derive(Deserialize)]
struct RecoveryAuth {
    pid: Option<String>,
    offset: Option<String>,
}

impl Receiver for Client {
    fn text(&self, connection: &Arc<Connection>, text: &str) -> Result<bool, Malformed> {
        let mut decoder = self.decoder.lock();
        let packet = decoder.text(text, &self.limits(connection));
        self.take(connection, decoder, packet)
    }

    fn binary(&self, connection: &Arc<Connection>, bytes: &[u8]) -> Result<bool, Malformed> {
        let mut decoder = self.decoder.lock();
        let packet = decoder.binary(bytes, &self.limits(connection));
        self.take(connection, decoder, packet)
    }

    fn closed(&self, _: &Arc<Connection>, reason: CloseReason) {
        let slots = std::mem::take(&mut *self.slots.lock());
        for slot in slots {
            // One that is still joining finds its slot gone.
            if let Slot::Joined(socket) = &slot {
                leave(&slot, socket, reason);
            }
        }
    }

    fn disconnect(&self, connection: &Arc<Connection>, socket: &Socket, close: bool) {
        if let Some(slot) = self.remove(socket.hub().name()) {
            self.dismiss(connection, &slot, socket);
        }
        if !close {
            return;
        }
        let slots = std::mem::take(&mut *self.slots.lock());
        for slot in slots {
            if let Slot::Joined(socket) = &slot {
                self.dismiss(connection, &slot, socket);
            }
        }
        connection.end(CloseReason::ForcedServerClose, Goodbye::Frame(None, ""));
    }

    fn close(&self, connection: &Arc<Connection>, code: CloseCode, why: &'static str) {
        // Stock clients come back after a connection was lost, whatever its close code, but not
        // after a DISCONNECT packet.
        if !code.reconnect() {
            let slots = std::mem::take(&mut *self.slots.lock());
            for slot in slots {
                match &slot {
                    Slot::Joined(socket) => self.dismiss(connection, &slot, socket),
                    Slot::Joining { namespace, .. } => self.send_disconnect(connection, namespace),
                }
            }
        }
        connection.end(
            CloseReason::ForcedServerClose,
            Goodbye::Frame(Some(code), why),
        );
    }
}

/// The socket goes; its slot is out of the list. One that is still joining is counted by its
/// join.
fn leave(slot: &Slot, socket: &Socket, reason: CloseReason) {
    socket.depart(reason);
    if let Slot::Joined(_) = slot {
        socket.hub().forget_one();
    }
}

impl Client {
    fn limits(&self, connection: &Connection) -> Limits {
        let limits = &connection.core().limits;
        Limits {
            max_attachments: limits.attachments,
            max_attachment_bytes: limits.attachment_bytes,
            max_depth: limits.nesting,
        }
    }

    fn take(
        &self,
        connection: &Arc<Connection>,
        decoder: parking_lot::MutexGuard<'_, Decoder>,
        packet: Result<Option<Packet<'_>>, socket::Error>,
    ) -> Result<bool, Malformed> {
        let waiting = decoder.is_waiting();
        // Handlers run below, and may close this very connection.
        drop(decoder);
        match packet {
            Ok(Some(packet)) => self.handle(connection, packet)?,
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(?connection, %error, "unreadable packet");
                return Err(Malformed);
            }
        }
        Ok(waiting)
    }

    fn handle(&self, connection: &Arc<Connection>, packet: Packet<'_>) -> Result<(), Malformed> {
        match packet {
            Packet::Connect { namespace, auth } => self.connect(connection, &namespace, auth),
            Packet::Event {
                namespace,
                id,
                name,
                args,
            } => {
                let slots = self.slots.lock();
                let slot = slots.iter().find(|slot| slot.namespace() == namespace);
                if let Some(Slot::Joined(socket)) = slot {
                    // The common case, with nothing owned that need not be.
                    let socket = socket.clone();
                    drop(slots);
                    dispatch(&socket, &name, args, id);
                    return Ok(());
                }
                drop(slots);
                let name = name.into();
                self.queue(connection, &namespace, Waiting::Event { name, args, id })
            }
            Packet::Ack {
                namespace,
                id: Some(id),
                args,
            } => self.queue(connection, &namespace, Waiting::Ack { id, args }),
            Packet::Disconnect { namespace } => {
                self.queue(connection, &namespace, Waiting::Disconnect)
            }
            Packet::Ack {
                namespace,
                id: None,
                ..
            }
            | Packet::Nothing { namespace } => {
                let slots = self.slots.lock();
                let known = slots.iter().any(|slot| slot.namespace() == namespace);
                if known { Ok(()) } else { Err(Malformed) }
            }
        }
    }

    /// Handles a packet now, or when its namespace is joined. One for a namespace that the client
    /// has not asked for is an error.
    fn queue(
        &self,
        connection: &Arc<Connection>,
        namespace: &str,
        packet: Waiting,
    ) -> Result<(), Malformed> {
        let mut slots = self.slots.lock();
        match slots.iter_mut().find(|slot| slot.namespace() == namespace) {
            None => Err(Malformed),
            Some(Slot::Joining { waiting, .. }) => {
                if waiting.len() >= connection.core().limits.packets_while_joining {
                    return Err(Malformed);
                }
                waiting.push(packet);
                Ok(())
            }
            Some(Slot::Joined(socket)) => {
                let socket = socket.clone();
                drop(slots);
                self.perform(&socket, packet);
                Ok(())
            }
        }
    }

    fn perform(&self, socket: &Socket, packet: Waiting) {
        match packet {
            Waiting::Event { name, args, id } => dispatch(socket, &name, args, id),
            Waiting::Ack { id, args } => {
                if let Some(pending) = socket.take_pending(id) {
                    pending.answer(args);
                }
            }
            Waiting::Disconnect => {
                if let Some(slot) = self.remove(socket.hub().name()) {
                    leave(&slot, socket, CloseReason::ClientNamespaceDisconnect);
                }
            }
        }
    }

    fn remove(&self, namespace: &str) -> Option<Slot> {
        let mut slots = self.slots.lock();
        let index = slots
            .iter()
            .position(|slot| slot.namespace() == namespace)?;
        Some(slots.swap_remove(index))
    }

    /// Tells a socket that it is no longer wanted.
    fn dismiss(&self, connection: &Arc<Connection>, slot: &Slot, socket: &Socket) {
        self.send_disconnect(connection, socket.hub().name());
        leave(slot, socket, CloseReason::ServerNamespaceDisconnect);
    }

    fn send_disconnect(&self, connection: &Arc<Connection>, namespace: &str) {
        let frame = self.frame(
            |out| socket::encode_disconnect(out, namespace),
            |out| socket::msgpack::encode_disconnect(out, namespace),
        );
        connection.send(&frame);
    }

    fn frame(
        &self,
        json: impl FnOnce(&mut Vec<u8>),
        msgpack: impl FnOnce(&mut Vec<u8>),
    ) -> Arc<Frame> {
        Arc::new(match self.parser {
            Parser::Json => Frame::text(|out| {
                out.push(b'4');
                json(out);
            }),
            Parser::MessagePack => Frame::binary(msgpack),
        })
    }

    fn refuse(&self, connection: &Arc<Connection>, namespace: &str, refused: &ConnectRefused) {
        let message = &*refused.message;
        let data = refused.connect_error_data();
        let frame = self.frame(
            |out| socket::encode_connect_error(out, namespace, message, data.as_deref()),
            |out| socket::msgpack::encode_connect_error(out, namespace, message, data.as_deref()),
        );
        connection.send(&frame);
    }

    fn connect(
        &self,
        connection: &Arc<Connection>,
        namespace: &str,
        auth: Option<Box<RawValue>>,
    ) -> Result<(), Malformed> {
        let mut slots = self.slots.lock();
        let limit = connection.core().limits.namespaces_per_connection;
        if slots.len() >= limit || slots.iter().any(|slot| slot.namespace() == namespace) {
            return Err(Malformed);
        }
        let Some(hub) = self.namespaces.enter(namespace) else {
            drop(slots);
            self.refuse(
                connection,
                namespace,
                &ConnectRefused::new("Invalid namespace"),
            );
            return Ok(());
        };
        slots.push(Slot::Joining {
            namespace: namespace.into(),
            waiting: Vec::new(),
        });
        drop(slots);
        if let Some(client) = self.me.upgrade() {
            start(connection.core(), Some(connection), || {
                let connection = Arc::clone(connection);
                Some(Box::pin(
                    Join {
                        client,
                        hub,
                        auth,
                        connection,
                    }
                    .run(),
                ))
            });
        }
        Ok(())
    }
}

fn dispatch(socket: &Socket, name: &str, args: Args, id: Option<u64>) {
    let handlers = socket.hub().handlers();
    let id = id.map(AckId::SocketIo);
    handlers.dispatch(Context::event(socket, name, args, id));
}

/// A client on its way into a namespace.
struct Join {
    client: Arc<Client>,
    hub: Hub,
    auth: Option<Box<RawValue>>,
    connection: Arc<Connection>,
}

impl Join {
    async fn run(self) {
        let joined = self.join().await;
        if joined.is_none() {
            self.hub.forget_one();
        }
    }

    /// Joins; `None` when the client was refused or has gone.
    async fn join(&self) -> Option<()> {
        let recovery: Option<RecoveryAuth> = self
            .auth
            .as_ref()
            .and_then(|auth| serde_json::from_str(auth.get()).ok());
        let claim = recovery.as_ref().and_then(|auth| {
            let pid = PrivateId::parse(auth.pid.as_deref()?)?;
            Some(Claim {
                pid,
                offset: auth.offset.as_deref(),
            })
        });
        let mut taken = claim.and_then(|claim| self.hub.claim(claim));
        loop {
            let offset = claim.and_then(|claim| claim.offset);
            let socket = self.decide(&mut taken).await?;
            let claimed = taken.take();
            if self.connection.is_closed() {
                // A client that went while middleware decided does not come.
                if let Some(taken) = claimed {
                    self.hub.give_back(taken);
                }
                socket.set_gone();
                return None;
            }
            if self.admit(&socket, claimed.as_ref(), offset) {
                return self.settle(&socket);
            }
            if self.connection.is_closed() {
                if let Some(taken) = claimed {
                    self.hub.give_back(taken);
                }
                return None;
            }
            // What the session missed was dropped meanwhile: it begins anew.
        }
    }

    /// Asks the middleware.
    async fn decide(&self, taken: &mut Option<Taken>) -> Option<Socket> {
        let parser = self.client.parser;
        let encoding = Encoding::SocketIo {
            parser,
            recovery: self.hub.recovers(),
        };
        let auth = self.auth.clone();
        let socket = self
            .hub
            .welcome(&self.connection, encoding, auth, None, taken.as_ref());
        if taken.is_some() && self.hub.skips_middleware() {
            return Some(socket);
        }
        for middleware in &self.hub.handlers().middleware {
            if let Err(refused) = middleware(Context::connecting(&socket)).await {
                if let Some(taken) = taken.take() {
                    self.hub.give_back(taken);
                }
                socket.set_gone();
                self.client.remove(self.hub.name());
                self.client
                    .refuse(&self.connection, self.hub.name(), &refused);
                return None;
            }
        }
        Some(socket)
    }

    fn admit(&self, socket: &Socket, taken: Option<&Taken>, offset: Option<&str>) -> bool {
        let namespace = self.hub.name();
        let pid = socket.pid();
        let pid = pid.as_ref().map(PrivateId::reveal);
        let id = socket.id();
        let greeting = self.client.frame(
            |out| socket::encode_connect(out, namespace, id.as_str(), pid),
            |out| socket::msgpack::encode_connect(out, namespace, id.as_str(), pid),
        );
        let taken = taken.map(|taken| (taken, offset));
        self.hub
            .admit(socket, taken, |_| self.connection.push_unbounded(&greeting))
    }

    /// Runs the connect handlers, then what has waited for them.
    fn settle(&self, socket: &Socket) -> Option<()> {
        self.connection.expect_introduction(None);
        for handler in &self.hub.handlers().connect {
            handler.run(Context::connecting(socket));
        }
        loop {
            let waiting = {
                let mut slots = self.client.slots.lock();
                match slots
                    .iter_mut()
                    .find(|slot| slot.namespace() == self.hub.name())
                {
                    Some(slot) => match slot {
                        Slot::Joining { waiting, .. } if !waiting.is_empty() => {
                            std::mem::take(waiting)
                        }
                        _ => {
                            *slot = Slot::Joined(socket.clone());
                            return Some(());
                        }
                    },
                    // The connection ended, or the socket was disconnected, meanwhile.
                    None => break,
                }
            };
            for packet in waiting {
                self.client.perform(socket, packet);
            }
        }
        socket.depart(CloseReason::TransportClose);
        None
    }
}
